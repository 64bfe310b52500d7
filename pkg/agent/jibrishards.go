package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Network is what a recorder's agent asks of the network itself.
type Network struct {
	// Resolve answers the IPv4 addresses of a name.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Reach tells whether somebody takes connections there.
	Reach func(ctx context.Context, far netip.AddrPort) bool
}

// shardList is the XMPP servers of shards, "host" or "host:port", sorted.
type shardList []string

// xmppPort is where Prosody takes Jibri's connections when the list does not say (RFC 6120, 3.2.3).
const xmppPort = 5222

func parseShards(text string) shardList {
	var list shardList
	for _, host := range strings.Split(text, ",") {
		if host = strings.TrimSpace(host); host != "" {
			list = append(list, host)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (l shardList) text() string { return strings.Join(l, ",") }

// membership is a recorder's knowledge of the shards that it shall join.
type membership struct {
	wanted  shardList
	started string // the list that the container was last started with
	// addresses are where each shard is, by its entry in the list. A name that cannot be resolved keeps its last ones.
	addresses map[string][]netip.AddrPort
	// takes are the shards that took a connection from this machine at the last try.
	takes   map[string]bool
	trouble string
	askedAt time.Time
}

func (f membership) outdated() bool { return len(f.wanted) > 0 && f.wanted.text() != f.started }

// connected counts the shards that Jibri is connected to, and those others that take connections.
func (f membership) connected(far map[netip.AddrPort]bool) (shards, missing int) {
	for _, s := range f.wanted {
		switch {
		case slices.ContainsFunc(f.addresses[s], func(a netip.AddrPort) bool { return far[a] }):
			shards++
		case f.takes[s]:
			missing++
		}
	}
	return shards, missing
}

// probePolls is how many looks there are between two questions for the shards' addresses.
const probePolls = 5

// Run follows the list of shards and their addresses until the context ends.
func (j *Jibri) Run(ctx context.Context) {
	for {
		j.follow(ctx)
		if !pause(ctx, probePolls*j.config.Poll) {
			return
		}
	}
}

// follow asks once. What was known stays known when there is no answer.
func (j *Jibri) follow(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, stateTimeout)
	defer cancel()
	now := j.config.Clock()
	j.mu.Lock()
	next := j.shards
	j.mu.Unlock()
	if next.askedAt.IsZero() || now.Sub(next.askedAt) >= j.config.ListPoll {
		next = next.asked(limited, j.config.List, now)
	}
	connected := map[netip.AddrPort]bool{}
	if processes, err := readProcesses(j.config.Proc); err == nil {
		connected = processes.connected
	}
	next = next.probed(limited, j.config.Network, connected)
	if ctx.Err() != nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	next.started = j.shards.started
	j.shards = next
}

// asked reads the list anew.
func (f membership) asked(ctx context.Context, list func(context.Context) (string, error), now time.Time) membership {
	text, err := list(ctx)
	wanted := parseShards(text)
	switch {
	case err != nil:
		f.trouble = "the list of shards is kept as it was: " + err.Error()
	case len(wanted) == 0:
		f.trouble = "the list of shards is kept as it was: the new one is empty"
	default:
		f.wanted, f.trouble, f.askedAt = wanted, "", now
	}
	return f
}

// probed finds out where the shards are, and which take connections of those that Jibri is not connected to. Prosody is
// not bothered where Jibri's own connection tells.
func (f membership) probed(ctx context.Context, network Network, connected map[netip.AddrPort]bool) membership {
	addresses, takes := map[string][]netip.AddrPort{}, map[string]bool{}
	for _, s := range f.wanted {
		addresses[s] = resolved(ctx, network, s)
		if addresses[s] == nil {
			addresses[s] = f.addresses[s]
		}
		if slices.ContainsFunc(addresses[s], func(a netip.AddrPort) bool { return connected[a] }) {
			takes[s] = true
			continue
		}
		takes[s] = slices.ContainsFunc(addresses[s], func(a netip.AddrPort) bool { return network.Reach(ctx, a) })
	}
	f.addresses, f.takes = addresses, takes
	return f
}

// resolved is nil when the name has no address.
func resolved(ctx context.Context, network Network, shard string) []netip.AddrPort {
	host, port := shard, uint16(xmppPort)
	if h, p, err := net.SplitHostPort(shard); err == nil {
		number, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return nil
		}
		host, port = h, uint16(number)
	}
	found, err := network.Resolve(ctx, host)
	if err != nil {
		return nil
	}
	var all []netip.AddrPort
	for _, a := range found {
		all = append(all, netip.AddrPortFrom(a.Unmap(), port))
	}
	return all
}

// xmppServers is the variable of the image that names the shards (docker-jitsi-meet, jibri.yml).
const xmppServers = "XMPP_SERVER="

// readEnvironment reads the list that a container was last started with; no file is no list.
func readEnvironment(path string) (shardList, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the container's list of shards cannot be read: %w", err)
	}
	for line := range strings.Lines(string(raw)) {
		if list, found := strings.CutPrefix(strings.TrimSpace(line), xmppServers); found {
			return parseShards(list), nil
		}
	}
	return nil, nil
}

// writeEnvironment writes the file so that a container that is started meanwhile reads the old list or the new one.
func writeEnvironment(path string, list shardList) error {
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := os.WriteFile(temporary, []byte(xmppServers+list.text()+"\n"), 0o600); err != nil {
		return fmt.Errorf("the container's list of shards cannot be written: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("the container's list of shards cannot be written: %w", err)
	}
	return nil
}

// Package routing decides which shard serves a room: the room's key, and the HAProxy configuration that routes by
// it. It is pure: it turns values into text and numbers, and must not know AWS, files or the clock.
package routing

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"text/template"
	"time"
)

// Config is everything that one HAProxy node is told. All addresses are explicit, so that several nodes can run on
// one machine, each on an address of its own.
type Config struct {
	// Self is the name of the slot that this configuration is for; one of Slots.
	Self string
	// Slots are all HAProxy nodes of the fleet; they are each other's peers.
	Slots []Slot
	// Shards are where rooms can live. The order has no effect on where a room goes; the ids have.
	Shards []Shard
	// Resolver answers the shards' names: the VPC's own DNS server.
	Resolver netip.AddrPort
	// ClientPort takes the load balancer's connections, which begin with a PROXY protocol header.
	ClientPort int
	// StatsPort serves the statistics page and /metrics for Prometheus.
	StatsPort int
	// PeersPort replicates the stick table between slots.
	PeersPort int
	// WebPort is where every shard's web server listens.
	WebPort int
	// TableSize is how many rooms are remembered, at least 1.
	TableSize int
	// TableExpiry is how long a room without any request is remembered; at least a second.
	TableExpiry time.Duration
	// CheckPort is where agents answer HAProxy's agent-check: each shard's at its signal node, the slot's own at Self.
	CheckPort int
	// Inside are the ranges from which a request may choose its shard by the header X-Jitsi-Force-Shard.
	Inside []netip.Prefix
	// ConnectionRate bounds the new connections of one client address in ten seconds; a school may be one address.
	ConnectionRate int
}

// Slot is one HAProxy node.
type Slot struct {
	Name    string
	Address netip.Addr
}

// Shard is one place where rooms can live.
type Shard struct {
	// Name is told to clients in the header X-Jitsi-Shard.
	Name string
	// ID places the shard on the consistent hash: 1 to 4,095, unique, never given to another shard. Without explicit
	// ids the removal of one shard of four moved 83 % of the rooms that were elsewhere (measured on HAProxy 2.6).
	ID int
	// Host is the name of the shard's signal node in the private zone.
	Host string
}

// The environment variables that the configuration wants from whoever starts HAProxy, since paths are the machine's.
const (
	// SocketVariable is the path of the admin socket, for the slot's own agent.
	SocketVariable = "ADMIN_SOCKET"
	// StateVariable is the path of a file with the servers' states just before a reload, so that a drain outlives it.
	StateVariable = "SERVER_STATE"
)

// NeighboursBackend is the backend with the other slots, for as long as a slot does not know where rooms are.
const NeighboursBackend = "neighbours"

// ShardHeader tells a client, and whoever debugs, which shard answered.
const ShardHeader = "X-Jitsi-Shard"

// HealthPath answers 200 as long as the node serves and at least one shard is up, and 503 otherwise.
const HealthPath = "/_edge/health"

//go:embed haproxy.cfg.tmpl
var source string

var configuration = template.Must(template.New("haproxy.cfg").Funcs(template.FuncMap{
	"milliseconds": func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + "ms" },
}).Parse(source))

// Render is the text of haproxy.cfg for the slot c.Self. It refuses a configuration that HAProxy would misread or
// that would let two shards share a place on the hash, and names everything that is wrong with it.
func Render(c Config) (string, error) {
	if err := c.validate(); err != nil {
		return "", fmt.Errorf("HAProxy configuration not written: %w", err)
	}
	var out bytes.Buffer
	if err := configuration.Execute(&out, struct {
		Config
		Address           netip.Addr
		RoomRules         string
		KeyRules          string
		ShardHeader, Path string
		Socket, State     string
		KeyLength         int
	}{c, c.address(), roomRules, keyRules, ShardHeader, HealthPath, SocketVariable, StateVariable, KeyLength}); err != nil {
		return "", fmt.Errorf("HAProxy configuration not written: %w", err)
	}
	return out.String(), nil
}

// address is where the slot c.Self listens; the zero Addr when it is not among the slots.
func (c Config) address() netip.Addr {
	for _, s := range c.Slots {
		if s.Name == c.Self {
			return s.Address
		}
	}
	return netip.Addr{}
}

// word is what may stand unquoted in the configuration: nothing that could end a line or begin a comment.
var word = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)

const maxServerID = 4095

func (c Config) validate() error {
	var problems []error
	refuse := func(format string, a ...any) { problems = append(problems, fmt.Errorf(format, a...)) }

	if !c.address().IsValid() {
		refuse("slot %q is not among the slots", c.Self)
	}
	if !c.Resolver.IsValid() {
		refuse("no resolver")
	}
	for _, p := range []struct {
		name string
		port int
	}{{"client", c.ClientPort}, {"stats", c.StatsPort}, {"peers", c.PeersPort}, {"web", c.WebPort}, {"check", c.CheckPort}} {
		if p.port < 1 || p.port > 65535 {
			refuse("%s port %d is not a port", p.name, p.port)
		}
	}
	for _, p := range c.Inside {
		if !p.IsValid() {
			refuse("a range that is inside is missing")
		}
	}
	if c.ConnectionRate < 1 {
		refuse("%d connections in ten seconds: must be positive", c.ConnectionRate)
	}
	if c.TableSize < 1 || c.TableExpiry < time.Second {
		refuse("table of %d rooms for %s: at least one room and a second", c.TableSize, c.TableExpiry)
	}
	names := map[string]bool{}
	for _, s := range c.Slots {
		if !word.MatchString(s.Name) || names[s.Name] || !s.Address.IsValid() {
			refuse("slot %q at %s: the name is not a word or not unique, or the address is missing", s.Name, s.Address)
		}
		names[s.Name] = true
	}
	problems = append(problems, validateShards(c.Shards)...)
	return errors.Join(problems...)
}

func validateShards(shards []Shard) (problems []error) {
	if len(shards) == 0 {
		problems = append(problems, errors.New("no shards"))
	}
	names, ids := map[string]bool{}, map[int]bool{}
	for _, s := range shards {
		if !word.MatchString(s.Name) || !word.MatchString(s.Host) || names[s.Name] {
			problems = append(problems, fmt.Errorf("shard %q at %q: a name is not a word or not unique", s.Name, s.Host))
		}
		if s.ID < 1 || s.ID > maxServerID || ids[s.ID] {
			problems = append(problems, fmt.Errorf("shard %q: id %d is outside 1 to %d or not unique", s.Name, s.ID, maxServerID))
		}
		names[s.Name], ids[s.ID] = true, true
	}
	return problems
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// leastRecorderPoll is the shortest time between two looks of a recorder's agent: each look starts a systemctl.
// leastListPoll is that between two questions for the list of shards, which forty agents ask of moto, and moto answers
// some fifty calls a second. leastLimit is the shortest of the agent's limits, which must let several looks pass.
const (
	leastRecorderPoll = 600 * time.Millisecond
	leastListPoll     = 30 * time.Second
	leastLimit        = 5 * time.Second
)

// batchTimeout is the shortest wall time of a Lambda in a fleet with recorders: the Lambda recordings works through ten
// announcements of two files each, in some hundred calls of moto one after the other. In scenarios with recordings it is
// wholeTimeout, which is that of the templates: code is no faster because a day is.
const (
	batchTimeout = 15 * time.Second
	wholeTimeout = 50 * time.Second
)

// sweepTick is the shortest wall time between two runs of a schedule in a fleet with recorders: each minute the Lambda
// recordings asks for every recording that is not settled, which are forty at once, a second's work of moto's and more.
const sweepTick = 4 * time.Second

// recordsStatePoll is the shortest wall time between two questions of an agent for its shards' states in scenarios with
// recordings, which leave moto other things to answer.
const recordsStatePoll = 2 * time.Second

// leastStatePoll is the shortest wall time between two such questions.
func (s *stage) leastStatePoll() time.Duration {
	if s.options.records {
		return recordsStatePoll
	}
	return leastPoll
}

// leastTick is the shortest wall time between two runs of a schedule.
func (s *stage) leastTick() time.Duration {
	switch {
	case s.options.tick > 0:
		return s.options.tick
	case s.settings.Jibris.Max == 0:
		return leastTick
	}
	return sweepTick
}

// leastTimeout is the shortest wall time of a Lambda; 0 leaves it to the emulator.
func (s *stage) leastTimeout() time.Duration {
	switch {
	case s.options.limit > 0:
		return s.options.limit
	case s.settings.Jibris.Max == 0:
		return 0
	case s.options.records:
		return wholeTimeout
	default:
		return batchTimeout
	}
}

// recorder is a recorder's machine: the real agent, a stand-in of Jibri, and a systemctl that stands between them.
func (m *machines) recorder(ctx context.Context, i machine, address netip.Addr, data string, r *running) error {
	node, err := m.node(i, address, data)
	if err != nil {
		return err
	}
	c := node.Recorder
	if c == nil {
		return errors.New("the user data's node configuration has no recorder")
	}
	dir, err := filepath.Abs(m.dir(i))
	if err != nil {
		return err
	}
	for _, api := range []*string{&c.External, &c.Internal} {
		*api = strings.Replace(*api, "127.0.0.1", address.String(), 1)
	}
	c.Spool, c.Proc, c.Environment = filepath.Join(dir, "spool"), filepath.Join(dir, "proc"), filepath.Join(dir, "shards.env")
	c.DiskFloor = 1 // the disk is this machine's
	node.Poll = settings.Duration(max(node.Poll.D(), leastRecorderPoll))
	node.StatePoll = settings.Duration(max(node.StatePoll.D(), leastListPoll))
	node.SickAfter = settings.Duration(max(node.SickAfter.D(), 5*leastRecorderPoll))
	for _, limit := range []*settings.Duration{&c.JoinLimit, &c.FinalizeLimit, &c.StallLimit, &c.RecordingLimit} {
		*limit = settings.Duration(max(limit.D(), leastLimit))
	}
	boot := time.Duration(float64(m.stage.clock.Scale(m.stage.settings.Jibris.BootTime.D())) * bootSpread(i))
	if err := m.born(ctx, r.role, boot/2); err != nil {
		return err
	}
	finalize, err := filepath.Abs(filepath.Join("build", "finalize", runtime.GOARCH, "finalize"))
	if err != nil {
		return err
	}
	unit := unit{dir: filepath.Join(dir, "systemd")}
	if err := unit.write(); err != nil {
		return err
	}
	err = m.stage.world.AddRecorder(standin.Recorder{
		ID: fleet.InstanceID(i.ID), Addr: address, Spool: c.Spool, Proc: c.Proc, Finalize: finalize,
		OnContainer: func(runs bool, exit int) { m.noted(i, unit.says(stateAfter(runs, exit))) },
	})
	if err != nil {
		return err
	}
	m.all.Go(func() {
		m.noted(i, unit.obey(ctx, func(order string) { m.stage.obey(fleet.InstanceID(i.ID), order, c.Environment) }))
	})
	// The image takes the other half of the time.
	m.all.Go(func() {
		if pace.Wait(ctx, boot/2) == nil {
			m.noted(i, unit.says(unitInactive))
		}
	})
	m.mu.Lock()
	r.environment = []string{"PATH=" + unit.dir + ":" + os.Getenv("PATH")}
	m.mu.Unlock()
	return m.supervised(ctx, i, node, r)
}

// supervised runs a recorder's agent, which its unit starts again whenever it ends.
func (m *machines) supervised(ctx context.Context, i machine, node settings.Node, r *running) error {
	for {
		err := m.agent(ctx, i, node, r)
		if ctx.Err() != nil || !r.killed.Swap(false) {
			return err
		}
		if err := pace.Wait(ctx, restartPause); err != nil {
			return err
		}
	}
}

func (m *machines) noted(i machine, err error) {
	if err != nil && m.stage.ctx.Err() == nil {
		m.stage.journal.note("problem", "recorder %s: %v", i.ID, err)
	}
}

// obey does to a Jibri's container what systemctl was told.
func (s *stage) obey(id fleet.InstanceID, order, environment string) {
	if order == "restart" || order == "stop" {
		s.world.StopContainer(id)
	}
	if order == "restart" || order == "start" {
		raw, err := os.ReadFile(environment)
		if err != nil {
			s.journal.note("problem", "recorder %s is started without a list of shards: %v", id, err)
			return
		}
		_, list, _ := strings.Cut(strings.TrimSpace(string(raw)), "=")
		s.world.StartContainer(id, strings.Split(list, ","))
	}
}

// unit is the systemd of one machine, as far as one service goes: a folder with a systemctl, the service's state, and a
// pipe with what is to be done.
type unit struct{ dir string }

// systemctl has no process of its own but the shell's: every look of every agent starts one.
const systemctl = `#!/bin/sh
here=${0%/*}
case $1 in
  show)
    if read -r state < "$here/state"; then printf 'LoadState=loaded\nActiveState=%s\n' "$state"
    else printf 'LoadState=not-found\nActiveState=inactive\n'; fi 2>/dev/null ;;
  *) echo "$1" > "$here/orders" ;;
esac
`

func (u unit) write() error {
	if err := os.MkdirAll(u.dir, 0o750); err != nil {
		return err
	}
	if err := syscall.Mkfifo(filepath.Join(u.dir, "orders"), 0o600); err != nil {
		return fmt.Errorf("the pipe to the stand-in of systemd is not made: %w", err)
	}
	return os.WriteFile(filepath.Join(u.dir, "systemctl"), []byte(systemctl), 0o700) //nolint:gosec // a program
}

// The states of a service in the words of systemd. One whose program ended with another status than 0 has failed, as
// Jibri's has even when it ends as it was told to.
const (
	unitInactive = "inactive"
	unitActive   = "active"
	unitFailed   = "failed"
)

// stateAfter is the service's state when its container runs, or has ended with a status.
func stateAfter(runs bool, exit int) string {
	switch {
	case runs:
		return unitActive
	case exit != 0:
		return unitFailed
	default:
		return unitInactive
	}
}

// says sets the service's state: until it was set the service is unknown.
func (u unit) says(state string) error {
	name := filepath.Join(u.dir, "state")
	if err := os.WriteFile(name+".new", []byte(state+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// obey hands on every order until the context ends.
func (u unit) obey(ctx context.Context, do func(order string)) error {
	pipe, err := os.OpenFile(filepath.Join(u.dir, "orders"), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = pipe.Close() })
	defer stop()
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		do(lines.Text())
	}
	if ctx.Err() != nil {
		return nil
	}
	return lines.Err()
}

// book is where the shards' names lead, for the recorders' stand-ins: they ask under the World's lock, and nobody waits
// for DNS there.
type book struct {
	mu    sync.Mutex
	known map[string]netip.Addr
}

func (b *book) resolve(host string) (netip.Addr, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, known := b.known[host]
	return at, known
}

// bookStep is how often the names are asked for.
const bookStep = 300 * time.Millisecond

// follow asks the VPC's resolver for the shards' names until the context ends.
func (b *book) follow(ctx context.Context, fleetSettings settings.Settings) {
	server := net.JoinHostPort(fleetSettings.Network.Resolver().String(), strconv.Itoa(dnsPort))
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server)
	}}
	for {
		for _, shard := range fleetSettings.Shards {
			name := settings.SignalName(fleetSettings.Fleet, shard.Name)
			found, err := resolver.LookupNetIP(ctx, "ip4", name)
			b.mu.Lock()
			if err == nil && len(found) > 0 {
				b.known[name] = found[0].Unmap()
			}
			b.mu.Unlock()
		}
		if pace.Wait(ctx, bookStep) != nil {
			return
		}
	}
}

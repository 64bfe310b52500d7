package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
)

// Slot is how an edge node follows the configuration that was deployed for its slot. Everything is needed.
type Slot struct {
	// Where says where the deployed configurations are, every Poll: an address that ends in a digest and ".zip".
	Where func(ctx context.Context) (string, error)
	Poll  time.Duration
	// Fetch gets the slot's own file of them.
	Fetch func(ctx context.Context, where string) (string, error)
	// Check tells whether HAProxy accepts the configuration in a file.
	Check func(ctx context.Context, file string) error
	// Master reloads HAProxy.
	Master *haproxy.Master
	// Name is the slot's, by which it knows when it may reload; see turnOf.
	Name string
	Now  func() time.Time
	// Configuration and Servers are the paths of HAProxy's configuration and of its server-state-file.
	Configuration, Servers string
	Log                    *slog.Logger
}

// HAProxyEnvironment is what the configuration wants from whoever starts or asks HAProxy: the paths of the admin socket
// and of the server-state-file.
func HAProxyEnvironment(socket, servers string) []string {
	return []string{routing.SocketVariable + "=" + socket, routing.StateVariable + "=" + servers}
}

// Bounds of a step of a slot's: of fetching and checking a configuration, and of how long a reload may take until
// the new process answers.
const (
	fetchTimeout  = 20 * time.Second
	reloadTimeout = 10 * time.Second
	reloadPoll    = 20 * time.Millisecond
	// turnTime is how long a slot has to reload before another may.
	turnTime = 30 * time.Second
	// lessonLimit is how long the new process may learn the rooms from the one before it, or from a peer, until clients
	// are sent to it in any case. It is less than the load balancer needs to notice: two health checks ten seconds apart.
	lessonLimit = 8 * time.Second
)

var errNotItsTurn = errors.New("it is another slot's turn")

// following is what an edge node knows of its slot's configuration.
type following struct {
	where   string // that was taken or refused
	name    string // of the configuration that is in the file; empty while nothing is known
	refused error
}

// Follow takes over what is deployed for the slot until the context ends. What was in force stays so when there is no
// answer, or a configuration that HAProxy refuses. Where HAProxy does not run, the file is enough: whoever starts it
// does so until the file is there.
func (e *Edge) Follow(ctx context.Context) {
	for {
		e.note(ctx, e.step(ctx))
		if !pause(ctx, e.Slot.Poll) {
			return
		}
	}
}

// step asks once, and brings the running process to what is in the file: also after a reload that failed, or an
// agent that ended between file and reload.
func (e *Edge) step(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, fetchTimeout)
	unsure := e.learn(limited)
	cancel()
	if e.follows.name == "" {
		return unsure
	}
	return errors.Join(unsure, e.enforce(ctx))
}

// learn makes a configuration that is new the one in the file.
func (e *Edge) learn(ctx context.Context) error {
	where, err := e.Slot.Where(ctx)
	if err != nil {
		return fmt.Errorf("HAProxy's configuration is kept: %w", err)
	}
	where = strings.TrimSpace(where)
	if where == e.follows.where {
		return e.follows.refused
	}
	name, err := nameOf(where)
	if err != nil {
		return err
	}
	text, err := e.Slot.Fetch(ctx, where)
	if err != nil {
		return fmt.Errorf("HAProxy's configuration %s is not to be had: %w", name, err)
	}
	refused, err := e.put(ctx, text+"\nglobal\n    description "+name+"\n")
	if err != nil {
		return fmt.Errorf("HAProxy's configuration %s is not written: %w", name, err)
	}
	e.follows.where, e.follows.refused = where, nil
	if refused != nil {
		e.follows.refused = fmt.Errorf("HAProxy refuses the configuration %s, and keeps its own: %w", name, refused)
		return e.follows.refused
	}
	e.follows.name = name
	return nil
}

// word is what may become HAProxy's description.
var word = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// nameLength is how much of an archive's name, which is its digest, tells configurations apart.
const nameLength = 12

func nameOf(where string) (string, error) {
	name := strings.TrimSuffix(path.Base(where), ".zip")
	if !word.MatchString(name) {
		return "", fmt.Errorf("HAProxy's configuration is kept: %.200q is no address of one", where)
	}
	return name[:min(len(name), nameLength)], nil
}

// put makes a text the configuration's file if HAProxy accepts it, else it says why not.
func (e *Edge) put(ctx context.Context, text string) (refused, err error) {
	file := e.Slot.Configuration + ".new"
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	if refused := e.Slot.Check(ctx, file); refused != nil {
		return refused, ctx.Err()
	}
	return nil, os.Rename(file, e.Slot.Configuration)
}

// enforce reloads HAProxy unless its process has the configuration that is in the file, or none is there.
func (e *Edge) enforce(ctx context.Context) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	process, err := e.Admin.Process(ctx)
	switch {
	case errors.Is(err, haproxy.ErrGone):
		return nil
	case err != nil:
		return fmt.Errorf("HAProxy's configuration is unknown: %w", err)
	case process.Description == e.follows.name:
		return nil
	}
	stat, err := e.Admin.Stat(ctx)
	if err != nil {
		return fmt.Errorf("HAProxy's configuration is not reloaded yet: %w", err)
	}
	if err := e.turnOf(stat); err != nil {
		return fmt.Errorf("HAProxy's configuration is not reloaded yet: %w", err)
	}
	e.learning.Store(true)
	defer e.learning.Store(false)
	next, err := e.reload(ctx, process)
	if err != nil {
		return fmt.Errorf("HAProxy keeps the configuration %q, not %q: %w", process.Description, e.follows.name, err)
	}
	e.Slot.Log.Info("HAProxy's configuration", "from", process.Description, "to", next.Description)
	if e.warmed == process.PID || process.Uptime >= e.WarmUp {
		e.await(ctx)
		e.warmed = next.PID // it has the servers' states, and the rooms
	}
	return nil
}

// turnOf says what a reload must wait for; nil when it is this slot's turn. A process that has just started sends
// requests of rooms to the other slots until it knows where the rooms are, so one of them must be there: slots reload
// one after the other, each in its own part of the clock, and only while no other is down. Measured: when two reloaded
// at the same moment, up to 127 of 1,500 rooms moved.
func (e *Edge) turnOf(stat haproxy.Stat) error {
	names := []string{e.Slot.Name}
	for _, s := range stat.Servers {
		if s.Backend != routing.NeighboursBackend {
			continue
		}
		if s.Status != haproxy.Up {
			return errors.New(s.Name + " is not there")
		}
		names = append(names, s.Name)
	}
	slices.Sort(names)
	turn := int(e.Slot.Now().Unix()/int64(turnTime.Seconds())) % len(names)
	if names[turn] != e.Slot.Name {
		return errNotItsTurn
	}
	return nil
}

// await waits for the process that was just started to have learnt the rooms.
func (e *Edge) await(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lessonLimit)
	defer cancel()
	for {
		if synced, err := e.Admin.Synced(ctx); err == nil && synced || !pause(ctx, reloadPoll) {
			return
		}
	}
}

// reload makes a process with the file's configuration succeed one, and waits for it.
func (e *Edge) reload(ctx context.Context, before haproxy.Process) (haproxy.Process, error) {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	servers, err := e.Admin.Servers(ctx)
	if err != nil {
		return before, err
	}
	if err := os.WriteFile(e.Slot.Servers, []byte(servers), 0o600); err != nil {
		return before, fmt.Errorf("the servers' states are not saved: %w", err)
	}
	// They are no longer true when HAProxy begins anew for another reason.
	defer func() { _ = os.Remove(e.Slot.Servers) }()
	if err := e.Slot.Master.Reload(ctx); err != nil {
		return before, err
	}
	for {
		now, err := e.Admin.Process(ctx)
		if err == nil && now.PID != before.PID && !now.Stopping {
			return now, nil
		}
		if !pause(ctx, reloadPoll) {
			return before, fmt.Errorf("no other process answers within %s", reloadTimeout)
		}
	}
}

// note keeps what is wrong for the node's status.
func (e *Edge) note(ctx context.Context, trouble error) {
	if ctx.Err() != nil {
		return
	}
	e.turn.Lock()
	defer e.turn.Unlock()
	if inOneLine(trouble) != inOneLine(e.trouble) {
		e.Slot.Log.Warn("HAProxy's configuration", "trouble", inOneLine(trouble))
	}
	e.trouble = trouble
}

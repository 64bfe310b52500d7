package standin

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Recorder is a machine for Jibri: where its container's files and addresses are.
type Recorder struct {
	ID   fleet.InstanceID
	Addr netip.Addr
	// Spool is the folder for recordings, and Proc one that stands for the kernel's /proc: both are made.
	Spool, Proc string
	// Finalize is the program of the finalize script.
	Finalize string
	// SingleUse is jibri.single-use-mode.
	SingleUse bool
	// OnContainer is told when the container begins to run, or with which status it ended. It must not call the World.
	OnContainer func(running bool, exit int)
}

// What Jibri takes and writes: an assumption, for it is Chrome's and the encoder's business. An empty call is left
// after jibri.call-status-checks.default-call-empty-timeout.
const (
	jibriBoot  = 10 * time.Second
	joinTime   = 8 * time.Second
	callEmpty  = 30 * time.Second
	mediaBytes = 2000 // in a second of the component's time, unless a wish says more
)

// How a container ends: Jibri's own end is 255 (JIB, RunLevels; "docker run" hands it on), a container that was killed
// ends with 128 and the signal's number.
const (
	exitJibri  = 255
	exitKilled = 137
)

// jibri is one recorder: its machine, its container and what that is at.
type jibri struct {
	Recorder
	process process

	runs   bool // the container
	upAt   time.Time
	up     bool
	pid    int
	hosts  []string // of the shards' Prosodies
	joined map[*signal]bool
	told   status // the last presence

	expired   bool
	leaving   bool // told to end when it is idle
	unhealthy bool
	broken    bool // unhealthy in each container
	stalled   bool
	noMedia   bool
	killNext  bool // the next finalize program
	hung      chan struct{}
	session   *session
}

// status is what Jibri publishes.
type status struct{ busy, healthy bool }

// AddRecorder adds a machine whose container does not run yet.
func (w *World) AddRecorder(r Recorder) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	if w.jibris[r.ID] != nil {
		return fmt.Errorf("recorder %s cannot be added: it is there", r.ID)
	}
	if r.OnContainer == nil {
		r.OnContainer = func(bool, int) {}
	}
	j := &jibri{Recorder: r}
	if err := j.makeFolders(); err != nil {
		return err
	}
	w.jibris[r.ID] = j
	return nil
}

// StartContainer starts a recorder's container with the hosts of its shards' Prosodies, unless it runs.
func (w *World) StartContainer(id fleet.InstanceID, hosts []string) bool {
	return w.onJibri(id, func(j *jibri) {
		if j.runs {
			return
		}
		w.pids++
		j.runs, j.up, j.pid, j.hosts, j.joined = true, false, w.pids, slices.Clone(hosts), map[*signal]bool{}
		j.upAt = w.now.Add(w.scaled(jibriBoot))
		j.told, j.expired, j.leaving, j.unhealthy, j.stalled = status{}, false, false, j.broken, false
		j.resume()
		j.OnContainer(true, 0)
	})
}

// StopContainer ends a container at once, as "docker stop" does: what it recorded is cut.
func (w *World) StopContainer(id fleet.InstanceID) bool {
	return w.onJibri(id, func(j *jibri) { w.endContainer(j, "its container was stopped", exitKilled) })
}

// CrashJibri ends a container as a crash does.
func (w *World) CrashJibri(id fleet.InstanceID) bool {
	return w.onJibri(id, func(j *jibri) { w.endContainer(j, "its container crashed", exitKilled) })
}

// HangJibri makes a Jibri accept connections and never answer, or answer again. Its encoder goes on.
func (w *World) HangJibri(id fleet.InstanceID, on bool) bool {
	return w.onJibri(id, func(j *jibri) {
		switch {
		case !on:
			j.resume()
		case j.hung == nil:
			j.hung = make(chan struct{})
		}
	})
}

// ExpireJibri makes a Jibri expire, as single-use mode does after a session.
func (w *World) ExpireJibri(id fleet.InstanceID) bool {
	return w.onJibri(id, func(j *jibri) { j.expired = true })
}

// SickenJibri makes a Jibri unhealthy, which only another process heals.
func (w *World) SickenJibri(id fleet.InstanceID) bool {
	return w.onJibri(id, func(j *jibri) { j.unhealthy = true })
}

// BreakJibri makes a Jibri unhealthy in this container and in each that follows on its machine.
func (w *World) BreakJibri(id fleet.InstanceID) bool {
	return w.onJibri(id, func(j *jibri) { j.broken, j.unhealthy = true, true })
}

// StallEncoder makes a Jibri's encoder write nothing more.
func (w *World) StallEncoder(id fleet.InstanceID) bool {
	return w.onJibri(id, func(j *jibri) { j.stalled = true })
}

// MuteJibri lets no media arrive at a Jibri.
func (w *World) MuteJibri(id fleet.InstanceID) bool {
	return w.onJibri(id, func(j *jibri) { j.noMedia = true })
}

// KillFinalize kills the next finalize program of a Jibri before it has written anything.
func (w *World) KillFinalize(id fleet.InstanceID) bool {
	return w.onJibri(id, func(j *jibri) { j.killNext = true })
}

// onJibri does something to a recorder; false when there is no such recorder.
func (w *World) onJibri(id fleet.InstanceID, do func(*jibri)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	j := w.jibris[id]
	if j == nil {
		return false
	}
	do(j)
	return true
}

func (j *jibri) resume() {
	if j.hung != nil {
		close(j.hung)
		j.hung = nil
	}
}

// status is what Jibri is at; a presence has no word for expired.
func (j *jibri) status() status {
	return status{busy: j.session != nil || j.leaving || j.expired, healthy: !j.unhealthy}
}

// endContainer ends everything in a container.
func (w *World) endContainer(j *jibri, why string, exit int) {
	if !j.runs {
		return
	}
	if s := j.session; s != nil {
		s.cut = true
		w.stopEncoder(j, why)
		w.endSession(j)
	}
	j.runs, j.up, j.leaving = false, false, false
	j.resume()
	j.process.end()
	j.joined = nil
	w.problem(j, j.forgetProcess())
	j.OnContainer(false, exit)
}

// removeJibri is the end of a recorder's machine.
func (w *World) removeJibri(id fleet.InstanceID) {
	j := w.jibris[id]
	if j == nil {
		return
	}
	w.endContainer(j, "its machine was taken away", exitKilled)
	delete(w.jibris, id)
}

// liveJibri is what a recorder's container does by itself.
func (w *World) liveJibri(j *jibri) {
	if !j.runs || w.now.Before(j.upAt) {
		return
	}
	if !j.up {
		j.up = true
		for port, handler := range w.jibriHandlers(j) {
			w.problem(j, j.process.listen(netip.AddrPortFrom(j.Addr, port), handler))
		}
		w.problem(j, j.tellProcess())
	}
	w.connect(j)
	if j.session != nil {
		w.liveSession(j)
	}
	if j.leaving && j.session == nil {
		w.endContainer(j, "it was idle", exitJibri) // before it could say so
		return
	}
	w.publish(j)
}

// connect keeps a Jibri in the breweries of all its shards. A connection that closes ends the recording that it owns.
func (w *World) connect(j *jibri) {
	changed := false
	for s := range j.joined {
		if w.signals[s.id] != s {
			delete(j.joined, s)
			changed = true
			if j.session != nil && j.session.signal == s && !j.session.ending {
				j.session.Cut = "its shard's Prosody closed the connection"
				w.stopSession(j)
			}
		}
	}
	for _, host := range j.hosts {
		at, known := w.options.Resolve(host)
		for _, s := range w.sortedSignals() {
			if known && s.up && s.addr == at && !j.joined[s] {
				j.joined[s] = true
				changed = true
				s.recorders[j.ID] = &view{status: j.status()}
			}
		}
	}
	if changed {
		w.problem(j, j.tellProcess())
	}
}

// publish sends a presence to each brewery when it differs from the last one.
func (w *World) publish(j *jibri) {
	now := j.status()
	if now == j.told {
		return
	}
	j.told = now
	for s := range j.joined {
		if v := s.recorders[j.ID]; v != nil {
			v.status = now
			if !now.busy {
				v.failedAt = time.Time{}
			}
		}
	}
}

func (w *World) problem(j *jibri, err error) {
	if err != nil {
		w.options.Log.Error("a recorder's stand-in", "node", j.ID, "why", err)
	}
}

// Jibri is how a recorder is.
type Jibri struct {
	ID                        fleet.InstanceID
	Runs, Up, Busy, Recording bool
	// Free is whether a session could begin now, in the shards that it is joined to.
	Free    bool
	Shards  int // whose breweries it is in
	Session string
}

// Jibris are all recorders.
func (w *World) Jibris() []Jibri {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	var all []Jibri
	for _, id := range sortedKeys(w.jibris) {
		j := w.jibris[id]
		one := Jibri{ID: id, Runs: j.runs, Up: j.up, Busy: j.status().busy, Shards: len(j.joined)}
		one.Free = j.up && j.hung == nil && j.status() == status{healthy: true}
		if j.session != nil {
			one.Session, one.Recording = j.session.ID, j.session.file != nil
		}
		all = append(all, one)
	}
	return all
}

// Why nothing is recorded.
var (
	ErrNoRoom     = errors.New("there is no such conference")
	ErrNoJicofo   = errors.New("the shard's Jicofo does not answer")
	ErrRecorded   = errors.New("the conference is being recorded already")
	ErrNoRecorder = errors.New("no recorder is available")
)

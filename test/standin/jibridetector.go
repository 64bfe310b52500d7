package standin

import (
	"strings"
	"time"
)

// Jicofo's choice of a recorder: JibriDetector.kt and JibriSession.kt.
const (
	selectedPause = 200 * time.Millisecond // a recorder just chosen is not chosen again
	failedPause   = time.Minute            // one that failed is avoided
	jibriRetries  = 5                      // jicofo.jibri.num-retries
)

// view is one recorder in a Jicofo's eyes, by its last presence.
type view struct {
	status
	failedAt, selectedAt time.Time
}

func (w *World) available(v *view) bool {
	return v.healthy && !v.busy && !(v.failed(w)) && (v.selectedAt.IsZero() || w.now.Sub(v.selectedAt) >= w.scaled(selectedPause))
}

func (v *view) failed(w *World) bool {
	return !v.failedAt.IsZero() && w.now.Sub(v.failedAt) < w.scaled(failedPause)
}

// chooseJibri is the recorder that a Jicofo would choose now: of those that it could, the one whose last failure is longest
// ago.
func (w *World) chooseJibri(s *signal) *jibri {
	var chosen *jibri
	for _, id := range sortedKeys(s.recorders) {
		v, j := s.recorders[id], w.jibris[id]
		if j == nil || !j.joined[s] {
			delete(s.recorders, id)
			continue
		}
		if w.available(v) && (chosen == nil || v.failedAt.Before(s.recorders[chosen.ID].failedAt)) {
			chosen = j
		}
	}
	return chosen
}

// Wish is what a moderator asks for.
type Wish struct {
	// Stream is a live stream in place of a recording.
	Stream bool
	// BytesPerSecond is what a recording takes of the disk, in a second of the component's time; 0 is the usual.
	BytesPerSecond int
}

// Record asks for a conference to be recorded; see Ask.
func (w *World) Record(room string) (string, error) { return w.Ask(room, Wish{}) }

// Ask asks for a conference to be recorded or streamed, as its moderator does, and is told at once whether it will. The
// answer is the session's id.
func (w *World) Ask(room string, wish Wish) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	room = strings.ToLower(room)
	s := w.signalOf(room)
	switch {
	case s == nil:
		return "", ErrNoRoom
	case w.now.Before(s.jicofoUpAt):
		return "", ErrNoJicofo
	case s.recorded[room] != nil:
		return "", ErrRecorded
	}
	for range 1 + jibriRetries {
		j := w.chooseJibri(s)
		if j == nil {
			break
		}
		v := s.recorders[j.ID]
		v.selectedAt = w.now
		if j.hung != nil || j.status().busy {
			v.failedAt = w.now
			continue
		}
		j.session = w.newSession(j, s, room, wish)
		s.recorded[room] = j.session
		return j.session.ID, nil
	}
	if wish.Stream {
		s.streamingFailures++
	} else {
		s.recordingFailures++
	}
	return "", ErrNoRecorder
}

// active counts a Jicofo's recordings, or its streams.
func (s *signal) active(stream bool) int {
	n := 0
	for _, one := range s.recorded {
		if one.Stream == stream {
			n++
		}
	}
	return n
}

// StopRecording ends a recording or a stream, as its moderator does; it fails when the room's Jicofo knows of none, as after its
// restart.
func (w *World) StopRecording(room string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	room = strings.ToLower(room)
	for _, s := range w.sortedSignals() {
		one := s.recorded[room]
		if one == nil {
			continue
		}
		if j := w.jibris[one.Jibri]; j != nil && j.session == one && !one.ending {
			w.stopSession(j)
		}
		return nil
	}
	return ErrNoRoom
}

// RestartJicofo ends a shard's Jicofo and starts it again after a while, on the component's clock. It forgets which
// recordings it asked for, and learns of the recorders anew from the brewery. What it does with bridges stays as it was.
func (w *World) RestartJicofo(shardName string, after time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	s := w.shard(shardName).active
	if s == nil {
		return false
	}
	s.jicofoUpAt = w.now.Add(w.scaled(after))
	clear(s.recorded)
	for id := range s.recorders {
		delete(s.recorders, id)
		if j := w.jibris[id]; j != nil && j.joined[s] {
			s.recorders[id] = &view{status: j.told}
		}
	}
	return true
}

// signalOf is the signal node of a conference.
func (w *World) signalOf(room string) *signal {
	for _, name := range sortedKeys(w.shards) {
		if s := w.shards[name].active; s != nil && s.rooms[room] != nil {
			return s
		}
	}
	return nil
}

func (s *signal) sessionEnded(one *session) {
	if s.recorded[one.Room] == one {
		delete(s.recorded, one.Room)
	}
}

// detectorStats is jibri_detector of /stats.
func (w *World) detectorStats(s *signal) map[string]any {
	count, available := 0, 0
	for id, v := range s.recorders {
		if j := w.jibris[id]; j == nil || !j.joined[s] {
			continue
		}
		count++
		if w.available(v) {
			available++
		}
	}
	return map[string]any{"count": count, "available": available}
}

// detectorDebug is jibri_detector of /debug, by the recorders' nicknames.
func (w *World) detectorDebug(s *signal) map[string]any {
	all := map[string]any{}
	for id, v := range s.recorders {
		if j := w.jibris[id]; j == nil || !j.joined[s] {
			continue
		}
		health, busy := "UNHEALTHY", "IDLE"
		if v.healthy {
			health = "HEALTHY"
		}
		if v.busy {
			busy = "BUSY"
		}
		all[string(id)] = map[string]any{"health_status": health, "busy_status": busy, "reports_available": v.healthy && !v.busy,
			"last_failed": stamp(v.failedAt), "last_selected": stamp(v.selectedAt)}
	}
	return all
}

func stamp(at time.Time) string {
	if at.IsZero() {
		at = time.Unix(0, 0)
	}
	return at.UTC().Format(time.RFC3339Nano)
}

package simulate

import (
	"container/heap"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// Figures of the recorders' world, in seconds.
const (
	// patience is how long somebody asks again for a recorder while none is free. Jicofo has no queue: it answers "busy" at
	// once, and people press the button again.
	patience = 60
	// prompt is the delay above which a start counts as waited.
	prompt = 5
	// finalizing is how long a recorder stays busy after a recording's end.
	finalizing = 5
	// spoolBase and spoolShare are how long a recording is on the recorder's disk after it: a minute, and two minutes for
	// each recorded hour. Meanwhile the recorder may record again and may not be ended.
	spoolBase  = 60
	spoolShare = 120.0 / 3600
	// jibriEndDelay is from the last duty of a recorder that was told to shut down to the end of its bill: the control
	// plane's next look and the machine's own stop.
	jibriEndDelay = 90
	// jibriStop is the machine's own stop alone.
	jibriStop = 30
)

// JibriFigures is what became of the recorders under one policy.
type JibriFigures struct {
	InstanceHours    float64 `json:"instanceHours"`
	BusyHours        float64 `json:"busyHours"` // recording or finalizing
	Requests         int     `json:"requests"`
	WaitedShare      float64 `json:"waitedShare"` // of requests, begun later than 5 s
	FailedShare      float64 `json:"failedShare"` // of requests, not begun within 60 s, nor before the wish ended
	KilledRecordings int     `json:"killedRecordings"`
	Launches         int     `json:"launches"`
}

type recorder struct {
	id         int
	state      bridgeState // serving is free or busy; draining is told to shut down with duties left
	launched   float64
	idleSince  float64
	fails      bool
	busy       bool
	job        int // of the recording that it carries, so that the end of one that was killed is known to be void
	spoolUntil float64
	starts     int64   // recordings that began here
	endAt      float64 // of its bill, when it ends
}

// request is somebody's wish to record, which waits for a recorder.
type request struct {
	recording Recording
	counted   bool
}

// happening is when something about a recorder changes by itself.
type happening struct {
	at       float64
	recorder *recorder
	what     change
	job      int
	began    float64
}

type change uint8

const (
	upOrDown change = iota // booted, failed to boot, or ended
	stopped                // the recording's end
	finished               // finalized: free again, its file in the spool
	emptied                // the spool may be empty
)

type happenings []happening

func (q happenings) Len() int { return len(q) }
func (q happenings) Less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	return q[i].recorder.id < q[j].recorder.id
}
func (q happenings) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *happenings) Push(x any)   { *q = append(*q, x.(happening)) } //nolint:errcheck,forcetypeassert // the heap holds nothing else
func (q *happenings) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

// studio is the pool of recorders and who waits for one.
type studio struct {
	recorders []*recorder // all that are not ended, by id
	waiting   []request   // oldest first
	queue     happenings
	next, job int
	bootTime  func(id int) (seconds float64, fails bool)
	began     int  // recordings since a policy looked last
	held      bool // new recorders are admitted, and retired ones ended, by the policy

	counting                                   bool
	busy                                       int
	cost, busyTime                             float64 // seconds
	requests, waited, failed, killed, launches int
}

func (s *studio) pass(dt float64) {
	if s.counting && dt > 0 {
		s.cost += dt * float64(len(s.recorders))
		s.busyTime += dt * float64(s.busy)
	}
}

func (s *studio) figures() JibriFigures {
	f := JibriFigures{InstanceHours: s.cost / 3600, BusyHours: s.busyTime / 3600, Requests: s.requests, KilledRecordings: s.killed, Launches: s.launches}
	if s.requests > 0 {
		f.WaitedShare, f.FailedShare = float64(s.waited)/float64(s.requests), float64(s.failed)/float64(s.requests)
	}
	return f
}

// ask begins a recording on a free recorder, or lets the wish wait for one.
func (s *studio) ask(r Recording) {
	w := request{r, s.counting}
	if s.counting {
		s.requests++
	}
	s.waiting = append(s.waiting, w)
	s.serve(r.Start)
}

// deadline is when nobody asks for the recording any more.
func (w request) deadline() float64 { return min(w.recording.Start+patience, w.recording.End) }

// giveUp ends the waits that are over at a moment.
func (s *studio) giveUp(now float64) {
	kept := s.waiting[:0]
	for _, w := range s.waiting {
		if now < w.deadline() {
			kept = append(kept, w)
		} else if w.counted {
			s.failed++
		}
	}
	s.waiting = kept
}

// nextDeadline is when the first waiting wish is given up.
func (s *studio) nextDeadline() float64 {
	first := never
	for _, w := range s.waiting {
		first = min(first, w.deadline())
	}
	return first
}

// serve begins what waits on recorders that are free, those with the lowest numbers first.
func (s *studio) serve(now float64) {
	for _, r := range s.recorders {
		if len(s.waiting) == 0 {
			return
		}
		if r.state != serving || r.busy {
			continue
		}
		w := s.waiting[0]
		s.waiting = s.waiting[1:]
		if w.counted && now-w.recording.Start > prompt {
			s.waited++
		}
		s.job++
		s.busy++
		s.began++
		r.busy, r.job, r.starts = true, s.job, r.starts+1
		heap.Push(&s.queue, happening{at: w.recording.End, recorder: r, what: stopped, job: s.job, began: now})
	}
}

func (s *studio) launch(now float64) {
	r := &recorder{id: s.next, state: booting, launched: now}
	s.next++
	if s.counting {
		s.launches++
	}
	seconds, fails := s.bootTime(r.id)
	r.fails = fails
	s.recorders = append(s.recorders, r)
	if s.held {
		seconds = max(0, seconds-admission)
	}
	heap.Push(&s.queue, happening{at: now + seconds, recorder: r})
}

// due carries out the change at the head of the queue.
func (s *studio) due(now float64) {
	h := heap.Pop(&s.queue).(happening) //nolint:errcheck,forcetypeassert // the heap holds nothing else
	r := h.recorder
	switch {
	case h.what == upOrDown && r.state == ending:
		if now >= r.endAt { // not when it would have come up
			s.bury(r)
		}
	case h.what == upOrDown && r.fails:
		if !s.held { // else until the policy gives it up
			s.bury(r)
		}
	case h.what == upOrDown && s.held:
		r.state = standby
	case h.what == upOrDown && r.state == booting:
		s.begin(r, now)
	case r.state == ending || r.state == ended || h.job != r.job:
	case h.what == stopped:
		h.at, h.what = now+finalizing, finished
		heap.Push(&s.queue, h)
	case h.what == finished:
		s.busy--
		r.busy, r.idleSince = false, now
		r.spoolUntil = max(r.spoolUntil, now+spoolBase+spoolShare*(now-finalizing-h.began))
		s.endIfDone(r, now)
		s.serve(now)
	case h.what == emptied:
		s.endIfDone(r, now)
	}
}

// admit lets a recorder that has booted take recordings.
func (s *studio) admit(r *recorder, now float64) {
	if r.state == standby {
		s.begin(r, now)
	}
}

func (s *studio) begin(r *recorder, now float64) {
	r.state, r.idleSince = serving, now
	s.serve(now)
}

func (s *studio) bury(r *recorder) {
	r.state = ended
	for i := range s.recorders {
		if s.recorders[i] == r {
			s.recorders = append(s.recorders[:i], s.recorders[i+1:]...)
			return
		}
	}
}

// retire tells a recorder to shut down when its recording is over and safe. It begins no other.
func (s *studio) retire(r *recorder, now float64) {
	switch r.state {
	case serving:
		r.state = draining
		s.endIfDone(r, now)
	case booting:
		s.end(r, now, jibriEndDelay)
	}
}

func (s *studio) endIfDone(r *recorder, now float64) {
	switch {
	case r.state != draining || r.busy || s.held:
	case now < r.spoolUntil:
		heap.Push(&s.queue, happening{at: r.spoolUntil, recorder: r, what: emptied, job: r.job})
	default:
		s.end(r, now, jibriEndDelay)
	}
}

func (s *studio) end(r *recorder, now, delay float64) {
	r.state, r.endAt = ending, now+delay
	heap.Push(&s.queue, happening{at: r.endAt, recorder: r})
}

// kill ends a recorder whatever it carries: the recording that runs and the one in the spool are lost.
func (s *studio) kill(r *recorder, now float64) {
	if r.state >= ending {
		return
	}
	lost := 0
	if r.busy {
		s.busy--
		r.busy = false
		lost++
	}
	if now < r.spoolUntil {
		lost++
	}
	if s.counting {
		s.killed += lost
	}
	if s.held {
		s.end(r, now, jibriStop)
		return
	}
	s.end(r, now, jibriEndDelay)
}

// seen is a recorder as a policy sees it.
func (r *recorder) seen(start time.Time, now float64) SeenJibri {
	v := SeenJibri{ID: r.id, Launched: start.Add(second(r.launched)), Spooling: now < r.spoolUntil, Starts: r.starts, Ending: r.state >= ending}
	switch {
	case r.state <= standby:
		v.State, v.Up = capacity.JibriBooting, r.state == standby
	case r.state >= draining:
		v.State = capacity.JibriRetiring
		v.Busy = r.busy
	case r.busy:
		v.State, v.Busy = capacity.JibriBusy, true
	default:
		v.State, v.IdleFor = capacity.JibriFree, second(now-r.idleSince)
	}
	return v
}

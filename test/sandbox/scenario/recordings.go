package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// Meetings are meetings of two that are recorded: they begin to be at At, evenly within Within minutes, and last Minutes.
type Meetings struct {
	At      settings.Clock `json:"at"`
	Number  int            `json:"number"`
	Within  int            `json:"within"`
	Minutes int            `json:"minutes"`
}

// Pool is how many recorders there are.
type Pool struct {
	Free int `json:"free"`
	Min  int `json:"min"`
	Max  int `json:"max"`
}

// Recording is what a room's moderator asks for, in seconds from the scenario's start.
type Recording struct {
	Room       string
	Start, End float64
}

// Recordings are all recordings that are asked for, in the order of their beginnings.
func (s Scenario) Recordings() []Recording { return s.recordings }

// Around a recording: who is in the room, and for how long.
const (
	meetingSize   = 2
	meetingBefore = 3 * time.Minute
	meetingAfter  = 2 * time.Minute
	mostMeetings  = 500
)

func (s *Scenario) checkMeetings() error {
	for i, m := range s.Meetings {
		what := fmt.Sprintf("meetings %d", i+1)
		if err := s.within(what, m.At); err != nil {
			return err
		}
		if m.Number < 1 || m.Number > mostMeetings || m.Within < 0 || m.Minutes < 1 {
			return fmt.Errorf("%s are %d within %d minutes, of %d minutes: write 1 to %d, 0 or more, and 1 or more", what, m.Number, m.Within, m.Minutes, mostMeetings)
		}
		last := s.Offset(m.At) + time.Duration(m.Within+m.Minutes)*time.Minute + meetingAfter
		if first := s.Offset(m.At) - meetingBefore; first < 0 || last > s.length {
			return fmt.Errorf("%s begin %s before they are recorded, and last until %s: the scenario lasts from %s to %s", what, meetingBefore, s.TimeOfDay(last), s.Start, s.End)
		}
	}
	if p := s.Jibris; p != nil && (p.Free < 0 || p.Min < p.Free || p.Max < p.Min) {
		return fmt.Errorf("the pool of recorders has %d free, %d to %d: write 0 or more, each no less than the one before", p.Free, p.Min, p.Max)
	}
	return nil
}

// meet adds the recorded meetings' visits and recordings.
func (s *Scenario) meet() {
	for i, m := range s.Meetings {
		for n := range m.Number {
			start := s.Offset(m.At) + time.Duration(m.Within)*time.Minute*time.Duration(n)/time.Duration(m.Number)
			end := start + time.Duration(m.Minutes)*time.Minute
			room := fmt.Sprintf("recorded-%d-%d", i+1, n+1)
			s.recordings = append(s.recordings, Recording{Room: room, Start: start.Seconds(), End: end.Seconds()})
			for range meetingSize {
				s.visits = append(s.visits, Visit{Room: room, Join: (start - meetingBefore).Seconds(), Leave: (end + meetingAfter).Seconds()})
			}
		}
	}
	s.visits, s.recordings = sorted(s.visits), distinct(s.recordings)
}

// distinct sorts recordings by their beginnings; several rows of a workload may tell of the same one.
func distinct(recordings []Recording) []Recording {
	slices.SortFunc(recordings, func(a, b Recording) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Room, b.Room), cmp.Compare(a.End, b.End))
	})
	return slices.Compact(recordings)
}

package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// Meetings are meetings of two that are recorded, or streamed live: they begin to be at At, evenly within Within minutes,
// and last Minutes.
type Meetings struct {
	At      settings.Clock `json:"at"`
	Number  int            `json:"number"`
	Within  int            `json:"within"`
	Minutes int            `json:"minutes"`
	Stream  bool           `json:"stream,omitempty"`
	// KilobytesPerSecond is what a recording takes of the disk in a second of the scenario's day; 0 is the stand-in's own,
	// which is little.
	KilobytesPerSecond int `json:"kilobytesPerSecond,omitempty"`
}

// Pool is how many recorders there are.
type Pool struct {
	Free int `json:"free"`
	Min  int `json:"min"`
	Max  int `json:"max"`
	// RetireAfter is as in the settings; 0 leaves it to their default.
	RetireAfter settings.Duration `json:"retireAfter,omitzero"`
}

// Recording is what a room's moderator asks for, in seconds from the scenario's start.
type Recording struct {
	Room       string
	Start, End float64
	Stream     bool
	// BytesPerSecond is as in Meetings, in bytes.
	BytesPerSecond int
}

// Recordings are all recordings and streams that are asked for, in the order of their beginnings.
func (s Scenario) Recordings() []Recording { return s.recordings }

// Around a recording: who is in the room, and for how long.
const (
	meetingSize   = 2
	meetingBefore = 3 * time.Minute
	meetingAfter  = 2 * time.Minute
	mostMeetings  = 500
	mostKilobytes = 1000 // in a second: 8 Mbit/s
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
		if m.KilobytesPerSecond < 0 || m.KilobytesPerSecond > mostKilobytes {
			return fmt.Errorf("%s take %d kB of the disk in a second: write 0 to %d", what, m.KilobytesPerSecond, mostKilobytes)
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
			s.recordings = append(s.recordings, Recording{Room: room, Start: start.Seconds(), End: end.Seconds(), Stream: m.Stream, BytesPerSecond: m.KilobytesPerSecond * 1000})
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

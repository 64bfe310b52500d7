package scenario

import (
	"errors"
	"fmt"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// mostParticipants bounds a curve: the largest fleet that the project is for.
const mostParticipants = 100_000

// mostShards bounds a scenario's shards, for all of them run on one machine; leastShards is how many it takes for
// something to happen to one of them.
const (
	mostShards  = 8
	leastShards = 2
)

// check refuses what could not be played, and sets the length.
func (s *Scenario) check() error {
	if s.Start == "" || s.End == "" {
		return errors.New(`the scenario has no start or no end: write both, such as "08:00" and "12:00"`)
	}
	if s.length = s.Offset(s.End); s.length <= 0 {
		return fmt.Errorf("the scenario's end, %s, is not after its start, %s", s.End, s.Start)
	}
	if s.Shards < 0 || s.Shards > mostShards {
		return fmt.Errorf("the scenario has %d shards: write 1 to %d, or nothing for those of the settings", s.Shards, mostShards)
	}
	if s.Factor < 0 {
		return fmt.Errorf("the scenario's factor is %g: write a number above 0, such as 60, or nothing", s.Factor)
	}
	if err := s.checkCurve(); err != nil {
		return err
	}
	if err := s.checkMeetings(); err != nil {
		return err
	}
	for i, e := range s.Expect {
		if err := s.within(fmt.Sprintf("expectation %d", i+1), e.At); err != nil {
			return err
		}
		if e.Bridges < 0 || e.Within < 0 {
			return fmt.Errorf("expectation %d is %d bridges within %d: write 0 or more", i+1, e.Bridges, e.Within)
		}
	}
	for i, f := range s.Faults {
		if err := s.checkFault(f); err != nil {
			return fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	return nil
}

func (s *Scenario) checkCurve() error {
	if len(s.Curve) == 0 {
		return errors.New("the scenario has no curve: name at least one time and its participants")
	}
	for i, level := range s.Curve {
		if err := s.within(fmt.Sprintf("curve %d", i+1), level.At); err != nil {
			return err
		}
		if i > 0 && level.At.Minutes() <= s.Curve[i-1].At.Minutes() {
			return fmt.Errorf("curve %d is at %s, which is not after %s before it", i+1, level.At, s.Curve[i-1].At)
		}
		if level.Participants < 0 || level.Participants > mostParticipants {
			return fmt.Errorf("curve %d has %d participants: write 0 to %d", i+1, level.Participants, mostParticipants)
		}
	}
	return nil
}

func (s *Scenario) checkFault(f Fault) error {
	if err := s.within(fmt.Sprintf("%q", f.Kind), f.At); err != nil {
		return err
	}
	switch f.Kind {
	case SilenceAgents, RefuseUploads, RefuseQueue, RefuseServices:
		if err := s.within(fmt.Sprintf("the end of %q", f.Kind), f.Until); err != nil {
			return err
		}
		if f.Until.Minutes() <= f.At.Minutes() {
			return fmt.Errorf("%q ends at %s, which is not after %s", f.Kind, f.Until, f.At)
		}
	case KillBridge, DrainShard, ReadyShard, KillShard:
		if f.Until != "" && f.Kind.OfShard() {
			return fmt.Errorf("%q has an end, %s: it lasts until something else happens to the shard, leave it out", f.Kind, f.Until)
		}
		if f.Until != "" {
			return fmt.Errorf("%q has an end, %s: a killed bridge does not come back, leave it out", f.Kind, f.Until)
		}
	case KillFinalize, KillAgent, CrashRecorder, ExpireRecorder, SickenRecorder, BreakRecorder, HangRecorder, StallEncoder, LoseRecorder, RestartJicofo:
		if f.Until != "" {
			return fmt.Errorf("%q has an end, %s: it happens at once, leave it out", f.Kind, f.Until)
		}
	default:
		return fmt.Errorf("its kind is %q: write one of %q", f.Kind, kinds)
	}
	return s.checkShard(f)
}

// kinds are all kinds of faults.
var kinds = []FaultKind{SilenceAgents, KillBridge, DrainShard, ReadyShard, KillShard, KillFinalize, KillAgent, CrashRecorder,
	ExpireRecorder, SickenRecorder, BreakRecorder, HangRecorder, StallEncoder, LoseRecorder, RestartJicofo, RefuseUploads, RefuseQueue, RefuseServices}

// checkShard refuses a shard that is not there, or that the fault is not about. What happens to the only shard moves
// no room anywhere.
func (s *Scenario) checkShard(f Fault) error {
	if !f.Kind.OfShard() {
		if f.Shard != "" {
			return fmt.Errorf("%q names a shard, %s: it is about the whole fleet, leave it out", f.Kind, f.Shard)
		}
		return nil
	}
	if s.Shards < leastShards {
		return fmt.Errorf("%q needs another shard to go to: give the scenario %d shards or more", f.Kind, leastShards)
	}
	for n := range s.Shards {
		if f.Shard == ShardName(n+1) {
			return nil
		}
	}
	return fmt.Errorf("%q is about shard %q: write %q to %q", f.Kind, f.Shard, ShardName(1), ShardName(s.Shards))
}

// within refuses a time that is missing or not of the scenario.
func (s *Scenario) within(what string, at settings.Clock) error {
	if at == "" {
		return fmt.Errorf("%s has no time: write a time of day, such as %q", what, s.Start)
	}
	if offset := s.Offset(at); offset < 0 || offset > s.length {
		return fmt.Errorf("%s is at %s, and the scenario lasts from %s to %s", what, at, s.Start, s.TimeOfDay(s.length))
	}
	return nil
}

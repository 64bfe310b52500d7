// Package scenario is what happens in a run of the sandbox: who joins and leaves which room when, what breaks
// when, and how many bridges are expected when.
//
// It is pure: a scenario is the same visits on every machine. It knows nothing of AWS or of Jitsi.
package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// Scenario is a day, or a part of one.
type Scenario struct {
	Name  string         `json:"name"`
	Start settings.Clock `json:"start"` // time of day of the first moment
	End   settings.Clock `json:"end"`   // time of day of the last moment
	// Factor is by how much durations are divided when the command does not say it; 0 leaves it to the command's default.
	Factor float64 `json:"factor,omitempty"`
	// Curve is how many participants there are at given times; in between it goes in straight lines.
	Curve []Level `json:"curve"`
	// Expect is how many bridges there should be at given times.
	Expect []Expectation `json:"expect"`
	// Meetings are recorded ones, beside those of the curve.
	Meetings []Meetings `json:"meetings,omitempty"`
	// Jibris is the pool of recorders, whatever the settings say; nil leaves it to them.
	Jibris *Pool `json:"jibris,omitempty"`
	// Faults are what breaks, and what an operator does meanwhile.
	Faults []Fault `json:"faults,omitempty"`
	// Shards is how many shards the fleet has, shard-1 and so on, whatever the settings say; 0 leaves it to them.
	Shards int `json:"shards,omitempty"`
	// Seed makes the rooms' sizes and lengths; the same seed makes the same rooms.
	Seed uint64 `json:"seed"`

	length     time.Duration
	visits     []Visit
	recordings []Recording
}

// Level is a point of the curve.
type Level struct {
	At           settings.Clock `json:"at"`
	Participants int            `json:"participants"`
}

// Expectation is a number of bridges that serve at a time, within Within of Bridges.
type Expectation struct {
	At      settings.Clock `json:"at"`
	Bridges int            `json:"bridges"`
	Within  int            `json:"within"`
}

// FaultKind is a way to break.
type FaultKind string

// The kinds of faults.
const (
	SilenceAgents FaultKind = "silence agents" // every node agent hangs until Until
	KillBridge    FaultKind = "kill bridge"    // the busiest bridge's JVB dies and is not restarted
	DrainShard    FaultKind = "drain shard"    // the operator lets a shard take no new rooms
	ReadyShard    FaultKind = "ready shard"    // the operator lets a shard take new rooms again
	KillShard     FaultKind = "kill shard"     // EC2 loses a shard's signal node with all that runs on it

	KillFinalize   FaultKind = "kill finalize"   // the finalize program of a recording dies before it has written anything
	KillAgent      FaultKind = "kill agent"      // a recorder's agent dies while it uploads
	CrashRecorder  FaultKind = "crash recorder"  // an idle recorder's container ends by itself
	ExpireRecorder FaultKind = "expire recorder" // an idle recorder takes no further recording
	SickenRecorder FaultKind = "sicken recorder" // an idle recorder is unhealthy until its container is another
	BreakRecorder  FaultKind = "break recorder"  // an idle recorder is unhealthy in every container: its machine is done for
	HangRecorder   FaultKind = "hang recorder"   // in the middle of a recording a Jibri answers nobody any more; its encoder goes on
	StallEncoder   FaultKind = "stall encoder"   // in the middle of a recording its encoder writes nothing more
	LoseRecorder   FaultKind = "lose recorder"   // EC2 loses a recorder's machine in the middle of a recording
	RestartJicofo  FaultKind = "restart jicofo"  // every shard's Jicofo is away for seconds and forgets its recordings
	RefuseUploads  FaultKind = "refuse uploads"  // S3 refuses one upload in three until Until
	RefuseQueue    FaultKind = "refuse queue"    // SQS takes no announcement of a recording until Until
	RefuseServices FaultKind = "refuse services" // S3, SQS and Lambda refuse every call until Until
)

// Lasts reports whether faults of this kind have an end.
func (k FaultKind) Lasts() bool {
	return k == SilenceAgents || k == RefuseUploads || k == RefuseQueue || k == RefuseServices
}

// TakesRecorder reports whether a fault of this kind makes a free recorder one that is not.
func (k FaultKind) TakesRecorder() bool {
	return k == CrashRecorder || k == ExpireRecorder || k == SickenRecorder || k == BreakRecorder
}

// OfShard reports whether faults of this kind are about one shard, which they name.
func (k FaultKind) OfShard() bool { return k == DrainShard || k == ReadyShard || k == KillShard }

// OfRecorders reports whether faults of this kind are about recorders or what they need.
func (k FaultKind) OfRecorders() bool {
	switch k {
	case KillFinalize, KillAgent, CrashRecorder, ExpireRecorder, SickenRecorder, BreakRecorder, HangRecorder, StallEncoder,
		LoseRecorder, RestartJicofo, RefuseUploads, RefuseQueue, RefuseServices:
		return true
	default:
		return false
	}
}

// ShardName is the name of a scenario's n-th shard, from 1.
func ShardName(n int) string { return fmt.Sprintf("shard-%d", n) }

// Fault is one thing that breaks.
type Fault struct {
	Kind  FaultKind      `json:"kind"`
	At    settings.Clock `json:"at"`
	Until settings.Clock `json:"until,omitzero"`
	Shard string         `json:"shard,omitempty"`
}

// Visit is one participant's stay in a room, in seconds from the scenario's start.
type Visit struct {
	Room  string
	Join  float64
	Leave float64
}

// Parse reads a scenario file and refuses what could not be played.
func Parse(raw []byte) (Scenario, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	var s Scenario
	if err := decoder.Decode(&s); err != nil {
		return Scenario{}, fmt.Errorf("the scenario is not readable: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Scenario{}, errors.New("the scenario is not readable: more follows its object")
	}
	if err := s.check(); err != nil {
		return Scenario{}, err
	}
	s.visits = s.generate()
	s.meet()
	return s, nil
}

// With is the scenario with one more fault, which must lie within it.
func (s Scenario) With(f Fault) (Scenario, error) {
	if err := s.checkFault(f); err != nil {
		return Scenario{}, err
	}
	s.Faults = append(slices.Clone(s.Faults), f)
	return s, nil
}

// Length is how long the scenario lasts.
func (s Scenario) Length() time.Duration { return s.length }

// Offset is how long after the start a time of day is.
func (s Scenario) Offset(c settings.Clock) time.Duration {
	return time.Duration(c.Minutes()-s.Start.Minutes()) * time.Minute
}

// TimeOfDay is the clock's reading at an offset from the start.
func (s Scenario) TimeOfDay(offset time.Duration) string {
	minutes := s.Start.Minutes() + int(offset/time.Minute)
	return fmt.Sprintf("%02d:%02d", minutes/60%24, minutes%60)
}

// Visits are all stays, in the order of their joins.
func (s Scenario) Visits() []Visit { return s.visits }

// target is the curve's value at an offset from the start.
func (s Scenario) target(offset time.Duration) float64 {
	for i, level := range s.Curve {
		at := s.Offset(level.At)
		if offset >= at {
			continue
		}
		if i == 0 {
			return float64(level.Participants)
		}
		before := s.Curve[i-1]
		from := s.Offset(before.At)
		share := float64(offset-from) / float64(at-from)
		return float64(before.Participants) + share*float64(level.Participants-before.Participants)
	}
	return float64(s.Curve[len(s.Curve)-1].Participants)
}

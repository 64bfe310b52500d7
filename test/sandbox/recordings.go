package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// pressAgain is how long a moderator who was refused waits, of the scenario's time.
const pressAgain = 10 * time.Second

// asked is one recording or stream of the scenario: what became of the moderator's wish.
type asked struct {
	scenario.Recording
	again   time.Duration // offset of the next try
	refused int           // tries that were
	why     error         // of the last refusal
	began   bool
	stopped bool
}

// record asks for every recording whose time has come, and ends those whose time is over.
func (p *performance) record(offset time.Duration) {
	for i := range p.asked {
		a := &p.asked[i]
		switch {
		case offset.Seconds() < a.Start || a.stopped:
		case offset.Seconds() >= a.End:
			// A Jicofo that has forgotten the recording cannot end it: it ends when the room is empty.
			_ = p.stage.world.StopRecording(a.Room)
			a.stopped = true
		case !a.began && offset >= a.again:
			if _, a.why = p.stage.world.Ask(a.Room, standin.Wish{Stream: a.Stream, BytesPerSecond: a.BytesPerSecond}); a.why == nil {
				a.began = true
				p.pool.pressed = time.Now()
				continue
			}
			a.refused++
			a.again = offset + pressAgain
		}
	}
}

func (s *stage) spool(id string) string {
	return filepath.Join(s.options.dir, "instances", id, "spool")
}

// spooled are the files of recordings on the disks of recorders that are there.
func (s *stage) spooled() []string {
	var left []string
	for _, i := range s.recorders() {
		files, _ := filepath.Glob(filepath.Join(s.spool(i.ID), "*", "*"))
		left = append(left, files...)
	}
	return left
}

// freeRecorders is how many recorders in service could begin a recording now, in any shard.
func (s *stage) freeRecorders() int {
	free, serving := 0, s.inService()
	for _, j := range s.world.Jibris() {
		if j.Free && j.Shards == len(s.settings.Shards) && slices.Contains(serving, j.ID) {
			free++
		}
	}
	return free
}

// recorders are the machines of the pool.
func (s *stage) recorders() []machine {
	return slices.DeleteFunc(s.cloud.Instances(), func(i machine) bool { return i.Tags[fleet.TagRole] != string(fleet.RoleJibri) })
}

// inService are the recorders that are in service.
func (s *stage) inService() []fleet.InstanceID {
	var serving []fleet.InstanceID
	for _, i := range s.recorders() {
		if i.State == scaling.InService {
			serving = append(serving, fleet.InstanceID(i.ID))
		}
	}
	return serving
}

// wantedFree is how many recorders are to be free when nobody records.
func (s *stage) wantedFree() int { return max(s.settings.Jibris.Free, s.settings.Jibris.Min) }

// loseRecorder lets EC2 lose an instance: what ran on it is gone, and nobody was told before.
func (s *stage) loseRecorder(id string) error {
	cfg, err := s.aws(s.ctx)
	if err != nil {
		return err
	}
	s.machines.terminate(id)
	_, err = ec2.NewFromConfig(cfg).TerminateInstances(s.ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	return err
}

// killAgent kills an agent, which its unit starts again.
func (m *machines) killAgent(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.running[id]
	if r == nil || r.process == nil {
		return errors.New("it does not run")
	}
	r.killed.Store(true)
	return r.process.Kill()
}

// askedFor are the scenario's recordings.
func askedFor(plan scenario.Scenario) []asked {
	var all []asked
	for _, r := range plan.Recordings() {
		all = append(all, asked{Recording: r})
	}
	return all
}

// recorderRow is the recorders at one moment.
type recorderRow struct {
	Free      int `json:"free"`
	Busy      int `json:"busy"`
	Booting   int `json:"booting"`
	Spooled   int `json:"spooled"`   // files that wait for S3
	Announced int `json:"announced"` // recordings, since the beginning
}

func (r recorderRow) String() string {
	return fmt.Sprintf("recorders: %d free, %d busy, %d booting; %d files on disks; %d recordings announced", r.Free, r.Busy, r.Booting, r.Spooled, r.Announced)
}

// lookAtRecorders is how the recorders really are; nil in a fleet without them.
func (s *stage) lookAtRecorders() *recorderRow {
	if s.settings.Jibris.Max == 0 {
		return nil
	}
	r := recorderRow{Free: s.freeRecorders(), Spooled: len(s.spooled()), Announced: len(s.journal.ends())}
	r.Busy = busy(s.world.Jibris())
	for _, i := range s.recorders() {
		if fleet.LifecycleState(i.State).Booting() {
			r.Booting++
		}
	}
	return &r
}

func busy(jibris []standin.Jibri) int {
	n := 0
	for _, j := range jibris {
		if j.Session != "" {
			n++
		}
	}
	return n
}

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// pressAgain is how long a moderator who was refused waits, of the scenario's time.
const pressAgain = 10 * time.Second

// asked is one recording of the scenario: what became of the moderator's wish.
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
			if _, a.why = p.stage.world.Record(a.Room); a.why == nil {
				a.began = true
				continue
			}
			a.refused++
			a.again = offset + pressAgain
		}
	}
}

// beginOnRecorders begins a fault of recorders or of what they need; false while there is nothing that it could befall.
func (p *performance) beginOnRecorders(f *fault) bool {
	s := p.stage
	switch f.Kind {
	case scenario.RefuseUploads:
		f.end = s.cloud.Disturb(emulator.Trouble{Services: []string{"s3"}, Every: 3, Action: "PutObject"})
		p.say("S3 refuses one upload in three", nil)
		return true
	case scenario.RefuseServices:
		f.end = s.cloud.Disturb(emulator.Trouble{Services: []string{"s3", "sqs", "lambda"}})
		p.say("S3, SQS and Lambda refuse every call", nil)
		return true
	case scenario.RestartJicofo:
		for _, shard := range s.settings.Shards {
			s.world.RestartJicofo(shard.Name, time.Minute)
		}
		p.say("every Jicofo is restarted", nil)
		return true
	}
	f.victim = p.recorderFor(f.Kind)
	if f.victim == "" {
		return false
	}
	switch f.Kind {
	case scenario.KillFinalize:
		s.world.KillFinalize(f.victim)
		p.say(fmt.Sprintf("the next finalize program on %s is killed", f.victim), nil)
	case scenario.KillAgent:
		p.say(fmt.Sprintf("the agent of %s is killed while it uploads", f.victim), s.machines.killAgent(string(f.victim)))
	case scenario.CrashRecorder:
		s.world.CrashJibri(f.victim)
		p.say(fmt.Sprintf("the container of %s crashes", f.victim), nil)
	case scenario.ExpireRecorder:
		s.world.ExpireJibri(f.victim)
		p.say(fmt.Sprintf("the Jibri of %s expires", f.victim), nil)
	case scenario.LoseRecorder:
		p.say(fmt.Sprintf("EC2 loses %s in the middle of a recording", f.victim), s.loseRecorder(string(f.victim)))
	}
	return true
}

// recorderFor is a recorder that a fault can befall now, and that none has befallen yet; empty when there is none.
func (p *performance) recorderFor(kind scenario.FaultKind) fleet.InstanceID {
	for _, j := range p.stage.world.Jibris() {
		if slices.ContainsFunc(p.pending, func(f fault) bool { return f.victim == j.ID }) || !p.stage.serving(j.ID) {
			continue
		}
		fits := j.Up && !j.Busy
		switch kind {
		case scenario.KillFinalize, scenario.LoseRecorder:
			fits = j.Recording
		case scenario.KillAgent:
			fits = p.stage.uploads(j.ID)
		}
		if fits {
			return j.ID
		}
	}
	return ""
}

// serving reports whether an instance is in service.
func (s *stage) serving(id fleet.InstanceID) bool {
	return slices.ContainsFunc(s.cloud.Instances(), func(i machine) bool { return i.ID == string(id) && i.State == scaling.InService })
}

func (s *stage) spool(id string) string {
	return filepath.Join(s.options.dir, "instances", id, "spool")
}

// uploads reports whether an agent is bringing files to S3 now, by what it keeps beside them.
func (s *stage) uploads(id fleet.InstanceID) bool {
	states, _ := filepath.Glob(filepath.Join(s.spool(string(id)), ".state", "*"))
	return slices.ContainsFunc(states, func(path string) bool {
		raw, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(raw), `"`+string(recording.Uploading)+`"`)
	})
}

// spooled are the files of recordings on the disks of recorders that are there.
func (s *stage) spooled() []string {
	var left []string
	for _, i := range s.cloud.Instances() {
		if i.Tags[fleet.TagRole] == string(fleet.RoleJibri) {
			files, _ := filepath.Glob(filepath.Join(s.spool(i.ID), "*", "*"))
			left = append(left, files...)
		}
	}
	return left
}

// freeRecorders is how many recorders in service could begin a recording now.
func (s *stage) freeRecorders() int {
	free := 0
	for _, j := range s.world.Jibris() {
		if j.Up && !j.Busy && !j.Expired && !j.Unhealthy && j.Shards == len(s.settings.Shards) && s.serving(j.ID) {
			free++
		}
	}
	return free
}

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
	for _, i := range s.cloud.Instances() {
		if i.Tags[fleet.TagRole] == string(fleet.RoleJibri) && fleet.LifecycleState(i.State).Booting() {
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

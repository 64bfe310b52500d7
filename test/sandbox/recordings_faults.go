package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// jicofoAway is how long a restart of Jicofo takes, of the scenario's time: less than intervals.sickAfter, after which the
// shard is a dead one.
const jicofoAway = 10 * time.Second

// beginOnRecorders begins a fault of recorders or of what they need; false while there is nothing that it could befall.
func (p *performance) beginOnRecorders(f *fault) bool {
	s := p.stage
	f.at = time.Now()
	switch f.Kind {
	case scenario.RefuseUploads:
		f.end = s.cloud.Disturb(emulator.Trouble{Services: []string{"s3"}, Every: 3, Action: "PutObject"})
		p.say("S3 refuses one upload in three", nil)
		return true
	case scenario.RefuseQueue:
		f.end = s.cloud.Disturb(emulator.Trouble{Services: []string{"sqs"}, Action: "SendMessage"})
		p.say("SQS takes no announcement", nil)
		return true
	case scenario.RefuseServices:
		f.end = s.cloud.Disturb(emulator.Trouble{Services: []string{"s3", "sqs", "lambda"}})
		p.say("S3, SQS and Lambda refuse every call", nil)
		return true
	case scenario.RestartJicofo:
		for _, shard := range s.settings.Shards {
			s.world.RestartJicofo(shard.Name, jicofoAway)
		}
		p.say("every Jicofo is restarted", nil)
		return true
	}
	f.victim = p.recorderFor(f.Kind)
	if f.victim == "" {
		return false
	}
	p.say(p.befall(f.Kind, f.victim))
	return true
}

// befall lets something happen to one recorder, and says what it was.
func (p *performance) befall(kind scenario.FaultKind, id fleet.InstanceID) (what string, err error) {
	s := p.stage
	switch kind {
	case scenario.KillFinalize:
		s.world.KillFinalize(id)
		return fmt.Sprintf("the next finalize program on %s is killed", id), nil
	case scenario.KillAgent:
		return fmt.Sprintf("the agent of %s is killed while it uploads", id), s.machines.killAgent(string(id))
	case scenario.CrashRecorder:
		s.world.CrashJibri(id)
		return fmt.Sprintf("the container of %s crashes", id), nil
	case scenario.ExpireRecorder:
		s.world.ExpireJibri(id)
		return fmt.Sprintf("the Jibri of %s expires", id), nil
	case scenario.SickenRecorder:
		s.world.SickenJibri(id)
		return fmt.Sprintf("the Jibri of %s is unhealthy from now on", id), nil
	case scenario.BreakRecorder:
		s.world.BreakJibri(id)
		return fmt.Sprintf("every Jibri on %s is unhealthy from now on", id), nil
	case scenario.HangRecorder:
		s.world.HangJibri(id, true)
		return fmt.Sprintf("the Jibri of %s answers nobody any more, and goes on recording", id), nil
	case scenario.StallEncoder:
		s.world.StallEncoder(id)
		return fmt.Sprintf("the encoder of %s writes nothing more in the middle of a recording", id), nil
	case scenario.LoseRecorder:
		return fmt.Sprintf("EC2 loses %s in the middle of a recording that the catalogue knows of", id), s.loseRecorder(string(id))
	default:
		return fmt.Sprintf("%q is not known to the play", kind), nil
	}
}

// recorderFor is a recorder that a fault can befall now, and that none has befallen yet; empty when there is none.
func (p *performance) recorderFor(kind scenario.FaultKind) fleet.InstanceID {
	for _, j := range p.stage.world.Jibris() {
		taken := slices.ContainsFunc(p.pending, func(f fault) bool { return f.victim == j.ID })
		if !taken && p.stage.serving(j.ID) && p.fits(kind, j) {
			return j.ID
		}
	}
	return ""
}

// fits reports whether a fault can befall a recorder now. A recording that is to be lost with its machine must stand in
// the catalogue: what nobody was told of cannot be told as lost. How soon it stands there is judged apart.
func (p *performance) fits(kind scenario.FaultKind, j standin.Jibri) bool {
	switch kind {
	case scenario.KillFinalize, scenario.HangRecorder, scenario.StallEncoder:
		return j.Recording
	case scenario.LoseRecorder:
		return j.Recording && p.catalogued.knows(j.Session)
	case scenario.KillAgent:
		return p.stage.uploads(j.ID)
	default:
		return j.Free
	}
}

// serving reports whether an instance is in service.
func (s *stage) serving(id fleet.InstanceID) bool { return slices.Contains(s.inService(), id) }

// uploads reports whether an agent is bringing files to S3 now, by what it keeps beside them.
func (s *stage) uploads(id fleet.InstanceID) bool {
	states, _ := filepath.Glob(filepath.Join(s.spool(string(id)), ".state", "*"))
	return slices.ContainsFunc(states, func(path string) bool {
		raw, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(raw), `"`+string(recording.Uploading)+`"`)
	})
}

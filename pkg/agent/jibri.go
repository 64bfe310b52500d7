package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
)

// Spool is the recordings on a recorder's disk, as far as its agent speaks of them.
type Spool interface{ Load() fleet.SpoolLoad }

// Jibri is a recorder as the agent's component. It alone starts, restarts and stops Jibri's container.
type Jibri struct {
	config JibriConfig

	mu        sync.Mutex
	intent    Intent
	judgement Judgement
	shards    membership
}

// JibriConfig is what a recorder's component needs. Everything is needed.
type JibriConfig struct {
	API     *jitsi.Jibri
	Service Service
	// Proc is the file system at /proc.
	Proc fs.FS
	// Folder is the spool's folder as the host sees it.
	Folder string
	Spool  Spool
	// Environment is the file with the list of shards that the container is started with.
	Environment string
	Limits      JibriLimits
	// List asks for the list of shards every ListPoll; Poll is how often the component is looked at.
	List           func(ctx context.Context) (string, error)
	ListPoll, Poll time.Duration
	Network        Network
	Clock          func() time.Time
}

// NewJibri makes a component that knows the shards that its container was last started with.
func NewJibri(c JibriConfig) (*Jibri, error) {
	started, err := readEnvironment(c.Environment)
	if err != nil {
		return nil, err
	}
	return &Jibri{config: c, shards: membership{wanted: started, started: started.text()}}, nil
}

// Writes reports whether a session's folder may still be written to; see Judgement.Writes.
func (j *Jibri) Writes(session string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.judgement.Writes(session)
}

// Look asks systemd, Jibri, the kernel and the spool, and judges. Jibri's silence is a finding like any other, so its view
// is an answer, but for a recorder whose container has ended as it was told to: nobody is there any more. When systemd or
// the kernel cannot be asked nothing is known, and nothing is done.
func (j *Jibri) Look(ctx context.Context) View {
	look, health, trouble := j.look(ctx)
	if trouble != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.judgement.Todo = TodoNothing
		return View{Answer: Silent, Trouble: trouble.Error()}
	}
	load := j.config.Spool.Load()
	look.Room = load.FreeBytes >= load.Floor
	now := j.config.Clock()
	j.mu.Lock()
	defer j.mu.Unlock()
	look.Admitted, look.Retired = j.intent.Admitted, j.intent.Retired
	j.judgement = j.judgement.After(look, now, j.config.Limits)
	return j.view(look, load, now, health)
}

// look collects. The last error is of what nothing can be decided without; Jibri's own silence is none.
func (j *Jibri) look(ctx context.Context) (look JibriLook, health, trouble error) {
	container, err := j.config.Service.State(ctx)
	if err != nil {
		return look, nil, err
	}
	look.Container = container
	processes, err := readProcesses(j.config.Proc)
	if err != nil {
		return look, nil, err
	}
	look.Encoder = j.encoder(processes.encoder)
	if container == ContainerRunning {
		answer, err := j.config.API.Health(ctx)
		health = errors.Join(err, undocumented("Jibri", answer.Wrong))
		if err == nil {
			look.Health = &answer
		}
		if err == nil && !answer.Healthy {
			health = fmt.Errorf("Jibri is unhealthy: %s", answer.Details)
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	look.Shards, look.Missing = j.shards.connected(processes.connected)
	look.Wanted = len(j.shards.wanted)
	look.Outdated = container == ContainerRunning && j.shards.outdated()
	return look, health, ctx.Err()
}

// encoder is how far the encoder has come. A file is measured on the disk, since ffmpeg writes its own chatter too; what
// goes to a streaming service is not counted by the kernel, but an encoder that can send takes CPU time, above a tenth of a
// core, and one that hangs takes next to none.
func (j *Jibri) encoder(p encoderProcess) Encoder {
	switch {
	case p.pid == 0:
		return Encoder{}
	case streams(p.output):
		const hertz = 100
		return Encoder{PID: p.pid, Stream: true, Position: p.ticks / hertz}
	}
	session := path.Base(path.Dir(p.output))
	e := Encoder{PID: p.pid, Session: session}
	if info, err := os.Stat(filepath.Join(j.config.Folder, session, path.Base(p.output))); err == nil {
		e.Position = info.Size()
	}
	return e
}

// view needs mu.
func (j *Jibri) view(look JibriLook, load fleet.SpoolLoad, now time.Time, health error) View {
	is := j.judgement
	v := View{
		Answer:   Answered,
		Ready:    j.ready(look),
		Trouble:  inOneLine(health, said(is.unfree(look)), said(j.shards.trouble)),
		Leaving:  look.Retired,
		Occupied: is.Activity.Busy(),
		Jibri: &fleet.JibriLoad{
			Activity: is.Activity, ActivitySeconds: max(0, now.Sub(is.Since).Seconds()), Overdue: is.Overdue, Free: is.Free,
			StalledSeconds: is.StalledFor(now).Seconds(), Session: look.Encoder.Session,
			Shards: look.Shards, ShardsWanted: look.Wanted, Restarts: is.Restarts, Starts: is.Starts, Spool: load,
		},
	}
	if look.Retired && look.Container <= ContainerDown && !v.Occupied {
		v.Answer = Refused
	}
	return v
}

// ready reports whether a recorder that was not admitted could be, or one that was is not given up. It needs mu.
func (j *Jibri) ready(look JibriLook) bool {
	if look.Admitted {
		return !j.judgement.Sick
	}
	return look.Container != ContainerAbsent && look.Room && len(j.shards.wanted) > 0
}

// said is a text as one of several troubles; an empty one is none.
func said(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// Apply does what the judgement says. An intent that the judgement did not know is judged anew first.
func (j *Jibri) Apply(ctx context.Context, intent Intent, _ View) (bool, error) {
	j.mu.Lock()
	fresh := j.intent != intent
	j.intent = intent
	j.mu.Unlock()
	if fresh {
		j.Look(ctx)
	}
	j.mu.Lock()
	todo, list := j.judgement.Todo, j.shards.wanted
	j.mu.Unlock()
	if todo == TodoNothing {
		return fresh, nil
	}
	if err := j.do(ctx, todo, list); err != nil {
		return fresh, fmt.Errorf("%s: %w", todo, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.judgement = j.judgement.Did(todo, j.config.Clock())
	if todo == TodoStart || todo == TodoRestart {
		j.shards.started = list.text()
	}
	return true, nil
}

func (j *Jibri) do(ctx context.Context, todo Todo, list shardList) error {
	if todo == TodoStart || todo == TodoRestart {
		if err := writeEnvironment(j.config.Environment, list); err != nil {
			return err
		}
	}
	switch todo {
	case TodoStart:
		return j.config.Service.Start(ctx)
	case TodoRestart:
		return j.config.Service.Restart(ctx)
	case TodoStop:
		return j.config.Service.Stop(ctx)
	case TodoLeave:
		return j.config.API.GracefulShutdown(ctx)
	case TodoNothing:
	}
	return nil
}

// Occupants is 1 while a session may be on. It looks anew, and fails when that cannot be known.
func (j *Jibri) Occupants(ctx context.Context) (int64, error) {
	look, health, trouble := j.look(ctx)
	if trouble != nil {
		return 0, trouble
	}
	j.mu.Lock()
	is := j.judgement
	j.mu.Unlock()
	switch {
	case look.Encoder.PID != 0 && !is.stalled:
		return 1, nil
	case look.Container != ContainerRunning:
		return 0, nil
	case look.Health == nil && is.Activity != fleet.ActivityLost:
		return 0, health
	case look.Health != nil && look.Health.Busy == jitsi.JibriInUse && !is.Overdue && !is.stalled:
		return 1, nil
	default:
		return 0, nil
	}
}

package scaling

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

// Options is what an engine needs from outside. All functions are called without the engine's lock held.
type Options struct {
	Clock    pace.Clock
	Account  string
	Region   string
	Machines Machines
	// Notify sends a lifecycle hook's message to its target, as the hook's role.
	Notify func(ctx context.Context, h Hook, body []byte) error
	// OnLaunch is told of a machine as EC2 starts it; OnTerminate as EC2 ends it. They return at once.
	OnLaunch    func(Instance)
	OnTerminate func(id string)
	// Problem is told of what AWS would refuse.
	Problem func(error)
}

// Engine is the Auto Scaling service of one account and region.
type Engine struct {
	options Options
	wake    chan struct{}

	mu     sync.Mutex
	groups map[string]*group
	order  []string
}

// New makes an engine without groups. Run must be called for anything to happen.
func New(o Options) *Engine {
	return &Engine{options: o, wake: make(chan struct{}, 1), groups: map[string]*group{}}
}

// Adopt creates a group, or updates one of the same name as CloudFormation would: bounds, hooks, template and
// tags become those of the template, the desired capacity is only moved into the new bounds. A notification
// target gets a test message, and is an error when it does not take it.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/prepare-for-lifecycle-notifications.html
func (e *Engine) Adopt(ctx context.Context, definition Group) error {
	if definition.Min > definition.Max || len(definition.Subnets) == 0 {
		return fmt.Errorf("group %s is not valid: min %d, max %d, %d subnets", definition.Name, definition.Min,
			definition.Max, len(definition.Subnets))
	}
	for _, h := range definition.Hooks {
		if h.TargetARN == "" {
			continue
		}
		if err := e.options.Notify(ctx, h, e.testMessage(definition)); err != nil {
			return fmt.Errorf("unable to publish test message to notification target %s of hook %s in group %s: %w",
				h.TargetARN, h.Name, definition.Name, err)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	g, known := e.groups[definition.Name]
	if !known {
		g = &group{created: e.options.Clock.Now(), desired: definition.Desired, suspended: map[string]bool{}}
		e.groups[definition.Name] = g
		e.order = append(e.order, definition.Name)
	}
	g.Group = definition
	g.desired = min(max(g.desired, g.Min), g.Max)
	e.poke()
	return nil
}

// Run makes everything happen until ctx ends.
func (e *Engine) Run(ctx context.Context) {
	for ctx.Err() == nil {
		effects, next := e.plan(e.options.Clock.Now())
		for _, effect := range effects {
			effect(ctx)
		}
		if len(effects) > 0 {
			continue
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-e.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// poke lets Run look again at once.
func (e *Engine) poke() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// FailInstance makes an instance's EC2 status checks fail from now on. They run each minute, and Auto Scaling
// replaces the instance when one has failed and the grace period is over.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/health-check-grace-period.html
func (e *Engine) FailInstance(id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, i := e.find(id)
	if i == nil {
		return fmt.Errorf("instance %s cannot fail: no group holds it", id)
	}
	clock := e.options.Clock
	i.sick = clock.Now().Add(clock.Scale(time.Minute))
	if g := e.groups[i.Group]; i.serving.Add(clock.Scale(g.Grace)).After(i.sick) {
		i.sick = i.serving.Add(clock.Scale(g.Grace))
	}
	e.poke()
	return nil
}

// Ended tells that EC2 has ended machines that Auto Scaling did not end. An instance that is not running is
// unhealthy even within its grace period.
func (e *Engine) Ended(ids ...string) {
	var gone []string
	e.mu.Lock()
	for _, id := range ids {
		if _, i := e.find(id); i != nil && !i.gone && !i.ending {
			i.gone, i.sick = true, e.options.Clock.Now().Add(e.options.Clock.Scale(time.Minute))
			gone = append(gone, id)
		}
	}
	e.mu.Unlock()
	for _, id := range gone {
		e.options.OnTerminate(id)
	}
	e.poke()
}

// Instances lists all instances that belong to groups now, by group in the order of adoption.
func (e *Engine) Instances() []Instance {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Instance
	for _, name := range e.order {
		for _, i := range e.groups[name].instances {
			all = append(all, i.Instance)
		}
	}
	return all
}

// Size is the minimum, desired and maximum capacity of a group, and whether there is such a group.
func (e *Engine) Size(name string) (least, desired, most int, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g, ok := e.groups[name]
	if !ok {
		return 0, 0, 0, false
	}
	return g.Min, g.desired, g.Max, true
}

// find is the group and instance of an id; the lock is held.
func (e *Engine) find(id string) (*group, *instance) {
	for _, g := range e.groups {
		for _, i := range g.instances {
			if i.ID == id {
				return g, i
			}
		}
	}
	return nil, nil
}

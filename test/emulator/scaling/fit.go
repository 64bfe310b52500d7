package scaling

import (
	"context"
	"errors"
	"sort"
	"time"
)

// ErrNoCapacity is why EC2 launches nothing at times: no fault of whoever asked.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-capacity.html
var ErrNoCapacity = errors.New("InsufficientInstanceCapacity: we currently do not have sufficient capacity in the Availability Zone you requested")

// fit launches or ends instances until as many count as are desired.
func (e *Engine) fit(g *group, now time.Time) []effect {
	switch missing := g.desired - g.counted(); {
	case missing > 0 && !g.suspended["Launch"] && !now.Before(g.next):
		return e.launch(g, missing)
	case missing < 0 && !g.suspended["Terminate"]:
		return e.scaleIn(g, -missing, now)
	default:
		return nil
	}
}

// launch asks EC2 for n machines, spread over the group's subnets in turn.
func (e *Engine) launch(g *group, n int) []effect {
	g.launching += n
	spread := map[int]int{}
	for range n {
		spread[g.turn%len(g.Subnets)]++
		g.turn++
	}
	tags := map[string]string{"aws:autoscaling:groupName": g.Name}
	for _, t := range g.Tags {
		if t.Propagate {
			tags[t.Key] = t.Value
		}
	}
	var effects []effect
	for index, subnet := range g.Subnets {
		if spread[index] == 0 {
			continue
		}
		request := LaunchRequest{Template: g.Template, InstanceType: g.InstanceType, Subnet: subnet, Tags: tags,
			Count: spread[index]}
		effects = append(effects, func(ctx context.Context) { e.start(ctx, g, request) })
	}
	return effects
}

// start launches machines and makes them members of the group.
func (e *Engine) start(ctx context.Context, g *group, r LaunchRequest) {
	machines, err := e.options.Machines.Launch(ctx, r)
	if err != nil && !errors.Is(err, ErrNoCapacity) && ctx.Err() == nil {
		e.options.Problem(err)
	}
	e.mu.Lock()
	now := e.options.Clock.Now()
	g.launching -= r.Count
	if err != nil {
		g.begun("Launching a new EC2 instance", "the group is below its desired capacity", now).end(now, "Failed", err.Error())
		g.launchFailed(now, e.options.Clock.Scale)
	}
	var started []Instance
	for _, m := range machines {
		i := &instance{Instance: Instance{Machine: m, Group: g.Name, State: Pending, Healthy: true, Tags: r.Tags}}
		i.activity = g.begun("Launching a new EC2 instance: "+m.ID, "the group is below its desired capacity", now)
		g.instances = append(g.instances, i)
		started = append(started, i.Instance)
	}
	e.mu.Unlock()
	for _, i := range started {
		e.options.OnLaunch(i)
	}
}

// launchFailed slows down a group whose launches fail in a row. AWS says that it does so and gives no figures;
// these are the emulator's: from the third failure on a minute, doubled each time, up to a quarter of an hour.
func (g *group) launchFailed(now time.Time, scale func(time.Duration) time.Duration) {
	const free, longest = 2, 15 * time.Minute
	g.failures++
	if g.failures <= free {
		return
	}
	delay := longest
	if doublings := g.failures - free - 1; doublings < 4 {
		delay = time.Minute << doublings
	}
	g.next = now.Add(scale(delay))
}

// scaleIn chooses up to n instances in service that are not protected. When none is left, the desired capacity
// stays lowered and nothing ends.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-instance-protection.html
func (e *Engine) scaleIn(g *group, n int, now time.Time) []effect {
	var victims []*instance
	for _, i := range g.instances {
		if i.State == InService && !i.Protected {
			victims = append(victims, i)
		}
	}
	perZone := map[string]int{}
	for _, i := range g.instances {
		if i.counts() {
			perZone[i.Zone]++
		}
	}
	// The default termination policy: the zone with the most instances first, then the oldest.
	// https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-termination-policies.html
	sort.SliceStable(victims, func(a, b int) bool {
		if za, zb := perZone[victims[a].Zone], perZone[victims[b].Zone]; za != zb {
			return za > zb
		}
		return victims[a].Launched.Before(victims[b].Launched)
	})
	var effects []effect
	for _, i := range victims[:min(n, len(victims))] {
		e.leave(g, i, "the group is above its desired capacity")
		effects = append(effects, e.advance(g, i, now)...)
	}
	if len(victims) < n && !g.stuck {
		g.stuck = true
		g.begun("Could not scale to desired capacity because all remaining instances are protected from scale in.",
			"the group is above its desired capacity", now).end(now, "Failed", "")
	}
	return effects
}

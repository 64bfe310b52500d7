package emulator

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
)

// Trouble is what an account's services refuse for a while.
type Trouble struct {
	// Services are named as in signatures ("s3", "sqs", "dynamodb"); "lambda" gives its functions no process, "logs" loses
	// what functions write, "scheduler" lets no schedule tick, and "ec2" has no capacity for what Auto Scaling launches.
	Services []string
	// Callers narrow it to functions, rules and groups by their names; none is everybody.
	Callers []string
	// Every is 1 when each call is refused, 3 when each third is, counted over all services.
	Every int
	// Action narrows it to calls with this permission's name, such as "PutObject"; empty is every action.
	Action string
}

// Disturb has services refuse calls of functions and instances, as AWS does while it is in trouble, until end
// is called; operators are never refused. What is refused is no problem of the fleet's.
func (c *Cloud) Disturb(t Trouble) (end func()) {
	if t.Every < 1 {
		t.Every = 1
	}
	d := &disturbance{Trouble: t}
	c.mu.Lock()
	c.disturbances = append(c.disturbances, d)
	c.mu.Unlock()
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i, one := range c.disturbances {
			if one == d {
				c.disturbances = append(c.disturbances[:i:i], c.disturbances[i+1:]...)
				return
			}
		}
	}
}

// Refused is how many calls were refused by disturbances so far.
func (c *Cloud) Refused() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

type disturbance struct {
	Trouble
	asked int
}

// disturbs reports whether a caller's call of a service is refused now.
func (c *Cloud) disturbs(who, service, action string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.disturbances {
		if !d.of(who, service, action) {
			continue
		}
		d.asked++
		if d.asked%d.Every == 0 {
			c.refused++
			return true
		}
	}
	return false
}

func (t Trouble) of(who, service, action string) bool {
	return slices.Contains(t.Services, service) && (t.Action == "" || t.Action == action) && (len(t.Callers) == 0 || slices.Contains(t.Callers, who))
}

// Starve lets each run of some functions take so long at least, on the wall, as of one that has outgrown its share of a
// processor, until end is called.
func (c *Cloud) Starve(least time.Duration, functions ...string) (end func()) {
	set := func(delay time.Duration) {
		for _, name := range functions {
			c.host.Starve(name, delay)
		}
	}
	set(least)
	return func() { set(0) }
}

// scarce is EC2 as Auto Scaling sees it: at times without capacity.
type scarce struct {
	*moto
	cloud *Cloud
}

// Launch runs machines, or has no capacity for their group.
func (s scarce) Launch(ctx context.Context, r scaling.LaunchRequest) ([]scaling.Machine, error) {
	if s.cloud.disturbs(r.Tags["aws:autoscaling:groupName"], "ec2", "RunInstances") {
		return nil, scaling.ErrNoCapacity
	}
	return s.moto.Launch(ctx, r)
}

// disturbed refuses a call of a function or an instance while its service is in trouble.
func (c *Cloud) disturbed(w http.ResponseWriter, in call) bool {
	c.mu.Lock()
	who, ours := c.callers[in.key]
	c.mu.Unlock()
	if !ours || !c.disturbs(who.name, in.service, in.action) {
		return false
	}
	code := "ServiceUnavailable"
	if in.service == "s3" {
		code = "SlowDown"
	}
	w.Header().Set("Retry-After", "1")
	writeError(w, in, http.StatusServiceUnavailable, code, fmt.Sprintf("%s is in trouble: reduce your request rate", in.service))
	return true
}

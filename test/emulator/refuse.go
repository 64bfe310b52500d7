package emulator

import (
	"fmt"
	"net/http"
)

// Trouble is what an account's services refuse for a while.
type Trouble struct {
	// Services are named as in signatures ("s3", "sqs", "dynamodb"); "lambda" gives its functions no process.
	Services []string
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

// disturbs reports whether a call of a service is refused now.
func (c *Cloud) disturbs(service, action string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.disturbances {
		for _, s := range d.Services {
			if s != service || d.Action != "" && d.Action != action {
				continue
			}
			d.asked++
			if d.asked%d.Every == 0 {
				c.refused++
				return true
			}
		}
	}
	return false
}

// disturbed refuses a call of a function or an instance while its service is in trouble.
func (c *Cloud) disturbed(w http.ResponseWriter, in call) bool {
	c.mu.Lock()
	_, ours := c.callers[in.key]
	c.mu.Unlock()
	if !ours || !c.disturbs(in.service, in.action) {
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

package emulator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/delivery"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/functions"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
)

// Problems lists everything so far that AWS would have refused or lost.
func (c *Cloud) Problems() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.problems)
}

// Calls counts the API calls that functions and instances made, by "name service:Action".
func (c *Cloud) Calls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

// Instances lists all instances that belong to Auto Scaling groups now.
func (c *Cloud) Instances() []scaling.Instance { return c.scaling.Instances() }

// GroupSize is the minimum, desired and maximum capacity of a group, and whether there is such a group.
func (c *Cloud) GroupSize(name string) (least, desired, most int, ok bool) {
	return c.scaling.Size(name)
}

// FailInstance lets an instance's EC2 status checks fail from now on; the machine itself is the caller's.
func (c *Cloud) FailInstance(id string) error { return c.scaling.FailInstance(id) }

// Alarms lists all alarms with their states and histories.
func (c *Cloud) Alarms() []metrics.Status { return c.watch.Alarms() }

// Alarm is the status of one alarm by name.
func (c *Cloud) Alarm(name string) (metrics.Status, error) { return c.watch.Alarm(name) }

// Metrics is the metric store.
func (c *Cloud) Metrics() *metrics.Store { return c.store }

// Schedules tells how often each scheduled rule ticks.
func (c *Cloud) Schedules() []delivery.Schedule {
	c.mu.Lock()
	bus := c.bus
	c.mu.Unlock()
	if bus == nil {
		return nil
	}
	return bus.Schedules()
}

// Invoke runs a function, by name, and waits for its result.
func (c *Cloud) Invoke(ctx context.Context, name string, payload []byte) (functions.Result, error) {
	return c.host.Invoke(ctx, name, payload)
}

// credentials registers an access key for a caller and returns it as environment; the lock is held.
func (c *Cloud) credentials(who caller) []string {
	sum := sha256.Sum256([]byte(who.role + " " + who.name))
	key := "ASIAEMU" + strings.ToUpper(hex.EncodeToString(sum[:7]))[:13]
	c.callers[key] = who
	return []string{"AWS_ACCESS_KEY_ID=" + key, "AWS_SECRET_ACCESS_KEY=emulated", "AWS_REGION=" + c.options.Region,
		"AWS_DEFAULT_REGION=" + c.options.Region, "AWS_ENDPOINT_URL=" + c.Endpoint(), "AWS_EC2_METADATA_DISABLED=true"}
}

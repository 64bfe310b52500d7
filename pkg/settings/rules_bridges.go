package settings

import (
	"slices"
	"strings"
	"time"
)

const (
	minTarget = 0.1
	minSlack  = 0.05
	// minService and maxService bound a forecast's service level: at a half it has no margin, and beyond the other end its
	// normal distribution says nothing of what happens.
	minService, maxService = 0.5, 0.9999
	maxSlack               = 5
	// ParticipantStress is what one participant adds to a bridge's stress
	// (jicofo.bridge.average-participant-stress, jicofo-selector/reference.conf).
	ParticipantStress = 0.01
	// A lifecycle hook holds an instance for at most 48 hours or 100 heartbeat timeouts, whichever is less.
	// https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html
	hookLimit = 48 * time.Hour
	hookBeats = 100
	// maxOverrides is how many instance types a mixed instances policy takes.
	// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_LaunchTemplate.html
	maxOverrides = 40
	minHook      = 3 * time.Minute
	maxHook      = 2 * time.Hour // Auto Scaling's own
)

func (b Bridges) validate(c check) {
	instanceTypes(c.at("instanceTypes"), b.InstanceTypes)
	c.at("max").whole(b.Max, 1, maxBridges)
	c.at("min").whole(b.Min, 1, min(max(1, b.Max), maxBridges))
	target(c.at("target"), b.Target)
	b.validateThresholds(c)
	c.at("survivors").whole(b.Survivors, 0, 1)
	c.at("shrinkAfter").duration(b.ShrinkAfter, 3*time.Minute, 2*time.Hour)
	c.at("deadAfter").duration(b.DeadAfter, time.Minute, time.Hour)
	c.at("quarantineWindow").duration(b.QuarantineWindow, time.Minute, 2*time.Hour)
	c.at("serviceLevel").number(b.ServiceLevel, minService, maxService)
	b.validateLife(c)
}

// target refuses what Jicofo would never fill a bridge to.
func target(c check, v float64) {
	if v < minTarget || v >= OverloadStress {
		c.mend(v, "write a number from %v to below %v: at a stress of %v Jicofo stops choosing a bridge, so that more is never reached", minTarget, OverloadStress, OverloadStress)
	}
}

// validateThresholds keeps growing and shrinking apart, and both within reach.
func (b Bridges) validateThresholds(c check) {
	slack := c.at("slack").number(b.Slack, minSlack, maxSlack)
	if slack && b.Target >= minTarget && b.Slack*b.Target < ParticipantStress {
		c.at("slack").mend(b.Slack, "write at least %.3f: slack times target must hold the stress of one participant, %v, or one who leaves and returns would shrink and grow the group", ParticipantStress/b.Target, ParticipantStress)
	}
	if c.at("spare").number(b.Spare, 0, float64(max(1, b.Max))) && slack {
		drainable(c.at("spare"), b.Spare, b.Slack, b.Min, b.Max, "fleet.bridges.max")
	}
}

// drainable refuses thresholds under which no bridge is ever released: that takes spare and slack bridges' worth
// of room on the others, and of those there are at most one less than the maximum.
func drainable(c check, spare, slack float64, minimum, maximum int, maxPath string) {
	if minimum != maximum && spare+slack > float64(maximum-1) {
		c.mend(spare, "write at most %v: spare and slack (%v) together must find room on one bridge less than the maximum of %d (%s), or nothing is ever drained",
			max(0, float64(maximum-1)-slack), slack, maximum, maxPath)
	}
}

func (b Bridges) validateLife(c check) {
	c.at("bootTime").duration(b.BootTime, 30*time.Second, 30*time.Minute)
	switch grace := c.at("admissionGrace"); {
	case b.AdmissionGrace < b.BootTime:
		grace.mend(b.AdmissionGrace, "write at least %q, which is fleet.bridges.bootTime: every bridge would be given up while it boots", b.BootTime)
	case grace.duration(b.AdmissionGrace, time.Second, 2*time.Hour):
		holdable(grace, b.AdmissionGrace, b.HookTimeout)
	}
	c.at("hookTimeout").duration(b.HookTimeout, minHook, maxHook)
	if c.at("drainLimit").duration(b.DrainLimit, time.Minute, hookLimit) {
		holdable(c.at("drainLimit"), b.DrainLimit, b.HookTimeout)
	}
	if !slices.Contains([]AtDrainLimit{Hold, Move}, b.AtDrainLimit) {
		c.at("atDrainLimit").mend(b.AtDrainLimit, `write "hold" or "move"`)
	}
}

// holdable refuses what is longer than a lifecycle hook with this heartbeat timeout can hold an instance.
func holdable(c check, v, hook Duration) {
	limit := min(hookLimit, hookBeats*max(hook.D(), time.Second))
	if v.D() > limit {
		c.mend(v, "write at most %q, or a longer fleet.bridges.hookTimeout: a lifecycle hook holds for %d heartbeat timeouts, and for 48h", Duration(limit), hookBeats)
	}
}

func (s Settings) validateShards(c check) {
	if len(s.Shards) == 0 {
		c.mend(nil, `write at least one shard, such as {"name": "shard-1", "id": 1}`)
	}
	if len(s.Shards) > maxShards {
		c.mend(len(s.Shards), "write at most %d shards", maxShards)
	}
	names, plain, ids := map[string]string{}, map[string]string{}, map[int]string{}
	for i, shard := range s.Shards {
		at := c.element(i)
		if at.at("name").text(shard.Name, shardForm, "write 1 to 20 lower-case letters, digits and hyphens, with no hyphen at either end") {
			unique(at.at("name"), shard.Name, names)
			distinct(at.at("name"), shard.Name, plain)
		}
		if at.at("id").whole(shard.ID, 1, 4095) {
			unique(at.at("id"), shard.ID, ids)
		}
		s.validateSize(at, shard)
	}
}

// distinct refuses a name that differs from another in hyphens only: CloudFormation's logical ids have none.
func distinct(c check, name string, seen map[string]string) {
	plain := strings.ReplaceAll(name, "-", "")
	if other, taken := seen[plain]; taken && other != name {
		c.mend(name, "write a name that differs from %q in more than hyphens", other)
		return
	}
	seen[plain] = name
}

// validateSize looks at a shard's own sizes; where it has none, those of all bridges are looked at once.
func (s Settings) validateSize(c check, shard Shard) {
	if shard.MinBridges == 0 && shard.MaxBridges == 0 {
		return
	}
	low, high := s.ShardBridges(shard)
	if !c.at("maxBridges").whole(shard.MaxBridges, 0, maxBridges) || !c.at("minBridges").whole(shard.MinBridges, 0, maxBridges) {
		return
	}
	switch {
	case low > high && shard.MinBridges != 0:
		c.at("minBridges").mend(shard.MinBridges, "write at most %d, which is the shard's maximum", high)
	case low > high:
		c.at("maxBridges").mend(shard.MaxBridges, "write at least %d, which is the shard's minimum", low)
	case s.Bridges.Spare > float64(high):
		c.at("maxBridges").mend(high, "write at least fleet.bridges.spare, which is %v", s.Bridges.Spare)
	default:
		drainable(check{c.report, "fleet.bridges.spare"}, s.Bridges.Spare, s.Bridges.Slack, low, high, c.at("maxBridges").path)
	}
}

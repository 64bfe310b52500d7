// Package fleet holds the words of the domain: shards, groups, instances, what a node says of itself and
// what was observed of a whole group at one moment.
//
// It is values only. It knows no AWS SDK, no HTTP and no clock, so that every package may speak it.
package fleet

import (
	"net/netip"
	"time"
)

// InstanceID is an EC2 instance id, "i-" and 8 or 17 hexadecimal digits.
type InstanceID string

// Role is what an instance does in the fleet. It is a tag of its Auto Scaling group.
type Role string

// The roles that a group can have.
const (
	RoleBridge Role = "bridge" // one Jitsi Videobridge
	RoleSignal Role = "signal" // one shard's web, Prosody and Jicofo
	RoleEdge   Role = "edge"   // one HAProxy slot
	RoleJibri  Role = "jibri"  // one recorder, for all shards
)

// Tag keys by which the control plane finds groups and their instances. They are set on the group and
// propagated to its instances, so that a new shard needs no change of the control stack.
const (
	TagFleet = "jitsi-fleet:fleet"
	TagRole  = "jitsi-fleet:role"
	TagShard = "jitsi-fleet:shard"
)

// Names of the lifecycle hooks in every group that the control plane admits and ends.
const (
	HookLaunch    = "admit"
	HookTerminate = "drain"
)

// LifecycleState is Auto Scaling's word for where an instance is in its life.
// The list is long and grows, so code that switches on it has an explicit default.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
type LifecycleState string

// The lifecycle states that this control plane acts on.
const (
	StatePending             LifecycleState = "Pending"
	StatePendingWait         LifecycleState = "Pending:Wait"
	StatePendingProceed      LifecycleState = "Pending:Proceed"
	StateInService           LifecycleState = "InService"
	StateTerminating         LifecycleState = "Terminating"
	StateTerminatingWait     LifecycleState = "Terminating:Wait"
	StateTerminatingProceed  LifecycleState = "Terminating:Proceed"
	StateTerminatingRetained LifecycleState = "Terminating:Retained"
	StateTerminated          LifecycleState = "Terminated"
)

// Booting reports whether an instance in this state was bought and does not serve yet.
func (s LifecycleState) Booting() bool {
	return s == StatePending || s == StatePendingWait || s == StatePendingProceed
}

// Leaving reports whether an instance in this state is on its way out; it is no capacity any more
// and Auto Scaling does not count it in the group's desired capacity.
func (s LifecycleState) Leaving() bool {
	switch s {
	case StateTerminating, StateTerminatingWait, StateTerminatingProceed, StateTerminatingRetained, StateTerminated:
		return true
	default:
		return false
	}
}

// Instance is one member of a group as Auto Scaling describes it.
type Instance struct {
	ID        InstanceID
	Lifecycle LifecycleState
	// Outdated is true when the instance was launched from another launch template version than the
	// group would use now.
	Outdated  bool
	Protected bool
	Address   netip.Addr // private IPv4; the zero Addr when EC2 did not tell
	Launched  time.Time  // when EC2 launched it; the zero Time when EC2 did not tell
	// Stopped is true when EC2 says that the machine does not run any more; it then carries nothing.
	Stopped bool
}

// Group is one Auto Scaling group of the fleet.
type Group struct {
	Name    string
	Role    Role
	Shard   string // empty for groups that serve all shards
	Min     int
	Max     int
	Desired int
	// Rebalances is true while Auto Scaling may move instances between zones by itself, which ends bridges.
	Rebalances bool
	Instances  []Instance
}

// Report is what was heard of one node: its status, or why there is none.
type Report struct {
	Status Status
	Err    error // nil when Status is an answer
}

// Observation is everything known of one group at one moment.
type Observation struct {
	At    time.Time
	Group Group
	Nodes map[InstanceID]Report
	// Signal is what the shard's signal node said, for groups of bridges; Err when it was silent or absent.
	Signal Report
	// Signals is what every shard's signal node said, by shard, for the group of recorders, which all shards share.
	Signals map[string]Report
}

// Tolerated is how many nodes of n may look broken before the observer is presumed wrong: one, or a tenth.
func Tolerated(n int) int { return max(1, n/10) }

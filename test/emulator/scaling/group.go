// Package scaling is an Auto Scaling service: groups, instances, lifecycle hooks and the query API, with the
// behaviour that AWS documents. EC2 itself, queues and permissions are behind the interfaces that it declares.
//
// It must not know what runs on an instance, nor any group by name.
package scaling

import (
	"context"
	"time"
)

// Group is the definition of an Auto Scaling group, as its template gives it.
type Group struct {
	Name     string
	ARN      string
	Min, Max int
	// Desired is the initial desired capacity.
	Desired  int
	Subnets  []Subnet
	Template Template
	// Mixed is true when the group names its launch template in a mixed instances policy.
	Mixed bool
	// InstanceType overrides the launch template's; empty leaves it.
	InstanceType string
	Hooks        []Hook
	// ProtectNew protects each new instance from scale-in as it enters service.
	ProtectNew bool
	// Retain keeps an instance whose terminate hook was abandoned, in Terminating:Retained.
	Retain bool
	// Grace is the health check grace period.
	Grace time.Duration
	Tags  []Tag
}

// Subnet is one subnet of a group.
type Subnet struct{ ID, Zone string }

// Template is a version of a launch template; Version is a number, "$Latest" or "$Default".
type Template struct{ ID, Name, Version string }

// Tag is a tag of a group.
type Tag struct {
	Key, Value string
	Propagate  bool
}

// Hook is a lifecycle hook.
type Hook struct {
	Name          string
	Transition    string // Launching or Terminating
	DefaultResult string // Continue or Abandon
	Timeout       time.Duration
	TargetARN     string // where it notifies; empty notifies nobody
	RoleARN       string
	Metadata      string
}

// Lifecycle transitions and results.
const (
	Launching   = "autoscaling:EC2_INSTANCE_LAUNCHING"
	Terminating = "autoscaling:EC2_INSTANCE_TERMINATING"
	Continue    = "CONTINUE"
	Abandon     = "ABANDON"
)

// Lifecycle states.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
const (
	Pending            = "Pending"
	PendingWait        = "Pending:Wait"
	InService          = "InService"
	TerminatingState   = "Terminating"
	TerminatingWait    = "Terminating:Wait"
	TerminatingProceed = "Terminating:Proceed"
	Retained           = "Terminating:Retained"
)

// Instance is one instance of a group, as told to callbacks and readers.
type Instance struct {
	Machine
	Group     string
	State     string
	Healthy   bool
	Protected bool
	// Tags are those that the group propagated.
	Tags map[string]string
}

// Machine is an EC2 instance.
type Machine struct {
	ID       string
	Zone     string
	Subnet   string
	Address  string // private IPv4
	Type     string
	Template Template // with the version's number
	Launched time.Time
}

// LaunchRequest asks EC2 for Count equal machines in one subnet.
type LaunchRequest struct {
	Template     Template
	InstanceType string
	Subnet       Subnet
	Tags         map[string]string
	Count        int
}

// Machines is EC2.
type Machines interface {
	Launch(ctx context.Context, r LaunchRequest) ([]Machine, error)
	Terminate(ctx context.Context, ids []string) error
}

// instance is a member of a group. All its fields are guarded by the engine's lock.
type instance struct {
	Instance
	actions  []*action
	activity *activity
	// sick is when the health check finds it unhealthy; zero when it is well.
	sick time.Time
	// gone is true when EC2 has ended the machine by itself.
	gone bool
	// ending is true while the machine's end is under way in EC2.
	ending bool
	// serving is when it entered service.
	serving time.Time
}

// action is one lifecycle action: a hook that waits for an answer.
type action struct {
	hook     Hook
	token    string
	deadline time.Time // by the heartbeat timeout
	limit    time.Time // by the global timeout
	result   string    // empty while it waits
}

// group is a group and what became of it. All its fields are guarded by the engine's lock.
type group struct {
	Group
	created   time.Time
	desired   int
	suspended map[string]bool
	instances []*instance
	launching int // asked of EC2, not yet answered
	// failures counts launches in a row that ended before service; next is when the next may be tried.
	failures   int
	next       time.Time
	turn       int // which subnet is next
	stuck      bool
	activities []*activity
}

// counted is how many instances count toward the desired capacity. Those that terminate or are retained do not.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-lifecycle-policy.html
func (g *group) counted() int {
	n := g.launching
	for _, i := range g.instances {
		if i.counts() {
			n++
		}
	}
	return n
}

func (i *instance) counts() bool {
	return i.State == Pending || i.State == PendingWait || i.State == InService
}

func (g *group) hooks(transition string) []Hook {
	var found []Hook
	for _, h := range g.Hooks {
		if h.Transition == transition {
			found = append(found, h)
		}
	}
	return found
}

func (g *group) remove(gone *instance) {
	kept := g.instances[:0]
	for _, i := range g.instances {
		if i != gone {
			kept = append(kept, i)
		}
	}
	g.instances = kept
}

package scaling

import (
	"fmt"
	"slices"
	"time"
)

// named is the group that a call names.
func (e *Engine) named(r request) (*group, error) {
	name := r.Get("AutoScalingGroupName")
	if g, ok := e.groups[name]; ok {
		return g, nil
	}
	return nil, refusal("AutoScalingGroup name not found - AutoScalingGroup %s not found", name)
}

// setDesiredCapacity refuses what lies outside the bounds.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetDesiredCapacity.html
func (e *Engine) setDesiredCapacity(r request) (any, error) {
	g, err := e.named(r)
	if err != nil {
		return nil, err
	}
	n, given, err := r.number("DesiredCapacity")
	switch {
	case err != nil:
		return nil, err
	case !given:
		return nil, refusal("DesiredCapacity is required")
	case n > g.Max:
		return nil, refusal("New SetDesiredCapacity value %d is above max value %d for the AutoScalingGroup.", n, g.Max)
	case n < g.Min:
		return nil, refusal("New SetDesiredCapacity value %d is below min value %d for the AutoScalingGroup.", n, g.Min)
	}
	g.desired, g.stuck = n, false
	return nil, nil
}

// updateGroup changes the bounds and the desired capacity, which follows the bounds when it is not given.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html
func (e *Engine) updateGroup(r request) (any, error) {
	g, err := e.named(r)
	if err != nil {
		return nil, err
	}
	for name := range r.Values {
		if !slices.Contains([]string{"Action", "Version", "AutoScalingGroupName", "MinSize", "MaxSize", "DesiredCapacity"}, name) {
			return nil, &Fault{Code: "NotImplemented", Status: 501,
				Message: "the emulator's UpdateAutoScalingGroup does not know " + name}
		}
	}
	least, most, desired := g.Min, g.Max, g.desired
	var wanted bool
	for name, into := range map[string]*int{"MinSize": &least, "MaxSize": &most, "DesiredCapacity": &desired} {
		n, given, err := r.number(name)
		if err != nil {
			return nil, err
		}
		if given {
			*into = n
			wanted = wanted || name == "DesiredCapacity"
		}
	}
	switch {
	case least > most:
		return nil, refusal("Max bound, %d, must be greater than or equal to min bound, %d", most, least)
	case wanted && (desired < least || desired > most):
		return nil, refusal("Desired capacity:%d must be between the specified min size:%d and max size:%d", desired, least, most)
	}
	g.Min, g.Max, g.desired, g.stuck = least, most, min(max(desired, least), most), false
	return nil, nil
}

// terminateInstance ends one instance, protected or not; with a decrement it refuses to go below the minimum.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html
func (e *Engine) terminateInstance(r request) (any, error) {
	id := r.Get("InstanceId")
	if ids := r.list("InstanceIds"); id == "" && len(ids) > 0 {
		return nil, &Fault{Code: "NotImplemented", Status: 501, Message: "the emulator ends one instance a call: use InstanceId"}
	}
	g, i := e.find(id)
	if i == nil {
		return nil, refusal("Instance Id not found - No managed instance found for instance ID: %s", id)
	}
	decrement := r.yes("ShouldDecrementDesiredCapacity")
	switch {
	case decrement && g.desired <= g.Min:
		return nil, refusal("Currently, desiredSize equals minSize (%d). Terminating instance without replacement will "+
			"violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower "+
			"group's min size.", g.Min)
	case !i.counts() && i.State != Retained:
		return nil, &Fault{Code: "ScalingActivityInProgress", Status: 400, Message: fmt.Sprintf(
			"Instance %s is not in InService, Pending or Retained: it is %s", id, i.State)}
	}
	if decrement {
		g.desired--
	}
	wasRetained := i.State == Retained
	e.leave(g, i, "a user request took the instance out of service")
	if wasRetained {
		i.State = TerminatingProceed // its terminate hook has been abandoned; it does not fire twice
	}
	return struct{ Activity activityXML }{i.activity.xml(g.Name)}, nil
}

// setProtection protects instances from scale-in, or takes the protection away.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetInstanceProtection.html
func (e *Engine) setProtection(r request) (any, error) {
	g, err := e.named(r)
	if err != nil {
		return nil, err
	}
	ids := r.list("InstanceIds")
	if len(ids) > 50 {
		return nil, refusal("The number of instance ids that may be passed in is limited to 50")
	}
	var chosen []*instance
	for _, id := range ids {
		owner, i := e.find(id)
		if i == nil || owner != g {
			return nil, refusal("The instance %s is not part of Auto Scaling group %s.", id, g.Name)
		}
		if i.State != InService {
			return nil, refusal("The instance %s is not in InService or EnteringStandby or Standby.", id)
		}
		chosen = append(chosen, i)
	}
	for _, i := range chosen {
		i.Protected = r.yes("ProtectedFromScaleIn")
	}
	g.stuck = false
	return nil, nil
}

// setHealth marks an instance; an unhealthy one is replaced, within the grace period only if that is not respected.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetInstanceHealth.html
func (e *Engine) setHealth(r request) (any, error) {
	id, status := r.Get("InstanceId"), r.Get("HealthStatus")
	g, i := e.find(id)
	if i == nil {
		return nil, refusal("Instance Id not found - No managed instance found for instance ID: %s", id)
	}
	now := e.options.Clock.Now()
	switch {
	case status == "Healthy":
		i.Healthy, i.sick = true, time.Time{}
	case status != "Unhealthy":
		return nil, refusal("Valid instance health states are: [Healthy, Unhealthy].")
	case r.Get("ShouldRespectGracePeriod") != "false" && now.Before(i.serving.Add(e.options.Clock.Scale(g.Grace))):
	default:
		i.Healthy, i.sick = false, now
	}
	return nil, nil
}

// processes are what can be suspended.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
var processes = []string{"Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance",
	"HealthCheck", "InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions"}

func (e *Engine) suspend(r request) (any, error) {
	return e.eachProcess(r, func(g *group, p string) { g.suspended[p] = true })
}

func (e *Engine) resume(r request) (any, error) {
	return e.eachProcess(r, func(g *group, p string) { delete(g.suspended, p) })
}

func (e *Engine) eachProcess(r request, do func(*group, string)) (any, error) {
	g, err := e.named(r)
	if err != nil {
		return nil, err
	}
	names := r.list("ScalingProcesses")
	if len(names) == 0 {
		names = processes
	}
	for _, p := range names {
		if !slices.Contains(processes, p) {
			return nil, refusal("%s is not a valid process type. Processes types are: %v", p, processes)
		}
	}
	for _, p := range names {
		do(g, p)
	}
	return nil, nil
}

// tag creates or replaces tags of groups.
func (e *Engine) tag(r request) (any, error) {
	for n := 1; ; n++ {
		at := func(field string) string { return r.Get(fmt.Sprintf("Tags.member.%d.%s", n, field)) }
		if at("Key") == "" {
			return nil, nil
		}
		g, ok := e.groups[at("ResourceId")]
		if !ok {
			return nil, refusal("AutoScalingGroup name not found - AutoScalingGroup %s not found", at("ResourceId"))
		}
		g.Tags = slices.DeleteFunc(g.Tags, func(t Tag) bool { return t.Key == at("Key") })
		g.Tags = append(g.Tags, Tag{at("Key"), at("Value"), at("PropagateAtLaunch") == "true"})
	}
}

package scaling

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Pages of the describe calls: the default and the largest.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html
const (
	pageDefault = 50
	pageLargest = 100
)

// page cuts a list to what a call asked for; the token is the position of the next page.
func page[T any](r request, all []T) ([]T, *string, error) {
	size, given, err := r.number("MaxRecords")
	if err != nil {
		return nil, nil, err
	}
	if !given {
		size = pageDefault
	}
	if size < 1 || size > pageLargest {
		return nil, nil, refusal("1 validation error detected: Value '%d' at 'maxRecords' failed to satisfy constraint: "+
			"Member must have value less than or equal to %d", size, pageLargest)
	}
	start, _, err := r.number("NextToken")
	if err != nil || start > len(all) {
		return nil, nil, &Fault{Code: "InvalidNextToken", Message: "The token is not valid", Status: 400}
	}
	end := min(start+size, len(all))
	if end == len(all) {
		return all[start:end], nil, nil
	}
	token := strconv.Itoa(end)
	return all[start:end], &token, nil
}

type members[T any] struct {
	Member []T `xml:"member"`
}

func (e *Engine) describeGroups(r request) (any, error) {
	names := r.list("AutoScalingGroupNames")
	var found []groupXML
	for _, name := range e.order {
		g := e.groups[name]
		fits, err := g.fits(r)
		if err != nil {
			return nil, err
		}
		if fits && (len(names) == 0 || slices.Contains(names, name)) {
			found = append(found, g.xml(r.Get("IncludeInstances") != "false"))
		}
	}
	cut, token, err := page(r, found)
	return struct {
		AutoScalingGroups members[groupXML]
		NextToken         *string
	}{members[groupXML]{cut}, token}, err
}

// fits reports whether a group passes the filters "tag-key", "tag-value" and "tag:KEY"; all must hold.
func (g *group) fits(r request) (bool, error) {
	for n := 1; ; n++ {
		name := r.Get(fmt.Sprintf("Filters.member.%d.Name", n))
		if name == "" {
			return true, nil
		}
		values := r.list(fmt.Sprintf("Filters.member.%d.Values", n))
		key, byKey := strings.CutPrefix(name, "tag:")
		if !byKey && name != "tag-key" && name != "tag-value" {
			return false, refusal("Filter type %s is not correct. Allowed Filter types are: auto-scaling-group key value "+
				"propagate-at-launch tag-key tag-value tag:<key>", name)
		}
		if !slices.ContainsFunc(g.Tags, func(t Tag) bool {
			switch name {
			case "tag-key":
				return slices.Contains(values, t.Key)
			case "tag-value":
				return slices.Contains(values, t.Value)
			default:
				return t.Key == key && slices.Contains(values, t.Value)
			}
		}) {
			return false, nil
		}
	}
}

func (e *Engine) describeInstances(r request) (any, error) {
	ids := r.list("InstanceIds")
	if len(ids) > pageDefault {
		return nil, refusal("The number of instance ids that may be passed in is limited to %d", pageDefault)
	}
	var found []instanceXML
	for _, name := range e.order {
		for _, i := range e.groups[name].instances {
			if len(ids) == 0 || slices.Contains(ids, i.ID) {
				x := i.xml()
				x.AutoScalingGroupName = name
				x.HealthStatus = strings.ToUpper(x.HealthStatus)
				found = append(found, x)
			}
		}
	}
	cut, token, err := page(r, found)
	return struct {
		AutoScalingInstances members[instanceXML]
		NextToken            *string
	}{members[instanceXML]{cut}, token}, err
}

func (e *Engine) describeHooks(r request) (any, error) {
	g, err := e.named(r)
	if err != nil {
		return nil, err
	}
	names := r.list("LifecycleHookNames")
	var found []hookXML
	for _, h := range g.Hooks {
		if len(names) == 0 || slices.Contains(names, h.Name) {
			seconds := int(h.Timeout / time.Second)
			found = append(found, hookXML{LifecycleHookName: h.Name, AutoScalingGroupName: g.Name,
				LifecycleTransition: h.Transition, NotificationTargetARN: h.TargetARN, RoleARN: h.RoleARN,
				NotificationMetadata: h.Metadata, HeartbeatTimeout: seconds, DefaultResult: h.DefaultResult,
				GlobalTimeout: int(min(heldAtMost, heldTimeouts*h.Timeout) / time.Second)})
		}
	}
	return struct{ LifecycleHooks members[hookXML] }{members[hookXML]{found}}, nil
}

func (e *Engine) describeActivities(r request) (any, error) {
	ids := r.list("ActivityIds")
	var found []activityXML
	for _, name := range e.order {
		if only := r.Get("AutoScalingGroupName"); only != "" && only != name {
			continue
		}
		for _, a := range e.groups[name].activities {
			if len(ids) == 0 || slices.Contains(ids, a.id) {
				found = append(found, a.xml(name))
			}
		}
	}
	cut, token, err := page(r, found)
	return struct {
		Activities members[activityXML]
		NextToken  *string
	}{members[activityXML]{cut}, token}, err
}

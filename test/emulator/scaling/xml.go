package scaling

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The shapes of the query API's answers.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Types.html

type templateXML struct {
	LaunchTemplateID   string `xml:"LaunchTemplateId"`
	LaunchTemplateName string
	Version            string
}

type mixedXML struct {
	LaunchTemplate struct {
		LaunchTemplateSpecification templateXML
	}
}

type instanceXML struct {
	InstanceID              string `xml:"InstanceId"`
	AutoScalingGroupName    string `xml:",omitempty"`
	InstanceType            string
	AvailabilityZone        string
	LifecycleState          string
	HealthStatus            string
	ProtectedFromScaleIn    bool
	LaunchTemplate          templateXML
	LaunchConfigurationName string `xml:",omitempty"`
}

type tagXML struct {
	ResourceID        string `xml:"ResourceId"`
	ResourceType      string
	Key               string
	Value             string
	PropagateAtLaunch bool
}

type suspendedXML struct{ ProcessName, SuspensionReason string }

type retentionXML struct {
	RetentionTriggers struct{ TerminateHookAbandon string }
}

type groupXML struct {
	AutoScalingGroupName             string
	AutoScalingGroupARN              string
	LaunchTemplate                   *templateXML
	MixedInstancesPolicy             *mixedXML
	MinSize                          int
	MaxSize                          int
	DesiredCapacity                  int
	DefaultCooldown                  int
	AvailabilityZones                members[string]
	VPCZoneIdentifier                string
	HealthCheckType                  string
	HealthCheckGracePeriod           int
	Instances                        members[instanceXML]
	CreatedTime                      time.Time
	SuspendedProcesses               members[suspendedXML]
	Tags                             members[tagXML]
	NewInstancesProtectedFromScaleIn bool
	InstanceLifecyclePolicy          *retentionXML
}

type hookXML struct {
	LifecycleHookName, AutoScalingGroupName, LifecycleTransition string
	NotificationTargetARN                                        string `xml:",omitempty"`
	RoleARN                                                      string `xml:",omitempty"`
	NotificationMetadata                                         string `xml:",omitempty"`
	HeartbeatTimeout, GlobalTimeout                              int
	DefaultResult                                                string
}

type activityXML struct {
	ActivityID           string `xml:"ActivityId"`
	AutoScalingGroupName string
	Description          string
	Cause                string
	StartTime            time.Time
	EndTime              *time.Time
	StatusCode           string
	StatusMessage        string `xml:",omitempty"`
	Progress             int
}

func (t Template) xml() templateXML {
	return templateXML{LaunchTemplateID: t.ID, LaunchTemplateName: t.Name, Version: t.Version}
}

func (i *instance) xml() instanceXML {
	health := "Healthy"
	if !i.Healthy {
		health = "Unhealthy"
	}
	return instanceXML{InstanceID: i.ID, InstanceType: i.Type, AvailabilityZone: i.Zone, LifecycleState: i.State,
		HealthStatus: health, ProtectedFromScaleIn: i.Protected, LaunchTemplate: i.Template.xml()}
}

func (g *group) xml(withInstances bool) groupXML {
	x := groupXML{AutoScalingGroupName: g.Name, AutoScalingGroupARN: g.ARN, MinSize: g.Min, MaxSize: g.Max,
		DesiredCapacity: g.desired, DefaultCooldown: 300, HealthCheckType: "EC2", CreatedTime: g.created.UTC(),
		HealthCheckGracePeriod: int(g.Grace / time.Second), NewInstancesProtectedFromScaleIn: g.ProtectNew}
	template := g.Template.xml()
	if g.Mixed {
		x.MixedInstancesPolicy = &mixedXML{}
		x.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification = template
	} else {
		x.LaunchTemplate = &template
	}
	if g.Retain {
		x.InstanceLifecyclePolicy = &retentionXML{}
		x.InstanceLifecyclePolicy.RetentionTriggers.TerminateHookAbandon = "retain"
	}
	var subnets []string
	for _, s := range g.Subnets {
		subnets = append(subnets, s.ID)
		if !slices.Contains(x.AvailabilityZones.Member, s.Zone) {
			x.AvailabilityZones.Member = append(x.AvailabilityZones.Member, s.Zone)
		}
	}
	x.VPCZoneIdentifier = strings.Join(subnets, ",")
	for _, t := range g.Tags {
		x.Tags.Member = append(x.Tags.Member, tagXML{g.Name, "auto-scaling-group", t.Key, t.Value, t.Propagate})
	}
	for _, name := range slices.Sorted(maps.Keys(g.suspended)) {
		x.SuspendedProcesses.Member = append(x.SuspendedProcesses.Member,
			suspendedXML{name, fmt.Sprintf("User suspended at %s", g.created.UTC().Format(time.RFC3339))})
	}
	if withInstances {
		for _, i := range g.instances {
			x.Instances.Member = append(x.Instances.Member, i.xml())
		}
	}
	return x
}

func (a *activity) xml(group string) activityXML {
	x := activityXML{ActivityID: a.id, AutoScalingGroupName: group, Description: a.description, Cause: a.cause,
		StartTime: a.started.UTC(), StatusCode: a.status, StatusMessage: a.message, Progress: 50}
	if !a.ended.IsZero() {
		ended := a.ended.UTC()
		x.EndTime, x.Progress = &ended, 100
	}
	return x
}

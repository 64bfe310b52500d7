package emulator

import (
	"context"
	"errors"
	"fmt"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/template"
)

// adoptGroups makes the engine the truth about every Auto Scaling group. Moto's own groups become empty shells:
// the instances that its CloudFormation started knew no hooks and lay in one zone.
func (c *Cloud) adoptGroups(ctx context.Context, d *deployment) error {
	zones, err := c.moto.subnets(ctx)
	if err != nil {
		return err
	}
	_, _, names, err := c.moto.versions(ctx)
	if err != nil {
		return err
	}
	return d.each("AWS::AutoScaling::AutoScalingGroup", func(res *template.Resource, p properties) error {
		name := d.physical(res)
		if name == "" {
			return errors.New("the deployment did not make it")
		}
		form := fmt.Sprintf("Action=UpdateAutoScalingGroup&Version=2011-01-01&AutoScalingGroupName=%s&MinSize=0&MaxSize=0&DesiredCapacity=0", name)
		if err := c.moto.raw(ctx, "POST", "autoscaling", "/", "application/x-www-form-urlencoded", []byte(form)); err != nil {
			return err
		}
		g, err := c.group(name, p, zones, names)
		if err != nil {
			return err
		}
		return c.scaling.Adopt(ctx, g)
	})
}

func (c *Cloud) group(name string, p properties, zones, names map[string]string) (scaling.Group, error) {
	g := scaling.Group{Name: name, ARN: fmt.Sprintf("arn:aws:autoscaling:%s:%s:autoScalingGroup:emulated:autoScalingGroupName/%s",
		c.options.Region, c.options.Account, name), ProtectNew: p.yes("NewInstancesProtectedFromScaleIn", false),
		Retain: p.object("InstanceLifecyclePolicy").object("RetentionTriggers").text("TerminateHookAbandon") == "retain"}
	var err error
	for field, into := range map[string]*int{"MinSize": &g.Min, "MaxSize": &g.Max} {
		if *into, err = p.whole(field, 0); err != nil {
			return g, err
		}
	}
	if g.Desired, err = p.whole("DesiredCapacity", g.Min); err != nil {
		return g, err
	}
	if g.Grace, err = p.seconds("HealthCheckGracePeriod", 0); err != nil {
		return g, err
	}
	for _, id := range p.texts("VPCZoneIdentifier") {
		zone, ok := zones[id]
		if !ok {
			return g, fmt.Errorf("subnet %s does not exist", id)
		}
		g.Subnets = append(g.Subnets, scaling.Subnet{ID: id, Zone: zone})
	}
	for _, t := range p.objects("Tags") {
		g.Tags = append(g.Tags, scaling.Tag{Key: t.text("Key"), Value: t.text("Value"), Propagate: t.yes("PropagateAtLaunch", false)})
	}
	for _, h := range p.objects("LifecycleHookSpecificationList") {
		hook, err := hookOf(h)
		if err != nil {
			return g, err
		}
		g.Hooks = append(g.Hooks, hook)
	}
	return g, launchTemplate(&g, p, names)
}

// hookOf reads a hook. The API's own default result is ABANDON and its default timeout an hour.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html
func hookOf(h properties) (scaling.Hook, error) {
	timeout, err := h.seconds("HeartbeatTimeout", 3600)
	if err != nil {
		return scaling.Hook{}, err
	}
	hook := scaling.Hook{Name: h.text("LifecycleHookName"), Transition: h.text("LifecycleTransition"),
		DefaultResult: h.text("DefaultResult"), Timeout: timeout, TargetARN: h.text("NotificationTargetARN"),
		RoleARN: h.text("RoleARN"), Metadata: h.text("NotificationMetadata")}
	if hook.DefaultResult == "" {
		hook.DefaultResult = scaling.Abandon
	}
	if seconds := timeout.Seconds(); seconds < 30 || seconds > 7200 {
		return hook, fmt.Errorf("hook %s is refused: HeartbeatTimeout %v lies outside 30 to 7200", hook.Name, seconds)
	}
	if hook.Transition != scaling.Launching && hook.Transition != scaling.Terminating {
		return hook, fmt.Errorf("hook %s is refused: LifecycleTransition %q", hook.Name, hook.Transition)
	}
	return hook, nil
}

// launchTemplate reads the template, from the group or its mixed instances policy, whose first instance type is
// the preferred one.
func launchTemplate(g *scaling.Group, p properties, names map[string]string) error {
	spec := p.object("LaunchTemplate")
	if mixed := p.object("MixedInstancesPolicy").object("LaunchTemplate"); mixed != nil {
		g.Mixed = true
		spec = mixed.object("LaunchTemplateSpecification")
		if overrides := mixed.objects("Overrides"); len(overrides) > 0 {
			g.InstanceType = overrides[0].text("InstanceType")
		}
	}
	g.Template = scaling.Template{ID: spec.text("LaunchTemplateId"), Name: spec.text("LaunchTemplateName"), Version: spec.text("Version")}
	if g.Template.Name == "" {
		g.Template.Name = names[g.Template.ID]
	}
	if g.Template.ID == "" || g.Template.Version == "" {
		return fmt.Errorf("it names no launch template and version by id: %+v", g.Template)
	}
	return nil
}

// notifyHook sends a lifecycle hook's message as the hook's role.
func (c *Cloud) notifyHook(ctx context.Context, h scaling.Hook, body []byte) error {
	c.mu.Lock()
	book, bus := c.book, c.bus
	c.mu.Unlock()
	if service := ident.Service(h.TargetARN); service != "sqs" {
		return fmt.Errorf("notification target %s: service %q is not known to the emulator", h.TargetARN, service)
	}
	if err := book.Assume(h.RoleARN, "autoscaling.amazonaws.com"); err != nil {
		return err
	}
	if err := book.Role(h.RoleARN, "sqs:SendMessage", h.TargetARN, nil); err != nil {
		return err
	}
	if err := c.moto.Send(ctx, h.TargetARN, string(body), nil); err != nil {
		return err
	}
	bus.Ring(h.TargetARN)
	return nil
}

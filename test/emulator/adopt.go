package emulator

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/access"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/delivery"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/template"
)

// Adopt reads a deployed assembly and makes its groups, functions, subscriptions, rules, mappings and alarms
// live. It may be called again after another deployment: groups keep their instances, alarms their states.
func (c *Cloud) Adopt(ctx context.Context, assembly string) error {
	a, err := template.Load(assembly)
	if err != nil {
		return err
	}
	if err := onlyKnown(a); err != nil {
		return err
	}
	d, err := c.resolve(ctx, a)
	if err != nil {
		return err
	}
	if d.book, err = access.Read(a, d.resolver); err != nil {
		return err
	}
	d.bus = delivery.New(delivery.Options{Clock: c.options.Clock, Account: c.options.Account, Region: c.options.Region,
		Access: d.book, Functions: c.host, Queues: c.moto, LeastTick: c.options.LeastTick, LeastHidden: c.options.LeastTimeout, Patient: c.options.Patient,
		Silent:  func(rule string) bool { return c.disturbs(rule, "scheduler", "InvokeTarget") },
		OnEvent: c.options.OnEvent, OnMail: c.options.OnMail, Problem: c.problem})
	for _, part := range []func(context.Context, *deployment) error{
		c.adoptFunctions, c.adoptSubscriptions, c.adoptRules, c.adoptMappings, c.adoptAlarms, c.adoptComposites,
	} {
		if err := part(ctx, d); err != nil {
			return err
		}
	}
	c.replace(d)
	if err := c.adoptGroups(ctx, d); err != nil {
		return err
	}
	c.begin(d.bus)
	return nil
}

// emulated are the resource types of the services that this package stands for, each read here or without a
// behaviour of its own. Another type of these services is refused, for it would silently do nothing.
var emulated = map[string][]string{
	"AutoScaling": {"AutoScalingGroup"},
	"Lambda":      {"Function", "EventInvokeConfig", "EventSourceMapping", "Permission"},
	"Events":      {"Rule"},
	"Scheduler":   {},
	"Pipes":       {},
	"SNS":         {"Topic", "TopicPolicy", "Subscription"},
	"SQS":         {"Queue", "QueuePolicy"},
	"CloudWatch":  {"Alarm", "CompositeAlarm", "Dashboard"},
}

func onlyKnown(a *template.Assembly) error {
	for _, s := range a.Stacks {
		for id, res := range s.Resources {
			parts := strings.Split(res.Type, "::")
			if len(parts) != 3 {
				continue
			}
			if known, ours := emulated[parts[1]]; ours && !slices.Contains(known, parts[2]) {
				return fmt.Errorf("%s/%s (%s) is not known to the emulator", s.Name, id, res.Type)
			}
		}
	}
	return nil
}

// replace makes a deployment the one in force.
func (c *Cloud) replace(d *deployment) {
	c.mu.Lock()
	stop := c.stopBus
	c.deployed, c.book, c.bus, c.stopBus = d, d.book, d.bus, nil
	c.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// begin starts what runs by itself: the bus anew, the groups and alarms once.
func (c *Cloud) begin(bus *delivery.Bus) {
	ctx, cancel := context.WithCancel(c.ctx)
	done := make(chan struct{})
	c.mu.Lock()
	c.stopBus = func() {
		cancel()
		<-done
	}
	c.mu.Unlock()
	go func() {
		defer close(done)
		bus.Run(ctx)
	}()
	c.once.Do(func() {
		c.running.Go(func() { c.scaling.Run(c.ctx) })
		c.running.Go(func() { c.watch.Run(c.ctx) })
	})
}

// resolve asks moto what the deployment of each stack has made.
func (c *Cloud) resolve(ctx context.Context, a *template.Assembly) (*deployment, error) {
	ids := map[string]map[string]string{}
	for _, s := range a.Stacks {
		found, err := c.moto.physical(ctx, s.Name)
		if err != nil {
			return nil, err
		}
		ids[s.Name] = found
	}
	latest, standard, _, err := c.moto.versions(ctx)
	if err != nil {
		return nil, err
	}
	physical := func(stack, logical string) (string, bool) {
		if id, ok := c.options.Physical[stack+"/"+logical]; ok {
			return id, true
		}
		id, ok := ids[stack][logical]
		return id, ok && id != ""
	}
	resolver := &template.Resolver{Account: c.options.Account, Region: c.options.Region,
		Zones: []string{c.options.Region + "a", c.options.Region + "b", c.options.Region + "c"}, Physical: physical,
		Parameter: c.moto.parameter,
		// A version that a template takes from its launch template is the one at the time of the deployment.
		Attribute: func(stack, logical, name string) (string, bool) {
			id, _ := physical(stack, logical)
			switch name {
			case "LatestVersionNumber":
				return latest[id], latest[id] != ""
			case "DefaultVersionNumber":
				return standard[id], standard[id] != ""
			default:
				return "", false
			}
		}}
	return &deployment{assembly: a, resolver: resolver.Over(a), skip: c.options.Skip}, nil
}

// each calls do with the resolved properties of every resource of a type that its condition includes and that is not
// to be left out.
func (d *deployment) each(kind string, do func(res *template.Resource, p properties) error) error {
	for _, res := range d.assembly.ByType(kind) {
		included, err := d.resolver.Included(res)
		if err != nil {
			return err
		}
		if !included || d.skip(kind, res.LogicalID) {
			continue
		}
		p, err := d.resolver.Properties(res)
		if err != nil {
			return err
		}
		if err := do(res, p); err != nil {
			return fmt.Errorf("%s (%s): %w", res.Name(), res.Type, err)
		}
	}
	return nil
}

// physical is a resource's physical id, or empty.
func (d *deployment) physical(res *template.Resource) string {
	id, _ := d.resolver.Physical(res.Stack.Name, res.LogicalID)
	return id
}

// properties are a resource's resolved properties. Numbers and truth values may be texts, as in CloudFormation.
type properties map[string]any

func (p properties) text(name string) string {
	if v, ok := p[name]; ok && v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

func (p properties) number(name string, otherwise float64) (float64, error) {
	text := p.text(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("property %s is no number but %q", name, text)
	}
	return n, nil
}

func (p properties) whole(name string, otherwise int) (int, error) {
	n, err := p.number(name, float64(otherwise))
	return int(n), err
}

func (p properties) seconds(name string, otherwise int) (time.Duration, error) {
	n, err := p.number(name, float64(otherwise))
	return time.Duration(n * float64(time.Second)), err
}

func (p properties) yes(name string, otherwise bool) bool {
	switch p.text(name) {
	case "true":
		return true
	case "false":
		return false
	default:
		return otherwise
	}
}

func (p properties) object(name string) properties {
	o, _ := p[name].(map[string]any)
	return o
}

func (p properties) objects(name string) []properties {
	var list []properties
	items, _ := p[name].([]any)
	for _, item := range items {
		if o, ok := item.(map[string]any); ok {
			list = append(list, o)
		}
	}
	return list
}

func (p properties) texts(name string) []string {
	var list []string
	items, _ := p[name].([]any)
	for _, item := range items {
		list = append(list, fmt.Sprint(item))
	}
	return list
}

package emulator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/delivery"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/template"
)

// produced are the metrics of AWS's own namespaces that the emulator produces. An alarm on another one would wait
// for data for ever.
var produced = map[string][]string{
	"AWS/Lambda": {"Invocations", "Errors", "Throttles", "Duration", "DeadLetterErrors"},
	"AWS/SQS":    {"ApproximateNumberOfMessagesVisible"},
	// Only when a scenario says so: no certificate of the emulator's expires.
	"AWS/CertificateManager": {"DaysToExpiry"},
}

// adoptAlarms adds the metric alarms of the templates. Metric math is refused loudly.
func (c *Cloud) adoptAlarms(_ context.Context, d *deployment) error {
	c.mu.Lock()
	c.queues = nil
	c.mu.Unlock()
	return d.each("AWS::CloudWatch::Alarm", func(res *template.Resource, p properties) error {
		if p["Metrics"] != nil {
			return errors.New("metric math is not known to the emulator")
		}
		a, err := c.alarm(res, p)
		if err != nil {
			return err
		}
		if ns := a.Series.Namespace; strings.HasPrefix(ns, "AWS/") && !slices.Contains(produced[ns], a.Series.Name) {
			return fmt.Errorf("metric %s of %s is not produced by the emulator", a.Series.Name, ns)
		}
		if a.Series.Namespace == "AWS/SQS" {
			c.mu.Lock()
			c.queues = append(c.queues, a.Series.Dimensions["QueueName"])
			c.mu.Unlock()
		}
		return c.watch.Add(a)
	})
}

// adoptComposites adds the composite alarms, each after those that it names.
func (c *Cloud) adoptComposites(_ context.Context, d *deployment) error {
	waiting := map[string]metrics.Alarm{}
	err := d.each("AWS::CloudWatch::CompositeAlarm", func(_ *template.Resource, p properties) error {
		name := p.text("AlarmName")
		rule, err := metrics.ParseRule(p.text("AlarmRule"))
		waiting[name] = metrics.Alarm{Name: name, ARN: c.arn("cloudwatch", "alarm:"+name), Description: p.text("AlarmDescription"), Rule: &rule,
			ActionsEnabled: p.yes("ActionsEnabled", true), AlarmActions: p.texts("AlarmActions"), OKActions: p.texts("OKActions"),
			InsufficientActions: p.texts("InsufficientDataActions")}
		return err
	})
	for err == nil && len(waiting) > 0 {
		before := len(waiting)
		for _, name := range slices.Sorted(maps.Keys(waiting)) {
			if slices.ContainsFunc(waiting[name].Rule.Names, func(other string) bool { _, later := waiting[other]; return later }) {
				continue
			}
			err = errors.Join(err, c.watch.Add(waiting[name]))
			delete(waiting, name)
		}
		if len(waiting) == before {
			err = fmt.Errorf("composite alarms name each other in a circle: %v", slices.Sorted(maps.Keys(waiting)))
		}
	}
	return err
}

func (c *Cloud) alarm(res *template.Resource, p properties) (metrics.Alarm, error) {
	name := p.text("AlarmName")
	if name == "" {
		name = res.Stack.Name + "-" + res.LogicalID
	}
	a := metrics.Alarm{Name: name, ARN: c.arn("cloudwatch", "alarm:"+name), Description: p.text("AlarmDescription"),
		Series:    metrics.Series{Namespace: p.text("Namespace"), Name: p.text("MetricName"), Dimensions: map[string]string{}},
		Statistic: p.text("Statistic"), Unit: p.text("Unit"), Comparison: p.text("ComparisonOperator"),
		Missing: p.text("TreatMissingData"), ActionsEnabled: p.yes("ActionsEnabled", true),
		AlarmActions: p.texts("AlarmActions"), OKActions: p.texts("OKActions"), InsufficientActions: p.texts("InsufficientDataActions")}
	for _, one := range p.objects("Dimensions") {
		a.Series.Dimensions[one.text("Name")] = one.text("Value")
	}
	if a.Statistic == "" {
		a.Statistic = p.text("ExtendedStatistic")
	}
	if a.Missing == "" {
		a.Missing = "missing"
	}
	var err error
	if a.Period, err = p.seconds("Period", 0); err != nil {
		return a, err
	}
	if a.Periods, err = p.whole("EvaluationPeriods", 0); err != nil {
		return a, err
	}
	if a.Datapoints, err = p.whole("DatapointsToAlarm", a.Periods); err != nil {
		return a, err
	}
	a.Threshold, err = p.number("Threshold", 0)
	return a, err
}

// collect puts into the store what only a look into SQS can tell.
func (c *Cloud) collect(ctx context.Context) {
	c.mu.Lock()
	queues := slices.Compact(slices.Sorted(slices.Values(c.queues)))
	c.mu.Unlock()
	for _, queue := range queues {
		n, err := c.moto.visible(ctx, queue)
		if err != nil {
			if ctx.Err() == nil {
				c.problem(fmt.Errorf("queue %s of an alarm cannot be read: %w", queue, err))
			}
			continue
		}
		// The look stands for the minute that ends now.
		at := c.options.Clock.Now().Add(-c.options.Clock.Scale(30 * time.Second))
		c.store.Put(metrics.Series{Namespace: "AWS/SQS", Name: "ApproximateNumberOfMessagesVisible",
			Dimensions: map[string]string{"QueueName": queue}}, metrics.Point{At: at, Value: float64(n)})
	}
}

// alarmed takes an alarm's actions, which happens on a change of its state only.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
func (c *Cloud) alarmed(change metrics.Change) {
	c.options.OnAlarm(change)
	c.mu.Lock()
	book, bus := c.book, c.bus
	c.mu.Unlock()
	account, region := c.options.Account, c.options.Region
	for _, target := range change.Actions() {
		var err error
		switch service := ident.Service(target); service {
		case "sns":
			err = bus.PublishAs(c.ctx, "cloudwatch.amazonaws.com", change.Alarm.ARN, delivery.Notice{Topic: target,
				Subject: change.Subject(region), Body: string(change.Message(account, region))})
		case "lambda":
			if err = book.Service("lambda.alarms.cloudwatch.amazonaws.com", "lambda:InvokeFunction", target, change.Alarm.ARN); err == nil {
				err = c.invokeARN(target, change.Event(account, region))
			}
		default:
			err = fmt.Errorf("service %q is not known to the emulator", service)
		}
		if err != nil {
			c.problem(fmt.Errorf("action %s of alarm %s failed: %w", target, change.Alarm.Name, err))
		}
	}
}

func (c *Cloud) invokeARN(arn string, payload []byte) error {
	name, ok := c.host.Name(arn)
	if !ok {
		return fmt.Errorf("function %s is not deployed", arn)
	}
	return c.host.InvokeAsync(name, payload)
}

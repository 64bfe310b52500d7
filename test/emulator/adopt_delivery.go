package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/delivery"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/template"
)

// adoptSubscriptions subscribes what the templates subscribe, as resources of their own or within a topic.
func (*Cloud) adoptSubscriptions(_ context.Context, d *deployment) error {
	if err := d.each("AWS::SNS::Subscription", func(res *template.Resource, p properties) error {
		return subscribe(d, p.text("TopicArn"), res, p)
	}); err != nil {
		return err
	}
	return d.each("AWS::SNS::Topic", func(res *template.Resource, p properties) error {
		for _, s := range p.objects("Subscription") {
			if err := subscribe(d, d.physical(res), res, s); err != nil {
				return err
			}
		}
		return nil
	})
}

func subscribe(d *deployment, topic string, res *template.Resource, p properties) error {
	if p["FilterPolicy"] != nil {
		return errors.New("FilterPolicy is not known to the emulator")
	}
	dead, err := asObject(p["RedrivePolicy"])
	if err != nil {
		return err
	}
	return d.bus.Subscribe(delivery.Subscription{ARN: topic + ":" + res.LogicalID + p.text("Endpoint"), Topic: topic,
		Protocol: p.text("Protocol"), Endpoint: p.text("Endpoint"), Raw: p.yes("RawMessageDelivery", false),
		DeadLetter: dead.text("deadLetterTargetArn")})
}

// asObject reads a property that may be an object or JSON text.
func asObject(v any) (properties, error) {
	text, isText := v.(string)
	if !isText {
		o, _ := v.(map[string]any)
		return o, nil
	}
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return nil, fmt.Errorf("property is no JSON object: %w", err)
	}
	return o, nil
}

// adoptRules adds the rules of the default bus.
func (c *Cloud) adoptRules(_ context.Context, d *deployment) error {
	return d.each("AWS::Events::Rule", func(res *template.Resource, p properties) error {
		name := p.text("Name")
		if name == "" {
			name = d.physical(res)
		}
		r := delivery.Rule{Name: name, ARN: c.arn("events", "rule/"+name), Enabled: p.text("State") != "DISABLED"}
		if bus := p.text("EventBusName"); bus != "" && bus != "default" {
			return fmt.Errorf("event bus %s is not known to the emulator", bus)
		}
		var err error
		if schedule := p.text("ScheduleExpression"); schedule != "" {
			r.Every, err = delivery.ParseRate(schedule)
		} else {
			r.Pattern, err = eventPattern(p.object("EventPattern"))
		}
		if err != nil {
			return err
		}
		r.Targets, err = targets(p)
		if err == nil {
			d.bus.Add(r)
		}
		return err
	})
}

// eventPattern reads a rule's pattern. Of AWS's own events the emulator emits those of SSM parameters only.
func eventPattern(p properties) (delivery.Pattern, error) {
	for _, source := range p.texts("source") {
		if strings.HasPrefix(source, "aws.") && source != "aws.ssm" {
			return nil, fmt.Errorf("events of %s are not emitted by the emulator", source)
		}
	}
	return delivery.ParsePattern(p)
}

func targets(p properties) ([]delivery.Target, error) {
	var list []delivery.Target
	for _, t := range p.objects("Targets") {
		if t["InputPath"] != nil || t["InputTransformer"] != nil {
			return nil, errors.New("input paths and transformers are not known to the emulator")
		}
		list = append(list, delivery.Target{ID: t.text("Id"), ARN: t.text("Arn"), Input: t.text("Input"),
			DeadLetter: t.object("DeadLetterConfig").text("Arn")})
	}
	return list, nil
}

// receiveActions are what an event source mapping does as the function's role; Lambda refuses to make a mapping
// whose role lacks one of them.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
var receiveActions = []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}

// adoptMappings adds the event source mappings and switches moto's own off: moto would take messages for them.
func (c *Cloud) adoptMappings(ctx context.Context, d *deployment) error {
	return d.each("AWS::Lambda::EventSourceMapping", func(res *template.Resource, p properties) error {
		m, err := c.mapping(d, p)
		if err != nil {
			return err
		}
		if id := d.physical(res); id != "" {
			body := []byte(`{"Enabled":false}`)
			if err := c.moto.raw(ctx, "PUT", "lambda", "/2015-03-31/event-source-mappings/"+id, "application/json", body); err != nil {
				return err
			}
		}
		if p.yes("Enabled", true) {
			d.bus.Map(m)
		}
		return nil
	})
}

func (c *Cloud) mapping(d *deployment, p properties) (delivery.Mapping, error) {
	m := delivery.Mapping{Queue: p.text("EventSourceArn"), Partial: slices.Contains(p.texts("FunctionResponseTypes"), "ReportBatchItemFailures")}
	if ident.Service(m.Queue) != "sqs" || p["FilterCriteria"] != nil {
		return m, fmt.Errorf("mappings from %s and with filters are not known to the emulator", m.Queue)
	}
	name, ok := c.host.Name(p.text("FunctionName"))
	if !ok {
		return m, fmt.Errorf("function %s is not deployed", p.text("FunctionName"))
	}
	m.Function = c.arn("lambda", "function:"+name)
	var err error
	if m.Batch, err = p.whole("BatchSize", 10); err != nil {
		return m, err
	}
	if m.Window, err = p.seconds("MaximumBatchingWindowInSeconds", 0); err != nil {
		return m, err
	}
	if m.Concurrency, err = p.object("ScalingConfig").whole("MaximumConcurrency", 0); err != nil {
		return m, err
	}
	if m.Batch > 10 && m.Window == 0 {
		return m, errors.New("it is refused: a batch above 10 needs a batching window of at least 1 s")
	}
	return onQueue(d, m, name)
}

// onQueue checks a mapping against its queue and its function's role.
func onQueue(d *deployment, m delivery.Mapping, function string) (delivery.Mapping, error) {
	m.Visibility = 30 * time.Second
	err := d.each("AWS::SQS::Queue", func(res *template.Resource, q properties) error {
		if !strings.HasSuffix(m.Queue, ":"+ident.Last(d.physical(res))) {
			return nil
		}
		var err error
		m.Visibility, err = q.seconds("VisibilityTimeout", 30)
		return err
	})
	if err != nil {
		return m, err
	}
	return m, d.each("AWS::Lambda::Function", func(res *template.Resource, f properties) error {
		if d.physical(res) != function {
			return nil
		}
		if timeout, err := f.seconds("Timeout", 3); err != nil || timeout > m.Visibility {
			return fmt.Errorf("mapping is refused: queue visibility timeout %s is less than function timeout %s", m.Visibility, timeout)
		}
		for _, action := range receiveActions {
			if err := d.book.Role(f.text("Role"), action, m.Queue, nil); err != nil {
				return fmt.Errorf("mapping is refused: the function execution role does not have permissions: %w", err)
			}
		}
		return nil
	})
}

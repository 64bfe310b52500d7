// Package event turns the bytes that woke a Lambda into typed wake-ups.
//
// It is pure and total: every input gives wake-ups, each naming what to look at or why it is ignored. A wake-up
// carries no state; the control loops read the truth for themselves. It knows no AWS SDK.
package event

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Kind is what kind of thing woke the function.
type Kind string

// The kinds.
const (
	Schedule  Kind = "schedule"  // the backstop: look at everything
	Alarm     Kind = "alarm"     // a CloudWatch alarm changed its state
	Node      Kind = "node"      // a node agent saw a change
	Parameter Kind = "parameter" // the run-time parameter was changed
	Lifecycle Kind = "lifecycle" // Auto Scaling waits for a lifecycle action
	Manual    Kind = "manual"    // somebody invoked the function by hand with {}
	Ignored   Kind = "ignored"   // nothing to do; Because says why
)

// Wakeup says what to look at. Empty fields mean "everything".
type Wakeup struct {
	Kind     Kind
	Group    string           // name of an Auto Scaling group
	Shard    string           // name of a shard
	Instance fleet.InstanceID // a node of the group to look at
	// Message is the id of the SQS message that it came in; empty for others. It names a failed item to Lambda.
	Message string
	Because string // why it is ignored
}

// Parse reads an event of a Lambda: EventBridge, SNS, SQS (with or without an SNS envelope inside), a direct
// CloudWatch alarm action, or an operator's {}. What it does not know is a wake-up of kind Ignored, not an error,
// since asking AWS to deliver it again would not make it known.
func Parse(raw []byte) []Wakeup {
	var e envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return []Wakeup{ignored("it is no JSON object: " + err.Error())}
	}
	if len(e.Records) == 0 {
		return []Wakeup{single(e, raw)}
	}
	wakeups := make([]Wakeup, 0, len(e.Records))
	for _, r := range e.Records {
		w := record(r)
		w.Message = r.MessageID
		wakeups = append(wakeups, w)
	}
	return wakeups
}

// envelope is every outer form at once; their field names do not clash.
type envelope struct {
	Records []sourceRecord `json:"Records"`

	// EventBridge
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Detail     json.RawMessage `json:"detail"`

	// CloudWatch alarm, invoked directly
	AlarmARN string `json:"alarmArn"`
}

type sourceRecord struct {
	EventSource string `json:"eventSource"` // SQS; SNS writes it with a capital, which Go matches too
	MessageID   string `json:"messageId"`
	Body        string `json:"body"`
	SNS         struct {
		Message string `json:"Message"`
	} `json:"Sns"`
}

func single(e envelope, raw []byte) Wakeup {
	switch {
	case e.Source == "aws.events":
		return Wakeup{Kind: Schedule}
	case e.Source == "aws.ssm" && e.DetailType == "Parameter Store Change":
		return Wakeup{Kind: Parameter}
	case e.Source == "aws.autoscaling":
		return message(string(e.Detail))
	case e.AlarmARN != "":
		return Wakeup{Kind: Alarm}
	case emptyObject(raw):
		return Wakeup{Kind: Manual}
	default:
		return ignored(fmt.Sprintf("an event of source %q and type %q is not known", e.Source, e.DetailType))
	}
}

func emptyObject(raw []byte) bool {
	var fields map[string]json.RawMessage
	return json.Unmarshal(raw, &fields) == nil && fields != nil && len(fields) == 0
}

func record(r sourceRecord) Wakeup {
	switch r.EventSource {
	case "aws:sns":
		return message(r.SNS.Message)
	case "aws:sqs":
		return message(r.Body)
	default:
		return ignored(fmt.Sprintf("a record of source %q is not known", r.EventSource))
	}
}

// payload is every inner form at once: a lifecycle hook's notification, an agent's wake-up, an alarm's SNS
// message, an SNS envelope and an EventBridge event.
type payload struct {
	// Lifecycle hook, https://docs.aws.amazon.com/autoscaling/ec2/userguide/prepare-for-lifecycle-notifications.html
	LifecycleTransition  string           `json:"LifecycleTransition"`
	AutoScalingGroupName string           `json:"AutoScalingGroupName"`
	EC2InstanceID        fleet.InstanceID `json:"EC2InstanceId"`
	Event                string           `json:"Event"`

	// node agent
	Instance fleet.InstanceID `json:"instance"`
	Shard    string           `json:"shard"`
	Sequence *uint64          `json:"sequence"`

	// CloudWatch alarm in SNS
	AlarmName string `json:"AlarmName"`
	Trigger   struct {
		Dimensions []struct{ Name, Value string } `json:"Dimensions"`
	} `json:"Trigger"`

	// SNS in SQS
	Type    string `json:"Type"`
	Message string `json:"Message"`

	// EventBridge in SQS
	DetailType string          `json:"detail-type"`
	Detail     json.RawMessage `json:"detail"`
}

const testNotification = "autoscaling:TEST_NOTIFICATION"

func message(body string) Wakeup {
	var p payload
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		return ignored("its message is no JSON object: " + err.Error())
	}
	switch {
	case p.Type == "Notification" && p.Message != "":
		if peek(p.Message).Type == p.Type {
			return ignored("an SNS envelope inside an SNS envelope is not known")
		}
		return message(p.Message)
	case p.Event == testNotification || p.LifecycleTransition == testNotification:
		return ignored("Auto Scaling's test notification")
	case strings.HasPrefix(p.LifecycleTransition, "autoscaling:EC2_INSTANCE_"):
		return Wakeup{Kind: Lifecycle, Group: p.AutoScalingGroupName, Instance: p.EC2InstanceID}
	case p.DetailType != "" && len(p.Detail) > 0 && p.Detail[0] == '{':
		if peek(string(p.Detail)).DetailType != "" {
			return ignored("an event of EventBridge inside an event of EventBridge is not known")
		}
		return message(string(p.Detail))
	case p.AlarmName != "":
		return Wakeup{Kind: Alarm, Shard: p.shardDimension()}
	case p.Instance != "" && p.Sequence != nil:
		return Wakeup{Kind: Node, Instance: p.Instance, Shard: p.Shard}
	default:
		return ignored("its message is of no known kind")
	}
}

// peek is what can be read of an inner form; the envelopes of a kind are never nested, and a sender that nests them
// would have each level read anew.
func peek(body string) payload {
	var p payload
	if json.Unmarshal([]byte(body), &p) != nil {
		return payload{}
	}
	return p
}

func (p payload) shardDimension() string {
	for _, d := range p.Trigger.Dimensions {
		if strings.EqualFold(d.Name, "shard") {
			return d.Value
		}
	}
	return ""
}

func ignored(because string) Wakeup { return Wakeup{Kind: Ignored, Because: because} }

package scaling

import (
	"encoding/json"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
)

// message is what a lifecycle hook sends to an SQS queue, as JSON.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/prepare-for-lifecycle-notifications.html
type message struct {
	Origin               string `json:",omitempty"`
	Destination          string `json:",omitempty"`
	LifecycleHookName    string `json:",omitempty"`
	AccountID            string `json:"AccountId"`
	RequestID            string `json:"RequestId"`
	LifecycleTransition  string `json:",omitempty"`
	AutoScalingGroupARN  string `json:",omitempty"`
	AutoScalingGroupName string
	Service              string
	Time                 time.Time
	EC2InstanceID        string `json:"EC2InstanceId,omitempty"`
	LifecycleActionToken string `json:",omitempty"`
	NotificationMetadata string `json:",omitempty"`
	Event                string `json:",omitempty"`
}

func (e *Engine) hookMessage(g *group, i *instance, a *action) []byte {
	m := message{
		Origin: "EC2", Destination: "AutoScalingGroup", LifecycleHookName: a.hook.Name, AccountID: e.options.Account,
		RequestID: ident.UUID(), LifecycleTransition: a.hook.Transition, AutoScalingGroupName: g.Name,
		Service: "AWS Auto Scaling", Time: e.options.Clock.Now().UTC(), EC2InstanceID: i.ID,
		LifecycleActionToken: a.token, NotificationMetadata: a.hook.Metadata,
	}
	if a.hook.Transition == Terminating {
		m.Origin, m.Destination = "AutoScalingGroup", "EC2"
	}
	return encoded(m)
}

// testMessage is what a target gets when a hook is set; it has neither token nor instance.
func (e *Engine) testMessage(g Group) []byte {
	return encoded(message{
		AccountID: e.options.Account, RequestID: ident.UUID(), AutoScalingGroupARN: g.ARN, AutoScalingGroupName: g.Name,
		Service: "AWS Auto Scaling", Time: e.options.Clock.Now().UTC(), Event: "autoscaling:TEST_NOTIFICATION",
	})
}

func encoded(m message) []byte {
	raw, _ := json.Marshal(m) // a struct of texts and a time always encodes
	return raw
}

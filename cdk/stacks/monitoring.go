package stacks

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/alarm"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/dashboard"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// functions are a fleet's Lambdas.
func functions(s settings.Settings) []string {
	names := []string{"metrics", "bridges", "lifecycle", "shards"}
	if s.Jibris.Max > 0 {
		names = append(names, "jibris", "recordings")
	}
	return names
}

// monitoring is who is told of what: the alert topics by severity, the inventory of alarms, and the dashboards.
func (f Fleet) monitoring(app awscdk.App) awscdk.Stack {
	stack := f.stack(app, monitoring, "Dashboards and alarms of the Jitsi fleet "+f.Settings.Fleet)
	topics := map[alarm.Severity]string{
		alarm.Page:   f.alerts(stack, "Pages", f.names().PageTopic(), append(append([]string{}, f.Alerts.Email...), f.Alerts.PageEmail...)),
		alarm.Ticket: f.alerts(stack, "Tickets", f.names().TicketTopic(), f.Alerts.Email),
	}
	inventory, made := alarm.Of(f.Settings), map[string]awscdk.CfnResource{}
	for _, a := range inventory.Alarms {
		topic := topics[a.Severity]
		if a.Severity == alarm.Wake {
			topic = f.wakeTopic(stack, a.Wakes)
		}
		f.fill(a)
		made[a.Name] = constructs.NewAlarm(stack, a, topic)
	}
	for _, c := range inventory.Composites {
		var after []awscdk.CfnResource
		for _, names := range [][]string{c.Any, c.Unless} {
			for _, name := range names {
				after = append(after, made[name])
			}
		}
		made[c.Name] = constructs.NewComposite(stack, c, topics[c.Severity], after)
	}
	for _, d := range dashboard.Of(f.Settings) {
		constructs.NewDashboard(stack, d)
	}
	f.budget(stack)
	return stack
}

// alerts is a topic with the people who are told.
func (f Fleet) alerts(stack awscdk.Stack, id, name string, people []string) string {
	topic := constructs.NewTopic(stack, id, name, constructs.Import(f.names().Stack(control), keyARN), budgets)
	for i, address := range people {
		awssns.NewCfnSubscription(stack, jsii.String(id+"Email"+strconv.Itoa(i+1)), &awssns.CfnSubscriptionProps{
			TopicArn: *topic.Ref(), Protocol: jsii.String("email"), Endpoint: address,
		})
	}
	return *topic.Ref()
}

// fill puts what only the deployment knows into an alarm's dimensions: the certificate that the edge's stack made.
func (f Fleet) fill(a alarm.Alarm) {
	const dimension = "CertificateArn"
	if arn, watched := a.Dimensions[dimension]; watched && arn == "" {
		a.Dimensions[dimension] = constructs.Import(f.names().Stack(edge), certificateARN)
	}
}

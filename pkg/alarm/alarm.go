// Package alarm is the inventory of a fleet's alarms as data: what each watches, how bad it is, what it means, why it may
// be and what to do first. The CDK app deploys the inventory, the runbook page is made from it, and tests hold all
// three together. It knows no CloudFormation and reads nothing.
package alarm

import (
	"fmt"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Severity is who is told, and so how soon somebody has to look.
type Severity string

// The severities.
const (
	Page   Severity = "page"   // users are affected or soon will be: somebody looks now
	Ticket Severity = "ticket" // nobody is affected yet: somebody looks on the next working day
	Wake   Severity = "wake"   // nobody is told: it wakes a control loop
	Part   Severity = "part"   // nobody is told: it is part of composite alarms
)

// Statistic is how CloudWatch sums up a period's values. EMF is delivered at least once, so alarms on the fleet's
// own metrics use Maximum, which a doubled value does not change.
type Statistic string

// The statistics in use.
const (
	Maximum Statistic = "Maximum"
	Minimum Statistic = "Minimum"
	Sum     Statistic = "Sum"
)

// Missing is what silence means to an alarm.
type Missing string

// The meanings in use. Silence is bad only for what is there from the control plane's first minute; all else may be
// missing while a fleet boots, and that the publisher itself is silent is an alarm of its own.
const (
	SilenceIsBad  Missing = "breaching"
	SilenceIsWell Missing = "notBreaching"
)

// Advice is what a person is told of an alarm.
type Advice struct {
	Meaning string   // what is wrong
	Causes  []string // what it is likely to be, the likeliest first
	First   string   // what to do first
}

// Text is the advice as an alarm's description.
func (a Advice) Text() string {
	return a.Meaning + " Likely: " + strings.Join(a.Causes, "; ") + ". First: " + a.First
}

// Alarm is an alarm on one metric: it fires when the statistic is at or above the threshold, or with Below at or below
// it, in Periods of the last Of periods, which are Periods when it is 0. One that looks at more than it needs is on for
// longer: what comes and goes sends one message, and what other alarms stand behind is still on when they end.
type Alarm struct {
	Name     string
	Severity Severity
	Wakes    fleet.Role // whose control loop it wakes, with the severity Wake
	Advice
	Namespace string
	Metric    string
	// Dimensions are by name. An empty value is one that only the deployment knows.
	Dimensions map[string]string
	Statistic  Statistic
	Threshold  float64
	Below      bool
	Periods    int
	Of         int
	Seconds    int // of a period
	Missing    Missing
}

// Looked is how many periods the alarm looks at.
func (a Alarm) Looked() int { return max(a.Periods, a.Of) }

// Composite is an alarm on other alarms: it fires when any of some is in ALARM while none of others is, so that one
// failure that shows in many ways sends one message.
type Composite struct {
	Name     string
	Severity Severity
	Advice
	Any    []string // names of alarms
	Unless []string // names of alarms and of other composites whose message says it already
}

// Rule is the alarm in CloudWatch's own language.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
func (c Composite) Rule() string {
	rule := "(" + strings.Join(inAlarm(c.Any), " OR ") + ")"
	if len(c.Unless) > 0 {
		rule += " AND NOT (" + strings.Join(inAlarm(c.Unless), " OR ") + ")"
	}
	return rule
}

func inAlarm(names []string) []string {
	terms := make([]string, len(names))
	for i, name := range names {
		terms[i] = fmt.Sprintf("ALARM(%q)", name)
	}
	return terms
}

// Inventory is all alarms of a fleet. Composites stand behind those that they name.
type Inventory struct {
	Alarms     []Alarm
	Composites []Composite
}

// own is an alarm on one of the fleet's own metrics, by the minute.
func own(name string, severity Severity, m telemetry.Metric, threshold float64, minutes int, advice Advice) Alarm {
	return Alarm{
		Name: name, Severity: severity, Advice: advice, Namespace: telemetry.Namespace, Metric: m.Name,
		Statistic: Maximum, Threshold: threshold, Periods: minutes, Seconds: minute, Missing: SilenceIsWell,
	}
}

const (
	minute = 60
	day    = 24 * 60 * minute
)

// of puts an alarm under a fleet's, or with a shard's name a shard's, names and dimensions.
func (a Alarm) of(fleetName, shard string) Alarm {
	if a.Namespace == telemetry.Namespace {
		a.Dimensions = map[string]string{telemetry.DimensionFleet: fleetName}
		if shard != "" {
			a.Dimensions[telemetry.DimensionShard] = shard
		}
	}
	a.Name = named(fleetName, shard, a.Name)
	return a
}

func named(fleetName, shard, name string) string {
	if shard != "" {
		return fleetName + "-" + shard + "-" + name
	}
	return fleetName + "-" + name
}

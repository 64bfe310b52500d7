package main

import (
	"context"
	"slices"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/alarm"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// The driven fleet. What is driven at a shard is driven at the first, while the second is as it is to be.
const (
	drivenShard   = "shard-1"
	otherShard    = "shard-2"
	shardLimit    = 120
	tableSize     = 1000
	mostBridges   = 4
	mostRecorders = 4
)

// undriven are the alarms that are not driven here, with the reason. The budget is no alarm of CloudWatch's, and stands
// here so that nobody misses it.
var undriven = []struct{ name, why string }{
	{"certificate-near-expiry", "ACM publishes its metric once a day, the alarm looks at a whole day, and ACM's certificates do not age at will"},
	{"monthly-cost", "AWS Budgets keeps it, on bills that only AWS writes; the template test holds that Budgets may publish to its topic"},
}

// causes are all causes, in the order in which they happen.
func causes() []cause {
	return slices.Concat(controlCauses(), edgeCauses(), shardCauses(), capacityCauses(), recorderCauses(), recordingCauses())
}

// lambdas are the last parts of the names of the fleet's Lambdas.
var lambdas = []string{"metrics", "bridges", "lifecycle", "shards", "jibris", "recordings"}

// each is an alarm of every Lambda.
func each(suffixes ...string) []string {
	var names []string
	for _, suffix := range suffixes {
		for _, name := range lambdas {
			names = append(names, name+"-"+suffix)
		}
	}
	return names
}

// severityOf is the severity of an alarm by its name in the runbook without the fleet; empty when there is none.
func severityOf(s settings.Settings, name string) string {
	inventory, headings := alarm.Of(s), alarm.Headings(s)
	for _, a := range inventory.Alarms {
		if headings[a.Name] == "FLEET-"+name {
			return string(a.Severity)
		}
	}
	for _, c := range inventory.Composites {
		if headings[c.Name] == "FLEET-"+name {
			return string(c.Severity)
		}
	}
	return ""
}

// ending is an end that cannot fail.
func ending(does ...func()) func(context.Context) error {
	return func(context.Context) error {
		for _, do := range does {
			do()
		}
		return nil
	}
}

package alarm

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

var update = flag.Bool("update", false, "write README.md anew")

// fleetOf is a fleet of that many shards with every option that brings an alarm.
func fleetOf(t *testing.T, shards int) settings.Settings {
	t.Helper()
	list := make([]string, shards)
	for i := range list {
		list[i] = fmt.Sprintf(`{"name":"a-shard-of-twenty-%02d","id":%d}`, i, i+1)
	}
	s, err := settings.Parse([]byte(`{"fleet":"a-fleet-of-20-letter","domain":"meet.example.org","hostedZone":{"id":"Z0EXAMPLE","name":"example.org"},
		"network":{"cidr":"10.64.0.0/16"},"bridges":{"min":1,"max":2,"spare":0.5},"edge":{"shardLimit":3000},"shards":[` + strings.Join(list, ",") + `]}`))
	require.NoError(t, err)
	return s
}

func example(t *testing.T) settings.Settings {
	t.Helper()
	s, err := settings.Parse([]byte(`{"fleet":"jitsi","domain":"meet.example.org","hostedZone":{"id":"Z0EXAMPLE","name":"example.org"},
		"edge":{"shardLimit":3000},"shards":[{"name":"one","id":1},{"name":"two","id":2}]}`))
	require.NoError(t, err)
	return s
}

// The page is for people; this test keeps it the same as the code.
func TestThePageIsTheRunbook(t *testing.T) {
	const page = "README.md"
	want := Runbook(example(t))
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o600))
	}
	have, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, want, string(have), "run go test ./pkg/alarm -run Page -update")
}

func TestThePageExplainsEveryAlarm(t *testing.T) {
	page := Runbook(example(t))
	headings := Headings(example(t))
	assert.Len(t, headings, len(Of(example(t)).names()))
	assert.Equal(t, "FLEET-SHARD-unhealthy", headings["jitsi-one-unhealthy"])
	assert.Equal(t, "FLEET-telemetry-silent", headings["jitsi-telemetry-silent"])
	for name, heading := range headings {
		assert.Contains(t, page, "\n### "+heading+"\n", name)
	}
}

func TestEveryAlarmIsWhole(t *testing.T) {
	i := Of(fleetOf(t, 3))
	seen := map[string]bool{}
	advised := func(name string, a Advice) {
		assert.False(t, seen[name], "%s is there twice", name)
		seen[name] = true
		assert.NotEmpty(t, a.Causes, name)
		assert.True(t, strings.HasSuffix(a.Meaning, ".") && strings.HasSuffix(a.First, "."), name)
		// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
		assert.LessOrEqual(t, len(a.Text()), 1024, name)
		assert.LessOrEqual(t, len(name), 255, name)
	}
	for _, a := range i.Alarms {
		advised(a.Name, a.Advice)
		assert.Contains(t, []Severity{Page, Ticket, Wake, Part}, a.Severity, a.Name)
		assert.Equal(t, a.Severity == Wake, a.Wakes != "", a.Name)
		assert.Positive(t, a.Periods, a.Name)
		// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
		assert.LessOrEqual(t, a.Looked()*a.Seconds, day, a.Name)
		assert.NotEmpty(t, a.Dimensions, a.Name)
		if a.Namespace == telemetry.Namespace {
			m := telemetry.All[slices.IndexFunc(telemetry.All, func(m telemetry.Metric) bool { return m.Name == a.Metric })]
			assert.Equal(t, m.Scope == telemetry.PerShard, a.Dimensions[telemetry.DimensionShard] != "", a.Name)
		}
	}
	for _, c := range i.Composites {
		advised(c.Name, c.Advice)
		assert.Contains(t, []Severity{Page, Ticket}, c.Severity, c.Name)
	}
}

func TestEveryPartIsOfACompositeAndNothingElseIs(t *testing.T) {
	i := Of(fleetOf(t, 3))
	part, known, used := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, a := range i.Alarms {
		part[a.Name], known[a.Name] = a.Severity == Part, true
	}
	for _, c := range i.Composites {
		for _, name := range c.Any {
			assert.True(t, part[name], "%s: %s is no part", c.Name, name)
			assert.False(t, used[name], "%s: %s is told by another composite", c.Name, name)
			used[name] = true
		}
		for _, name := range c.Unless {
			assert.True(t, known[name], "%s: %s is not there, or stands behind it", c.Name, name)
		}
		known[c.Name] = true
	}
	for name, is := range part {
		assert.Equal(t, is, used[name], name)
	}
}

func TestWhatOthersStandBehindIsOnForLonger(t *testing.T) {
	looked := map[string][2]int{}
	for _, a := range Of(example(t)).Alarms {
		looked[a.Name] = [2]int{a.Periods, a.Looked()}
	}
	assert.Equal(t, [2]int{2, 4}, looked["jitsi-one-nodes-silent"], "named by another's rule itself")
	assert.Equal(t, [2]int{3, 5}, looked["jitsi-one-down"], "a part of one that is")
	assert.Equal(t, [2]int{5, 5}, looked["jitsi-agents-silent"], "nothing stands behind it")
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
func TestTheLargestFleetKeepsCloudWatchsLimitsOfComposites(t *testing.T) {
	for _, c := range Of(fleetOf(t, 50)).Composites {
		assert.LessOrEqual(t, len(c.Any)+len(c.Unless), 100, c.Name)
		assert.LessOrEqual(t, len(c.Rule()), 10_240, c.Name)
	}
}

func TestARuleIsWrittenInCloudWatchsLanguage(t *testing.T) {
	assert.Equal(t, `(ALARM("a") OR ALARM("b"))`, Composite{Any: []string{"a", "b"}}.Rule())
	assert.Equal(t, `(ALARM("a")) AND NOT (ALARM("b") OR ALARM("c"))`, Composite{Any: []string{"a"}, Unless: []string{"b", "c"}}.Rule())
}

func TestWithoutRecordersNothingWatchesThem(t *testing.T) {
	s := example(t)
	s.Jibris.Max, s.Jibris.Min, s.Jibris.Free = 0, 0, 0
	for _, name := range Of(s).names() {
		assert.NotContains(t, name, "jibri")
		assert.NotContains(t, name, "record")
	}
}

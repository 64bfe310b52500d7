package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
)

func TestTheJournalReadsDecisions(t *testing.T) {
	j := newJournal()
	j.lambdaLine("fleet-bridges", `{"msg":"decision","loop":"bridges","shard":"a","decision":{"wanted":5,"reasons":["growth"]},"actions":["raise to 5"]}`)
	j.lambdaLine("fleet-bridges", `{"msg":"decision","loop":"bridges","shard":"b","decision":{"wanted":2}}`)
	j.lambdaLine("fleet-lifecycle", `{"msg":"decision","loop":"lifecycle","shard":"a","reason":"empty","actions":["terminate i-1: empty"]}`)
	assert.Equal(t, 7, j.totalWanted(), "lifecycle wants nothing")
	assert.Equal(t, 1, j.endings())
	j.lambdaLine("fleet-bridges", `{"msg":"decision","loop":"bridges","shard":"a","decision":{"wanted":4},"quarantine":{"reasons":["dead"]},"actions":["replace i-2, which is broken"]}`)
	assert.Equal(t, 6, j.totalWanted(), "the last decision of each shard counts")
	assert.Equal(t, 2, j.endings())

	told := j.tail(9)
	assert.Contains(t, told, "bridges a: raise to 5, because growth")
	assert.Contains(t, told, "lifecycle a: terminate i-1: empty, because empty")
	assert.Contains(t, told, "because dead")
	assert.NotContains(t, told, "bridges b", "what did nothing is no news")
}

func TestTheJournalTellsWhatFailed(t *testing.T) {
	j := newJournal()
	j.lambdaLine("fleet-bridges", `{"msg":"decision","loop":"bridges","shard":"a","error":"throttled"}`)
	j.lambdaLine("fleet-bridges", "panic: no JSON")
	assert.Contains(t, j.tail(9), "failed: throttled")
	assert.NotContains(t, j.tail(9), "panic", "logs are kept, and not told")
	assert.Contains(t, j.all(), "panic")
	assert.Zero(t, j.endings())
}

func TestTheJournalKeepsAlarmsThatFired(t *testing.T) {
	j := newJournal()
	j.alarmChanged(metrics.Change{Alarm: metrics.Alarm{Name: "one"}, To: metrics.InAlarm, Reason: "high"})
	j.alarmChanged(metrics.Change{Alarm: metrics.Alarm{Name: "one"}, To: metrics.OK, Reason: "low"})
	assert.Equal(t, []string{"one: high"}, j.alarmHistory())
	assert.Contains(t, j.tail(9), "one:  to ALARM: high")
}

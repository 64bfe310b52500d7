package reconcile

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func TestADecisionThatChangesSomethingIsAnnouncedWithItsReasons(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.runBridges()
	assert.Empty(t, w.control.decisions, "nothing was done")
	w.load(w.shard(1), 1.2)
	w.runBridges()
	require.Len(t, w.control.decisions, 1)
	d := w.control.decisions[0]
	assert.Equal(t, 1, d.Version)
	assert.Equal(t, "bridges", d.Loop)
	assert.Equal(t, "shard-1", d.Shard)
	assert.Equal(t, w.shard(1).Name, d.Group)
	assert.Contains(t, d.Actions[0], "raise desired capacity")
	assert.NotEmpty(t, d.Reasons)
	assert.Positive(t, d.Fence)
	assert.Empty(t, d.Error)

	w.advance(time.Second)
	w.advance(4 * time.Minute)
	w.runLifecycle()
	last := w.control.decisions[len(w.control.decisions)-1]
	assert.Equal(t, "lifecycle", last.Loop)
	assert.NotEmpty(t, last.Instance)
	assert.NotEmpty(t, last.Reasons)
}

func TestThePoolsAndTheRoomsDecisionsAreAnnouncedToo(t *testing.T) {
	p := newPool(t, 3)
	p.begin(2, time.Hour)
	p.runJibris()
	require.NotEmpty(t, p.control.decisions)
	assert.Equal(t, "jibris", p.control.decisions[0].Loop)

	e := newEdgeWorld(t, 2, 2)
	e.split()
	e.run()
	require.Len(t, e.control.decisions, 1)
	assert.Equal(t, "shards", e.control.decisions[0].Loop)
	assert.NotEmpty(t, e.control.decisions[0].Actions)
}

func TestAnEventThatIsNotTakenChangesNoDecision(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.control.eventErr = errDown
	w.load(w.shard(1), 1.2)
	w.runBridges() // it expects no error
	assert.Contains(t, w.log.String(), "a decision is not announced")
}

func TestAShardsOtherStateIsAnnouncedOnce(t *testing.T) {
	w := newEdgeWorld(t, 2, 1)
	w.run()
	assert.Empty(t, w.control.events, "the first that is seen is no change")
	w.meet(1, 1, 3)
	w.signal(1).members[0].node.endpoints = 10
	w.setState(1, fleet.ShardDrain)
	w.run()
	w.run()
	assert.Equal(t, []string{`Shard State Changed {"version":1,"shard":"shard-1","from":"ready","to":"drain"}`}, w.control.events)
	w.signal(1).members[0].node.silent = true
	w.run()
	w.signal(1).members[0].node.silent = false
	w.run()
	assert.Len(t, w.control.events, 1, "silence is no change")
}

var update = flag.Bool("update", false, "write EVENTS.md anew")

// The page is for people; this test keeps it the same as the code.
func TestThePageIsTheEvents(t *testing.T) {
	const page = "EVENTS.md"
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	recorded, _ := life("abc")[3].Advance(recording.Verified, at, "")
	recorded, _ = recorded.Advance(recording.Catalogued, at, "")
	lost, _ := life("abc")[1].Advance(recording.Failed, at, "its machine i-1 is gone")
	var b strings.Builder
	b.WriteString("# Events\n\nWhat the control plane puts on the account's default event bus, for others to build on. Made by `go test ./pkg/reconcile -run Page -update`.\n\n" +
		"The source is `jitsi-fleet`. The detail is `{\"fleet\": NAME, \"data\": DATA}` with the data below. `version` grows when a field changes its meaning or goes away; " +
		"new fields may come at any time. Delivery is EventBridge's: at least once, in no order; an event may be lost when EventBridge refuses it, the log has it all the same. " +
		"Alarms are events of CloudWatch's own (`aws.cloudwatch`, \"CloudWatch Alarm State Change\").\n")
	for _, e := range []struct {
		kind, when string
		data       any
	}{
		{EventDecision, "a control loop changed something, or failed to: launches, drains, admissions, ends, replacements, mended rooms", decided{
			1, loopBridges, "jitsi-shard-1-bridges", "shard-1", "", at, 42, []string{"raise desired capacity to 5"}, []string{"room for 0.7 bridges is missing"}, "",
		}},
		{EventDecision + "` of the loop `lifecycle", "one instance was admitted, held or let go", decided{
			1, loopLifecycle, "jitsi-shard-1-bridges", "shard-1", "i-0123456789abcdef0", at, 7, []string{"admit i-0123456789abcdef0"}, []string{"healthy and joined"}, "",
		}},
		{EventStateChanged, "a shard's signal node follows another state than before", changedState{1, "shard-1", fleet.ShardReady, fleet.ShardDrain}},
		{EventShardEmpty, "a shard that gets no new rooms has proven that it carries nobody", emptyShard{1, "shard-1", fleet.ShardDrain}},
		{EventStateRefused, "a shard's parameter says no state", refusedState{1, "shard-1", "drian", "write ready, drain or maintenance", fleet.ShardReady}},
		{EventSettingsRefused, "the run-time parameter is invalid; the last good values stay in force", refusal{1, []settings.Problem{{Path: "runtime.minBridges", Value: "1", Mend: "write a whole number from 2 to 20"}}, settings.Runtime{}}},
		{EventRecordingCatalogued, "a recording is proven to be in S3 and stands in the catalogue. It may come twice, rarely: the `id` is then the same. One that was announced as failed before was found after all", recorded},
		{EventRecordingFailed, "a recording was given up; `reason` says why. It may come twice, rarely: the `id` is then the same", lost},
	} {
		raw, err := json.MarshalIndent(e.data, "", "  ")
		require.NoError(t, err)
		fmt.Fprintf(&b, "\n## `%s`\n\nWhen %s.\n\n```json\n%s\n```\n", e.kind, e.when, raw)
	}
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(b.String()), 0o600))
	}
	have, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, b.String(), string(have), "run go test ./pkg/reconcile -run Page -update")
}

package telemetry

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write README.md anew")

// The page is for people; this test keeps it the same as the code.
func TestThePageIsTheReference(t *testing.T) {
	const page = "README.md"
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(Page()), 0o600))
	}
	have, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, Page(), string(have), "run go test ./pkg/telemetry -run Page -update")
}

func TestTheSeriesAreBounded(t *testing.T) {
	ofFleet, ofShard := Series(true)
	assert.LessOrEqual(t, ofFleet, MostFleetSeries)
	assert.LessOrEqual(t, ofShard, MostShardSeries)
	assert.Equal(t, len(All), ofFleet+ofShard)
	without, shard := Series(false)
	assert.Less(t, without, ofFleet, "recorders' metrics are not paid for without recorders")
	assert.Equal(t, ofShard, shard)
}

func TestABillIsTheSumOfItsParts(t *testing.T) {
	assert.InDelta(t, 39+4+5+6, Bill{Series: 130, Alarms: 40, Composites: 10, Dashboards: 2}.USD(), 1e-9)
}

package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

func TestTheProjectsOwnSettingsArePriced(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run([]string{filepath.Join("..", "..", "cdk.json")}, &out))
	ofFleet, ofShard := telemetry.Series(true)
	assert.Contains(t, out.String(), "of each of 2 shards")
	assert.LessOrEqual(t, ofFleet+2*ofShard, telemetry.MostFleetSeries+2*telemetry.MostShardSeries)
}

func TestAFileOfSettingsAloneIsRead(t *testing.T) {
	s, err := read([]byte(`{"fleet":"small","domain":"meet.example.org","hostedZone":{"id":"Z0EXAMPLE","name":"example.org"},"shards":[{"name":"a","id":1}],"jibris":{"free":0,"min":0,"max":0}}`))
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, write(&out, s))
	assert.Contains(t, out.String(), "of each of 1 shards")
}

func TestMistakesAreTold(t *testing.T) {
	assert.ErrorContains(t, run(nil, nil), "one settings file is needed")
	assert.ErrorContains(t, run([]string{"no-such-file"}, nil), "settings were not read")
	_, err := read([]byte(`{"fleet":"X"}`))
	assert.ErrorContains(t, err, "fleet")
}

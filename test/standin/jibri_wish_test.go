package standin_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

func TestALiveStreamKeepsItsRecorderBusyAndLeavesNothing(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	s.bridge()
	id, folder := s.recorder(recorderOptions{}, node)
	s.join("live", 2)
	_, err := s.Ask("live", standin.Wish{Stream: true})
	require.NoError(t, err)
	took := func() int64 {
		stats, err := filepath.Glob(filepath.Join(folder, "proc", "*", "stat"))
		require.NoError(t, err)
		require.Len(t, stats, 1)
		raw, err := os.ReadFile(stats[0])
		require.NoError(t, err)
		ticks, err := strconv.ParseInt(strings.Fields(string(raw))[13], 10, 64)
		require.NoError(t, err)
		return ticks
	}
	s.pass(20 * time.Second)
	require.Len(t, encoders(t, folder), 1)
	assert.Contains(t, encoders(t, folder)[0], "rtmp://")
	before := took()
	s.pass(10 * time.Second)
	assert.GreaterOrEqual(t, took()-before, int64(900), "its encoder takes a core")
	assert.Equal(t, jitsi.JibriInUse, s.health(id).Busy)
	assert.False(t, s.Jibris()[0].Recording)
	assert.Contains(t, s.text(s.url(node, settings.JicofoPort)+"/stats"), `"live_streaming_active":1`)
	require.True(t, s.StallEncoder(id))
	stalled := took()
	s.pass(10 * time.Second)
	assert.Equal(t, stalled, took(), "one that hangs takes nothing")

	s.join("another", 1)
	_, err = s.Ask("another", standin.Wish{Stream: true})
	require.ErrorIs(t, err, standin.ErrNoRecorder)
	require.NoError(t, s.StopRecording("live"))
	s.done(id)
	assert.True(t, s.last().Stream)
	assert.Equal(t, "a", s.last().Shard)
	assert.Zero(t, s.last().Bytes)
	left, err := filepath.Glob(filepath.Join(folder, "spool", "*"))
	require.NoError(t, err)
	assert.Empty(t, left)
	assert.NoFileExists(t, filepath.Join(folder, "finalized"), "nothing is finalized")
	assert.Equal(t, jitsi.JibriIdle, s.health(id).Busy)
}

func TestAWishForMoreTakesMoreOfTheDisk(t *testing.T) {
	s := newStage(t, standin.Options{})
	id, _ := s.recorder(recorderOptions{}, s.signal("a"))
	s.bridge()
	s.join("room", 2)
	_, err := s.Ask("room", standin.Wish{BytesPerSecond: 100_000})
	require.NoError(t, err)
	s.pass(30 * time.Second)
	assert.Greater(t, s.last().Bytes, int64(20*100_000))
	require.NoError(t, s.StopRecording("room"))
	s.done(id)
}

func TestWithWhichStatusAContainerEnds(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*stage, fleet.InstanceID)
		exit int
	}{
		"Jibri ends itself when it is idle, as it was told to": {func(s *stage, id fleet.InstanceID) {
			require.NoError(s.t, s.jibri(id).GracefulShutdown(s.t.Context()))
			s.pass(2 * time.Second)
		}, 255},
		"docker kills it": {func(s *stage, id fleet.InstanceID) { s.StopContainer(id) }, 137},
		"it crashes":      {func(s *stage, id fleet.InstanceID) { s.CrashJibri(id) }, 137},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, standin.Options{})
			runs, status := false, -1
			id, _ := s.recorder(recorderOptions{onContainer: func(running bool, exit int) { runs, status = running, exit }}, s.signal("a"))
			require.True(t, runs)
			c.end(s, id)
			assert.False(t, runs)
			assert.Equal(t, c.exit, status)
		})
	}
}

func TestABrokenRecorderIsUnhealthyInEachContainer(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	id, _ := s.recorder(recorderOptions{}, node)
	assert.True(t, s.Jibris()[0].Free)
	require.True(t, s.BreakJibri(id))
	assert.False(t, s.Jibris()[0].Free)
	for range 2 {
		s.StopContainer(id)
		s.StartContainer(id, []string{s.at[node].String()})
		s.pass(11 * time.Second)
		assert.False(t, s.health(id).Healthy)
	}
}

package jitsi

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return raw
}

func TestBridgeStatsOfTheDocumentedSample(t *testing.T) {
	s, err := DecodeBridgeStats(sample(t, "colibri-stats.json"))
	require.NoError(t, err)
	assert.Equal(t, BridgeStats{
		Version: "2.3.280-g1a2b3c4", Stress: 0.3417, ParticipantStress: 0.01, Healthy: true,
		Conferences: 11, LargestConference: 27, Endpoints: 83, LocalEndpoints: 69,
		MUCsConfigured: 2, MUCsJoined: 2, ReceiveKilobits: 41250, SendKilobits: 186400,
		PacketRateDownload: 5310, PacketRateUpload: 22870, Loss: 0.0035, RoundTripMillis: 48.6,
		ICEFailedTotal: 12, DisconnectedEndpoints: 201,
	}, s)
}

func TestBridgeStatsAreReadLeniently(t *testing.T) {
	const proven = `"stress_level": 0.5, "local_endpoints": 3`
	for _, c := range []struct {
		name  string
		raw   string
		wrong []string
		check func(*testing.T, BridgeStats)
	}{
		{"the proof alone is enough", `{` + proven + `}`, nil, func(t *testing.T, s BridgeStats) {
			assert.Equal(t, BridgeStats{Stress: 0.5, LocalEndpoints: 3}, s)
		}},
		{"unknown fields are passed over", `{` + proven + `, "conference_sizes": [1, "NaN", {}], "new": {"a": null}}`, nil, nil},
		{"counters beyond 2^31 are read", `{` + proven + `, "total_ice_failed": 9007199254740993}`, nil, func(t *testing.T, s BridgeStats) {
			assert.EqualValues(t, 9007199254740993, s.ICEFailedTotal)
		}},
		{"a whole number may be written as a fraction", `{` + proven + `, "conferences": 12.0}`, nil, func(t *testing.T, s BridgeStats) {
			assert.EqualValues(t, 12, s.Conferences)
		}},
		{"null is missing", `{` + proven + `, "conferences": null, "version": null}`, nil, nil},
		{"a text for a number is wrong", `{` + proven + `, "conferences": "11"}`, []string{"conferences"}, nil},
		{"NaN as text is wrong", `{` + proven + `, "rtt_aggregate": "NaN"}`, []string{"rtt_aggregate"}, nil},
		{"a fraction of a conference is wrong", `{` + proven + `, "conferences": 1.5}`, []string{"conferences"}, nil},
		{"a negative count is wrong", `{` + proven + `, "endpoints": -1}`, []string{"endpoints"}, nil},
		{"a number beyond 2^63 is wrong", `{` + proven + `, "endpoints": 1e30}`, []string{"endpoints"}, nil},
		{"a number beyond all floats is wrong", `{` + proven + `, "overall_loss": 1e999}`, []string{"overall_loss"}, nil},
		{"a number for a flag is wrong", `{` + proven + `, "drain": 1, "healthy": "true"}`, []string{"drain", "healthy"}, nil},
		{"a number for a text is wrong", `{` + proven + `, "version": 2}`, []string{"version"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := DecodeBridgeStats([]byte(c.raw))
			require.NoError(t, err)
			assert.EqualValues(t, 3, s.LocalEndpoints)
			assert.Equal(t, c.wrong, s.Wrong)
			if c.check != nil {
				c.check(t, s)
			}
		})
	}
}

func TestBridgeStatsThatProveNothingAreRefused(t *testing.T) {
	for name, raw := range map[string]string{
		"no local endpoints":               `{"stress_level": 0.1}`,
		"no stress":                        `{"local_endpoints": 0}`,
		"local endpoints null":             `{"stress_level": 0.1, "local_endpoints": null}`,
		"local endpoints of another kind":  `{"stress_level": 0.1, "local_endpoints": "0"}`,
		"local endpoints below zero":       `{"stress_level": 0.1, "local_endpoints": -1}`,
		"stress of another kind":           `{"stress_level": "low", "local_endpoints": 0}`,
		"no object":                        `[]`,
		"null":                             `null`,
		"nothing":                          ``,
		"half an object":                   `{"stress_level": 0.1, "local_endpoints": 0`,
		"an HTML page":                     `<html>`,
		"something behind the object":      `{"stress_level": 0.1, "local_endpoints": 0} x`,
		"old statistics without the field": `{"participants": 0, "octo_endpoints": 0, "stress_level": 0}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeBridgeStats([]byte(raw))
			require.ErrorIs(t, err, ErrBadAnswer)
		})
	}
}

func TestDrainModeIsReadOrRefused(t *testing.T) {
	on, err := DecodeDrain([]byte(`{"drain": true}`))
	require.NoError(t, err)
	assert.True(t, on)
	for _, raw := range []string{`{}`, `{"drain": "true"}`, `true`} {
		_, err := DecodeDrain([]byte(raw))
		require.ErrorIs(t, err, ErrBadAnswer, raw)
	}
}

func TestJicofoStatsOfTheDocumentedSample(t *testing.T) {
	s, err := DecodeJicofoStats(sample(t, "jicofo-stats.json"))
	require.NoError(t, err)
	assert.Equal(t, JicofoStats{
		Version: "1.1.11189", Conferences: 96, Participants: 611, LargestConference: 54,
		Bridges: 5, OperationalBridges: 5, InShutdownBridges: 1, ParticipantsMoved: 41, JibrisSeen: 8, JibrisAvailable: 3,
	}, s)
}

func TestJicofoStatsAreReadLeniently(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		wrong     []string
	}{
		{"sizes may be an array", `{"conferences": 1, "participants": 2, "conference_sizes": [0, 1]}`, nil},
		{"the average may be NaN", `{"conferences": 1, "participants": 2, "conference_sizes": {"average": "NaN"}}`, nil},
		{"the selector may be missing", `{"conferences": 1, "participants": 2}`, nil},
		{"the selector of another kind is wrong", `{"conferences": 1, "participants": 2, "bridge_selector": 3}`, []string{"bridge_selector"}},
		{"a wrong count inside is named with its path", `{"conferences": 1, "participants": 2, "bridge_selector": {"bridge_count": "x"}}`,
			[]string{"bridge_selector.bridge_count"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := DecodeJicofoStats([]byte(c.raw))
			require.NoError(t, err)
			assert.EqualValues(t, 2, s.Participants)
			assert.Equal(t, c.wrong, s.Wrong)
		})
	}
	for _, raw := range []string{`{}`, `{"conferences": 0}`, `{"conferences": 0, "participants": "0"}`, `7`} {
		_, err := DecodeJicofoStats([]byte(raw))
		require.ErrorIs(t, err, ErrBadAnswer, raw)
	}
}

func TestJicofosViewOfBridgesIsKeyedByTheirNicknames(t *testing.T) {
	views, err := DecodeJicofoBridges(sample(t, "jicofo-debug.json"))
	require.NoError(t, err)
	assert.Equal(t, map[string]JicofoBridge{
		"i-0abc123def4567890": {Operational: true, Healthy: true, Stress: 0.3417, CorrectedStress: 0.3617, Endpoints: 69},
		"i-0fed9876543210fed": {Healthy: true, Drain: true, GracefulShutdown: true, Endpoints: 2},
	}, views)
}

func TestBridgesThatCannotBeReadAreLeftOut(t *testing.T) {
	views, err := DecodeJicofoBridges([]byte(`{"bridge_selector": {"bridge": {
		"room@muc/i-1": {"endpoints": 1}, "room@muc/i-2": {"endpoints": "1"}, "room@muc/i-3": {}, "room@muc/i-4": 4,
		"room@muc": {"endpoints": 1}, "room@muc/": {"endpoints": 1}, "room@muc/a/b": {"endpoints": 5}}}}`))
	require.NoError(t, err)
	assert.Equal(t, map[string]JicofoBridge{"i-1": {Endpoints: 1}, "a/b": {Endpoints: 5}}, views)
	for _, raw := range []string{`{}`, `{"bridge_selector": {}}`, `{"bridge_selector": {"bridge": []}}`, `{"bridge_selector": 1}`} {
		_, err := DecodeJicofoBridges([]byte(raw))
		require.ErrorIs(t, err, ErrBadAnswer, raw)
	}
}

func TestJicofosViewOfRecordersIsKeyedByTheirNicknames(t *testing.T) {
	views, err := DecodeJicofoJibris(sample(t, "jicofo-debug.json"))
	require.NoError(t, err)
	assert.Equal(t, map[string]JicofoJibri{
		"i-0f00ba12000000001": {Healthy: true, Idle: true, Available: true},
		"i-0f00ba12000000002": {Healthy: true},
	}, views)
}

func TestRecordersThatCannotBeReadAreLeftOut(t *testing.T) {
	views, err := DecodeJicofoJibris([]byte(`{"jibri_detector": {
		"room@muc/i-1": {"health_status": "healthy", "busy_status": "idle", "reports_available": true},
		"i-2": {"health_status": "UNHEALTHY", "busy_status": "IDLE", "reports_available": true},
		"i-3": {"health_status": "HEALTHY", "busy_status": "IDLE", "reports_available": "yes"},
		"i-4": {"health_status": "HEALTHY"}, "i-5": {"busy_status": 1, "health_status": "HEALTHY"}, "i-6": 4,
		"": {"health_status": "HEALTHY", "busy_status": "IDLE"}, "room@muc/": {"health_status": "HEALTHY", "busy_status": "IDLE"}}}`))
	require.NoError(t, err)
	assert.Equal(t, map[string]JicofoJibri{
		"i-1": {Healthy: true, Idle: true, Available: true}, "i-2": {Idle: true}, "i-3": {Healthy: true, Idle: true},
	}, views)
	views, err = DecodeJicofoJibris([]byte(`{"jibri_detector": {}}`))
	require.NoError(t, err)
	assert.Equal(t, map[string]JicofoJibri{}, views, "an empty brewery is an answer")
	for _, raw := range []string{`{}`, `{"jibri_detector": []}`, `{"jibri_detector": null}`, `[]`} {
		_, err := DecodeJicofoJibris([]byte(raw))
		require.ErrorIs(t, err, ErrBadAnswer, raw)
	}
}

func TestHealthOfARecorder(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		want      JibriHealth
	}{
		{"idle, never used", `{"status": {"busyStatus": "IDLE", "health": {"healthStatus": "HEALTHY", "details": {}}}}`,
			JibriHealth{Busy: JibriIdle, Healthy: true}},
		{"recording", `{"status": {"busyStatus": "BUSY", "health": {"healthStatus": "HEALTHY", "details": {}}}, "environmentContext": {"name": "shard-10.20.3.11"}}`,
			JibriHealth{Busy: JibriInUse, Healthy: true, Environment: "shard-10.20.3.11"}},
		{"expired", `{"status": {"busyStatus": "EXPIRED", "health": {"healthStatus": "HEALTHY", "details": {}}}}`,
			JibriHealth{Busy: JibriExpired, Healthy: true}},
		{"unhealthy, with what is", `{"status": {"busyStatus": "IDLE", "health": {"healthStatus": "UNHEALTHY",
			"details": {"JibriManager": {"healthStatus": "UNHEALTHY", "detail": "no ffmpeg"}, "Other": {"healthStatus": "HEALTHY"}}}}}`,
			JibriHealth{Busy: JibriIdle, Details: "JibriManager: no ffmpeg"}},
		{"unhealthy without a word", `{"status": {"busyStatus": "IDLE", "health": {"healthStatus": "UNHEALTHY", "details": {"JibriManager": {"healthStatus": "UNHEALTHY", "detail": ""}}}}}`,
			JibriHealth{Busy: JibriIdle, Details: "JibriManager"}},
		{"details of another kind are told", `{"status": {"busyStatus": "IDLE", "health": {"healthStatus": "HEALTHY", "details": "none"}}}`,
			JibriHealth{Busy: JibriIdle, Healthy: true, Wrong: []string{"status.health.details"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := DecodeJibriHealth([]byte(c.raw))
			require.NoError(t, err)
			assert.Equal(t, c.want, h)
		})
	}
	for _, raw := range []string{
		``, `[]`, `{}`, `{"status": {}}`, `{"status": {"busyStatus": "IDLE"}}`, `{"status": {"busyStatus": "LAZY", "health": {"healthStatus": "HEALTHY"}}}`,
		`{"status": {"busyStatus": "IDLE", "health": {"healthStatus": "FINE"}}}`, `{"status": {"health": {"healthStatus": "HEALTHY"}}}`,
	} {
		_, err := DecodeJibriHealth([]byte(raw))
		require.ErrorIs(t, err, ErrBadAnswer, raw)
	}
}

func TestCensusOfTheDocumentedSample(t *testing.T) {
	rooms, err := DecodeCensus(sample(t, "room-census.json"))
	require.NoError(t, err)
	assert.Equal(t, []Room{
		{Name: "weekly-sync@conference.meet.example.org", Participants: 7, Created: time.UnixMilli(1789372867000).UTC()},
		{Name: "[acme]standup@conference.meet.example.org", Participants: 3, Created: time.UnixMilli(1789373011000).UTC()},
	}, rooms)
}

func TestEmptyCensusIsAListOrAnObject(t *testing.T) {
	for _, raw := range []string{`{"room_census": []}`, `{"room_census": {}}`} {
		rooms, err := DecodeCensus([]byte(raw))
		require.NoError(t, err, raw)
		assert.Empty(t, rooms, raw)
	}
}

func TestCensusWithGapsIsRefused(t *testing.T) {
	for _, raw := range []string{
		``, `{}`, `[]`, `{"room_census": null}`, `{"room_census": {"a": 1}}`, `{"room_census": "x"}`,
		`{"room_census": [1]}`, `{"room_census": [{"participants": 1}]}`, `{"room_census": [{"room_name": "r"}]}`,
		`{"room_census": [{"room_name": "r", "participants": "1"}]}`,
	} {
		_, err := DecodeCensus([]byte(raw))
		require.ErrorIs(t, err, ErrBadAnswer, raw)
	}
}

// FuzzDecoders holds that no text breaks a decoder, and that what is accepted is within its range.
func FuzzDecoders(f *testing.F) {
	for _, name := range []string{"colibri-stats.json", "jicofo-stats.json", "jicofo-debug.json", "room-census.json"} {
		f.Add(sample(f, name))
	}
	f.Add([]byte(`{"status": {"busyStatus": "IDLE", "health": {"healthStatus": "HEALTHY", "details": {"a": 1}}}}`))
	f.Add([]byte(`{"local_endpoints": 1e2, "stress_level": 0, "drain": true}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if s, err := DecodeBridgeStats(raw); err == nil && (s.LocalEndpoints < 0 || s.Stress < 0 || s.Endpoints < 0) {
			t.Errorf("negative figures were accepted: %+v", s)
		}
		if s, err := DecodeJicofoStats(raw); err == nil && (s.Participants < 0 || s.Bridges < 0) {
			t.Errorf("negative figures were accepted: %+v", s)
		}
		if views, err := DecodeJicofoBridges(raw); err == nil {
			for nickname, v := range views {
				if nickname == "" || v.Endpoints < 0 {
					t.Errorf("bridge %q was accepted: %+v", nickname, v)
				}
			}
		}
		if views, err := DecodeJicofoJibris(raw); err == nil {
			for nickname, v := range views {
				if nickname == "" || v.Available && !(v.Healthy && v.Idle) {
					t.Errorf("recorder %q was accepted: %+v", nickname, v)
				}
			}
		}
		if h, err := DecodeJibriHealth(raw); err == nil && h.Busy != JibriIdle && h.Busy != JibriInUse && h.Busy != JibriExpired {
			t.Errorf("health was accepted: %+v", h)
		}
		if rooms, err := DecodeCensus(raw); err == nil {
			for _, r := range rooms {
				if r.Name == "" || r.Participants < 0 {
					t.Errorf("room was accepted: %+v", r)
				}
			}
		}
		if _, err := DecodeDrain(raw); err == nil && len(raw) == 0 {
			t.Error("nothing was accepted as a drain mode")
		}
	})
}

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

var began = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// twoRecordings is what a run leaves in which one recording was made, and another was lost with its machine.
func twoRecordings() *recordingsEvidence {
	file := recording.File{Name: "room_2026-11-22-09-00-00.mp4", Bytes: 9, CRC64NVME: "sum", Key: "recordings/room.mp4"}
	whole := recording.Recording{ID: "one", Session: "s-1", Instance: "i-1", Room: "room", State: recording.Catalogued, Files: []recording.File{file}}
	gone := recording.Recording{ID: "two", Session: "s-2", Instance: "i-2", Room: "other", State: recording.Failed, Reason: "its machine was taken away"}
	over := time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)
	return &recordingsEvidence{
		asked: []asked{{Recording: scenario.Recording{Room: "room"}, began: true, refused: 2}, {Recording: scenario.Recording{Room: "other"}, began: true}},
		sessions: []standin.Session{
			{ID: "s-1", Room: "room", Shard: "a", Jibri: "i-1", Pressed: began, Ended: over, File: file.Name, Bytes: 9, Checksum: "sum"},
			{ID: "s-2", Room: "other", Shard: "a", Jibri: "i-2", Pressed: began, Ended: over, File: "other.mp4", Bytes: 5, Checksum: "x", Cut: "its machine was taken away"},
		},
		entries: []recording.Entry{{Recording: whole}, {Recording: gone}},
		objects: map[string]recording.Object{file.Key: {Found: true, Bytes: 9, CRC64NVME: "sum"}},
		ends:    []ended{{reconcile.EventRecordingCatalogued, whole}, {reconcile.EventRecordingFailed, gone}},
		free:    3, wanted: 3, serving: []fleet.InstanceID{"i-1", "i-3", "i-4"}, shards: []string{"a"},
		faults: []fault{{Fault: scenario.Fault{Kind: scenario.LoseRecorder}, begun: true, victim: "i-2"}},
		known:  map[string]time.Time{"s-1": began.Add(2 * time.Second), "s-2": began.Add(3 * time.Second)},
		pool:   poolWatch{dips: 1, longest: 7 * time.Second}, bootTime: 2 * time.Second,
	}
}

func TestVerdictOnRecordings(t *testing.T) {
	for name, c := range map[string]struct {
		change func(e *recordingsEvidence)
		says   string // nothing is a success
	}{
		"one recording whole and one lost with its machine is a success": {func(*recordingsEvidence) {}, ""},
		"a session without media leaves nothing": {func(e *recordingsEvidence) {
			e.sessions = append(e.sessions, standin.Session{ID: "s-3", Shard: "a", Ended: time.Now()})
		}, ""},
		"a wish that was never granted":        {func(e *recordingsEvidence) { e.asked[0].began = false }, "the recording of room never began: 2 tries"},
		"a recording that goes on":             {func(e *recordingsEvidence) { e.sessions[0].Ended = time.Time{} }, "still goes on"},
		"a recording that was killed":          {func(e *recordingsEvidence) { e.sessions[0].Cut = "its container was stopped" }, "was killed: its container was stopped"},
		"a loss that was not the scenario's":   {func(e *recordingsEvidence) { e.faults = nil }, "on i-2 was killed"},
		"a recording that is in no catalogue":  {func(e *recordingsEvidence) { e.entries = e.entries[1:] }, "has 0 entries in the catalogue and 1 announcements"},
		"an end that is told twice is one end": {func(e *recordingsEvidence) { e.ends = append(e.ends, e.ends[0]) }, ""},
		"a recording of which two ends are told": {func(e *recordingsEvidence) {
			e.ends = append(e.ends, ended{reconcile.EventRecordingFailed, e.ends[0].Recording})
		}, "1 entries in the catalogue and 2 announcements"},
		"a recording that is announced as failed":     {func(e *recordingsEvidence) { e.ends[0].Kind = reconcile.EventRecordingFailed }, `was announced as "Recording Failed"`},
		"a recording that is not catalogued yet":      {func(e *recordingsEvidence) { e.entries[0].State = recording.Uploaded }, `it is "uploaded" in the catalogue`},
		"a whole recording that is called cut short":  {func(e *recordingsEvidence) { e.entries[0].CutShort = "its recorder died" }, `cut short because "its recorder died"`},
		"a recording with fewer bytes than were made": {func(e *recordingsEvidence) { e.sessions[0].Bytes = 10 }, "10 and sum were recorded"},
		"an object that is another": {func(e *recordingsEvidence) {
			e.objects["recordings/room.mp4"] = recording.Object{Found: true, Bytes: 9, CRC64NVME: "y"}
		}, `has the checksum "y" in S3`},
		"an object that is not there":           {func(e *recordingsEvidence) { e.objects = nil }, "is not in S3"},
		"an object that nobody knows of":        {func(e *recordingsEvidence) { e.objects["recordings/z"] = recording.Object{} }, "the bucket's recordings/z is in no entry"},
		"an entry of nothing":                   {func(e *recordingsEvidence) { e.sessions = e.sessions[:1] }, "the catalogue's two is of no recording"},
		"a lost recording that is called whole": {func(e *recordingsEvidence) { e.ends[1].Kind = reconcile.EventRecordingCatalogued }, "whose machine i-2 was taken away"},
		"a file that is left on a disk":         {func(e *recordingsEvidence) { e.spooled = []string{"a.mp4"} }, "1 files are left on the recorders' disks"},
		"a pool that did not come back":         {func(e *recordingsEvidence) { e.free = 2 }, "2 recorders are free, and 3 should be"},
		"a recorder too many":                   {func(e *recordingsEvidence) { e.serving = append(e.serving, "i-5") }, "4 recorders are in service, and 3 should be"},
		"a pool that came back late": {func(e *recordingsEvidence) { e.pool.longest = time.Minute },
			"it took 60.0 s until as many recorders were free as wanted"},
		"a recording that the catalogue heard of late": {func(e *recordingsEvidence) { e.known["s-1"] = began.Add(61 * time.Second) },
			"in the catalogue only 61.0 s after the button was pressed"},
		"a recording that the catalogue heard of late since the queue refused": {func(e *recordingsEvidence) {
			e.known["s-1"] = began.Add(80 * time.Second)
			refused := fault{Fault: scenario.Fault{Kind: scenario.RefuseQueue}, begun: true, over: true, at: began.Add(-time.Minute), back: began.Add(30 * time.Second)}
			e.faults = append(e.faults, refused)
		}, ""},
		"a recording that was never seen in the catalogue": {func(e *recordingsEvidence) { delete(e.known, "s-2") }, "was never seen in the catalogue"},
		"what has not settled":                             {func(e *recordingsEvidence) { e.open = "2 sessions are on" }, "it was not settled: 2 sessions are on"},
		"a stream that was killed": {func(e *recordingsEvidence) {
			e.sessions = append(e.sessions, standin.Session{ID: "s-3", Room: "live", Shard: "a", Stream: true, Jibri: "i-3", Ended: time.Now(), Cut: "its container crashed"})
		}, "the recording of live on i-3 was killed"},
		"a shard without work": {func(e *recordingsEvidence) { e.shards = []string{"a", "b"} }, "nothing was recorded in b"},
		"a stalled encoder that nobody minded": {func(e *recordingsEvidence) {
			e.faults = append(e.faults, fault{Fault: scenario.Fault{Kind: scenario.StallEncoder}, begun: true, victim: "i-1"})
		}, "nobody did anything about the encoder of i-1"},
		"a stalled recording that is called whole": {func(e *recordingsEvidence) {
			e.faults = append(e.faults, fault{Fault: scenario.Fault{Kind: scenario.StallEncoder}, begun: true, victim: "i-1"})
			e.sessions[0].Cut = "its container was stopped"
		}, `it is "catalogued" in the catalogue, because "", and cut short because ""`},
		"a broken machine that stays": {func(e *recordingsEvidence) {
			e.faults = append(e.faults, fault{Fault: scenario.Fault{Kind: scenario.BreakRecorder}, begun: true, victim: "i-3"})
		}, `i-3 is in service after "break recorder"`},
		"a large object that was uploaded in one": {func(e *recordingsEvidence) {
			e.sessions[0].Bytes, e.entries[0].Files[0].Bytes = 17<<20, 17<<20
			e.objects["recordings/room.mp4"] = recording.Object{Found: true, Bytes: 17 << 20, CRC64NVME: "sum"}
		}, "1 objects are larger than 16777216 bytes, and 0 were uploaded in parts"},
		"a large recording that was asked for": {func(e *recordingsEvidence) { e.asked[0].BytesPerSecond, e.asked[0].End = 1<<20, 60 },
			"0 objects are larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			r, e := good(t), twoRecordings()
			c.change(e)
			r.judgeRecordings(e)
			if c.says == "" {
				assert.Empty(t, r.Failures)
				assert.Equal(t, [3]int{2, 1, 1}, [3]int{r.Recordings.Finished, r.Recordings.Catalogued, r.Recordings.Lost})
				assert.GreaterOrEqual(t, r.Recordings.ByShard["a"], 2)
				assert.InDelta(t, 7, r.Recordings.FreeAgain, 0)
				assert.Equal(t, 2, r.Recordings.Announced)
				assert.Equal(t, len(e.ends), r.Recordings.Announced)
				return
			}
			require.NotEmpty(t, r.Failures)
			assert.Contains(t, r.Failures[0], c.says)
		})
	}
}

func TestWithoutRecordersNothingIsSaidOfRecordings(t *testing.T) {
	r := good(t)
	r.judgeRecordings(nil)
	assert.Nil(t, r.Recordings)
	assert.Empty(t, r.Recordings.success())
	r.Recordings.tell(nil)
}

func TestTheStandInOfSystemd(t *testing.T) {
	u := unit{dir: filepath.Join(t.TempDir(), "systemd")}
	require.NoError(t, u.write())
	systemctl := func(args ...string) string {
		said, err := exec.Command(filepath.Join(u.dir, "systemctl"), args...).Output()
		require.NoError(t, err)
		return string(said)
	}
	assert.Contains(t, systemctl("show", "--property=LoadState,ActiveState", "jibri.service"), "LoadState=not-found", "its image is not there yet")
	require.NoError(t, u.says(unitInactive))
	assert.Equal(t, "LoadState=loaded\nActiveState=inactive\n", systemctl("show", "jibri.service"))
	require.NoError(t, u.says(stateAfter(true, 0)))
	assert.Contains(t, systemctl("show", "jibri.service"), "ActiveState=active")
	require.NoError(t, u.says(stateAfter(false, 255)))
	assert.Contains(t, systemctl("show", "jibri.service"), "ActiveState=failed", "as systemd says of every status but 0")

	ctx, cancel := context.WithCancel(t.Context())
	orders, ended := make(chan string), make(chan error, 1)
	go func() { ended <- u.obey(ctx, func(order string) { orders <- order }) }()
	for _, order := range []string{"start", "restart", "stop"} {
		systemctl(order, "--no-block", "jibri.service")
		assert.Equal(t, order, <-orders)
	}
	cancel()
	require.NoError(t, <-ended)
}

func TestARecordersRowNamesEverything(t *testing.T) {
	r := recorderRow{Free: 1, Busy: 2, Booting: 3, Spooled: 4, Announced: 5}
	assert.Equal(t, "recorders: 1 free, 2 busy, 3 booting; 4 files on disks; 5 recordings announced", r.String())
}

func TestTheScenariosOfRecordingsCanBePlayed(t *testing.T) {
	for _, name := range []string{"recording", "recordings", "recordings-short"} {
		raw, err := os.ReadFile(filepath.Join("scenarios", name+".json"))
		require.NoError(t, err)
		plan, err := scenario.Parse(raw)
		require.NoError(t, err, name)
		assert.NotEmpty(t, plan.Recordings(), name)
		assert.Positive(t, plan.Jibris.Max, name)
	}
}

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

// twoRecordings is what a run leaves in which one recording was made, and another was lost with its machine.
func twoRecordings() *recordingsEvidence {
	file := recording.File{Name: "room_2026-11-22-09-00-00.mp4", Bytes: 9, CRC64NVME: "sum", Key: "recordings/room.mp4"}
	whole := recording.Recording{ID: "one", Session: "s-1", Instance: "i-1", Room: "room", State: recording.Catalogued, Files: []recording.File{file}}
	gone := recording.Recording{ID: "two", Session: "s-2", Instance: "i-2", Room: "other", State: recording.Failed, Reason: "its machine was taken away"}
	over := time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)
	return &recordingsEvidence{
		asked: []asked{{Recording: scenario.Recording{Room: "room"}, began: true, refused: 2}, {Recording: scenario.Recording{Room: "other"}, began: true}},
		sessions: []standin.Session{
			{ID: "s-1", Room: "room", Jibri: "i-1", Ended: over, File: file.Name, Bytes: 9, Checksum: "sum"},
			{ID: "s-2", Room: "other", Jibri: "i-2", Ended: over, File: "other.mp4", Bytes: 5, Checksum: "x", Cut: "its machine was taken away"},
		},
		entries: []recording.Entry{{Recording: whole}, {Recording: gone}},
		objects: map[string]recording.Object{file.Key: {Found: true, Bytes: 9, CRC64NVME: "sum"}},
		ends:    []ended{{reconcile.EventRecordingCatalogued, whole}, {reconcile.EventRecordingFailed, gone}},
		free:    3, wanted: 3, lost: []fleet.InstanceID{"i-2"},
	}
}

func TestVerdictOnRecordings(t *testing.T) {
	for name, c := range map[string]struct {
		change func(e *recordingsEvidence)
		says   string // nothing is a success
	}{
		"one recording whole and one lost with its machine is a success": {func(*recordingsEvidence) {}, ""},
		"a session without media leaves nothing": {func(e *recordingsEvidence) {
			e.sessions = append(e.sessions, standin.Session{ID: "s-3", Ended: time.Now()})
		}, ""},
		"a wish that was never granted":               {func(e *recordingsEvidence) { e.asked[0].began = false }, "the recording of room never began: 2 tries"},
		"a recording that goes on":                    {func(e *recordingsEvidence) { e.sessions[0].Ended = time.Time{} }, "still goes on"},
		"a recording that was killed":                 {func(e *recordingsEvidence) { e.sessions[0].Cut = "its container was stopped" }, "was killed: its container was stopped"},
		"a loss that was not the scenario's":          {func(e *recordingsEvidence) { e.lost = nil }, "on i-2 was killed"},
		"a recording that is in no catalogue":         {func(e *recordingsEvidence) { e.entries = e.entries[1:] }, "has 0 entries in the catalogue and 1 announcements"},
		"a recording that is announced twice":         {func(e *recordingsEvidence) { e.ends = append(e.ends, e.ends[0]) }, "1 entries in the catalogue and 2 announcements"},
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
	} {
		t.Run(name, func(t *testing.T) {
			r, e := good(t), twoRecordings()
			c.change(e)
			r.judgeRecordings(e)
			if c.says == "" {
				assert.Empty(t, r.Failures)
				assert.Equal(t, &recordingsReport{Asked: 2, Refused: 2, Began: 2, Finished: 2, Catalogued: 1, Lost: 1, Objects: 1, Announced: 2}, r.Recordings)
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
	require.NoError(t, u.says(false))
	assert.Equal(t, "LoadState=loaded\nActiveState=inactive\n", systemctl("show", "jibri.service"))
	require.NoError(t, u.says(true))
	assert.Contains(t, systemctl("show", "jibri.service"), "ActiveState=active")

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

package standin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
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

// finalizer writes the folder that it is given into a file beside it, and fails.
const finalizer = "#!/bin/sh\necho \"$1 $JIBRI_INSTANCE_ID\" >> \"${0%/*}/finalized\"\nexit 3\n"

// recorderOptions are what a test has otherwise than usual.
type recorderOptions struct {
	singleUse, stopped bool
	onContainer        func(running bool, exit int)
}

// recorder is a recorder in the brewery of the signal nodes, unless its container is to stay stopped.
func (s *stage) recorder(o recorderOptions, nodes ...fleet.InstanceID) (fleet.InstanceID, string) {
	s.t.Helper()
	s.next++
	id, folder := fleet.InstanceID(fmt.Sprintf("i-r%d", s.next)), s.t.TempDir()
	program := filepath.Join(folder, "finalize")
	require.NoError(s.t, os.WriteFile(program, []byte(finalizer), 0o700))
	require.NoError(s.t, s.AddRecorder(standin.Recorder{
		ID: id, Addr: s.address(id), Spool: filepath.Join(folder, "spool"), Proc: filepath.Join(folder, "proc"), Finalize: program, SingleUse: o.singleUse, OnContainer: o.onContainer,
	}))
	if o.stopped {
		return id, folder
	}
	var hosts []string
	for _, node := range nodes {
		hosts = append(hosts, s.at[node].String())
	}
	require.True(s.t, s.StartContainer(id, hosts))
	s.pass(11 * time.Second)
	return id, folder
}

func (s *stage) jibri(id fleet.InstanceID) *jitsi.Jibri {
	return jitsi.NewJibri(s.url(id, settings.JibriPort), s.url(id, settings.RetirePort), s.patience)
}

func (s *stage) health(id fleet.InstanceID) jitsi.JibriHealth {
	s.t.Helper()
	h, err := s.jibri(id).Health(s.t.Context())
	require.NoError(s.t, err)
	return h
}

// done waits until the finalize program, which has a time of its own, has ended.
func (s *stage) done(id fleet.InstanceID) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		for _, j := range s.Jibris() {
			if j.ID == id {
				return j.Session == ""
			}
		}
		return true
	}, 5*time.Second, time.Millisecond)
}

// recorded is a session that is being encoded.
func (s *stage) recorded(room string) standin.Session {
	s.t.Helper()
	s.join(room, 2)
	_, err := s.Record(room)
	require.NoError(s.t, err)
	s.pass(30 * time.Second)
	return s.last()
}

func (s *stage) last() standin.Session {
	all := s.Sessions()
	return all[len(all)-1]
}

func TestARecordingFromThePressedButtonToTheEnd(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	s.bridge()
	id, folder := s.recorder(recorderOptions{}, node)
	assert.Equal(t, jitsi.JibriIdle, s.health(id).Busy)
	s.join("room", 2)
	_, err := s.Record("room")
	require.NoError(t, err)
	assert.Equal(t, jitsi.JibriInUse, s.health(id).Busy, "busy at once, and nothing is encoded yet")
	assert.Empty(t, s.last().File)
	s.pass(30 * time.Second)
	on := s.last()
	raw, err := os.ReadFile(filepath.Join(folder, "spool", on.ID, on.File))
	require.NoError(t, err)
	assert.Len(t, raw, int(on.Bytes))
	assert.Greater(t, on.Bytes, int64(20*1000))
	assert.Len(t, encoders(t, folder), 1)
	assert.NoFileExists(t, filepath.Join(folder, "spool", on.ID, "metadata.json"), "only at the end")

	require.NoError(t, s.StopRecording("room"))
	s.done(id)
	over := s.last()
	assert.Empty(t, over.Cut)
	assert.False(t, over.Finalized, "it failed, which is nothing to Jibri")
	told, err := os.ReadFile(filepath.Join(folder, "finalized"))
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(folder, "spool", on.ID)+" "+string(id)+"\n", string(told), "once")
	var metadata map[string]any
	text, err := os.ReadFile(filepath.Join(folder, "spool", on.ID, "metadata.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &metadata))
	assert.Equal(t, "https://meet.example.org/room", metadata["meeting_url"])
	assert.Empty(t, encoders(t, folder))
	assert.Equal(t, jitsi.JibriIdle, s.health(id).Busy)
}

// text is what somebody answers at an address.
func (s *stage) text(address string) string {
	s.t.Helper()
	response, err := http.Get(address)
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return string(raw)
}

// encoders are the command lines of the ffmpeg processes in a recorder's proc folder.
func encoders(t *testing.T, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "proc", "*", "cmdline"))
	require.NoError(t, err)
	var found []string
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		if bytes.HasPrefix(raw, []byte("ffmpeg\x00")) {
			found = append(found, string(raw))
		}
	}
	return found
}

func TestARecordingEndsWhenTheRoomWasEmptyForHalfAMinute(t *testing.T) {
	s := newStage(t, standin.Options{})
	id, _ := s.recorder(recorderOptions{}, s.signal("a"))
	s.bridge()
	tickets := s.join("room", 1)
	_, err := s.Record("room")
	require.NoError(t, err)
	s.pass(20 * time.Second)
	s.Leave(tickets[0])
	s.pass(28 * time.Second)
	assert.True(t, s.last().Ended.IsZero())
	s.pass(3 * time.Second)
	s.done(id)
	assert.Empty(t, s.last().Cut)
}

func TestAFolderWithoutMediaIsDeletedAndNothingIsFinalized(t *testing.T) {
	s := newStage(t, standin.Options{})
	id, folder := s.recorder(recorderOptions{}, s.signal("a"))
	s.bridge()
	require.True(t, s.MuteJibri(id))
	on := s.recorded("room")
	assert.DirExists(t, filepath.Join(folder, "spool", on.ID))
	require.NoError(t, s.StopRecording("room"))
	s.done(id)
	assert.NoDirExists(t, filepath.Join(folder, "spool", on.ID))
	assert.NoFileExists(t, filepath.Join(folder, "finalized"))
}

func TestWhatEndsARecordingBeforeItsTime(t *testing.T) {
	for name, c := range map[string]struct {
		do       func(*stage, fleet.InstanceID, fleet.InstanceID)
		why      string
		metadata bool
	}{
		"its container is stopped":  {func(s *stage, id, _ fleet.InstanceID) { s.StopContainer(id) }, "its container was stopped", false},
		"its container crashes":     {func(s *stage, id, _ fleet.InstanceID) { s.CrashJibri(id) }, "its container crashed", false},
		"its machine is taken away": {func(s *stage, id, _ fleet.InstanceID) { s.StopNode(id) }, "its machine was taken away", false},
		"its shard's signal node dies": {func(s *stage, _, node fleet.InstanceID) { s.KillSignal(node); s.pass(2 * time.Second) },
			"its shard's Prosody closed the connection", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, standin.Options{})
			node := s.signal("a")
			s.bridge()
			id, folder := s.recorder(recorderOptions{}, node)
			on := s.recorded("room")
			c.do(s, id, node)
			s.done(id)
			assert.Equal(t, c.why, s.last().Cut)
			assert.FileExists(t, filepath.Join(folder, "spool", on.ID, on.File), "what was written stays")
			_, err := os.Stat(filepath.Join(folder, "spool", on.ID, "metadata.json"))
			assert.Equal(t, c.metadata, err == nil, "Jibri ended the session itself: %v", c.metadata)
			assert.Empty(t, encoders(t, folder))
		})
	}
}

func TestGracefulShutdown(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	s.bridge()
	id, _ := s.recorder(recorderOptions{}, node)
	s.recorded("room")
	require.NoError(t, s.jibri(id).GracefulShutdown(t.Context()))
	s.pass(time.Minute)
	assert.Equal(t, jitsi.JibriInUse, s.health(id).Busy, "a session is finished")
	s.join("another", 1)
	_, err := s.Record("another")
	require.ErrorIs(t, err, standin.ErrNoRecorder, "and no other begins")
	require.NoError(t, s.StopRecording("room"))
	s.done(id)
	s.pass(2 * time.Second)
	_, err = s.jibri(id).Health(t.Context())
	require.ErrorIs(t, err, jitsi.ErrRefused)
	assert.False(t, s.Jibris()[0].Runs)
	assert.Empty(t, s.last().Cut)
}

func TestHealthSaysWhatIsWrongAndAlwaysAnswers200(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	id, _ := s.recorder(recorderOptions{}, node)
	require.True(t, s.SickenJibri(id))
	s.pass(time.Hour)
	response, err := http.Get(s.url(id, settings.JibriPort) + "/jibri/api/v1.0/health")
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.False(t, s.health(id).Healthy, "it never heals by itself")
	s.StopContainer(id)
	s.StartContainer(id, []string{s.at[node].String()})
	s.pass(11 * time.Second)
	assert.True(t, s.health(id).Healthy, "a new process is well")
}

func TestASingleUseJibriExpiresAndJicofoSeesItBusy(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	s.bridge()
	id, _ := s.recorder(recorderOptions{singleUse: true}, node)
	s.recorded("room")
	require.NoError(t, s.StopRecording("room"))
	s.done(id)
	s.pass(2 * time.Second)
	assert.Equal(t, jitsi.JibriExpired, s.health(id).Busy)
	views, err := s.jicofo(node).Views(t.Context())
	require.NoError(t, err)
	assert.False(t, views.Jibris[string(id)].Idle)
	_, err = s.Record("room")
	require.ErrorIs(t, err, standin.ErrNoRecorder)
}

func TestAJibriThatExpiresInASessionFinishesItAndStaysExpired(t *testing.T) {
	s := newStage(t, standin.Options{})
	id, _ := s.recorder(recorderOptions{}, s.signal("a"))
	s.bridge()
	s.recorded("room")
	require.True(t, s.ExpireJibri(id))
	s.pass(10 * time.Second)
	assert.Equal(t, jitsi.JibriInUse, s.health(id).Busy)
	require.NoError(t, s.StopRecording("room"))
	s.done(id)
	assert.Equal(t, jitsi.JibriExpired, s.health(id).Busy)
	assert.Empty(t, s.last().Cut)
}

func TestAStalledEncoderWritesNothingMoreAndItsProcessStays(t *testing.T) {
	s := newStage(t, standin.Options{})
	id, folder := s.recorder(recorderOptions{}, s.signal("a"))
	s.bridge()
	before := s.recorded("room")
	require.True(t, s.StallEncoder(id))
	s.pass(time.Minute)
	assert.Equal(t, before.Bytes, s.last().Bytes)
	assert.Len(t, encoders(t, folder), 1)
	assert.Equal(t, jitsi.JibriInUse, s.health(id).Busy)
}

func TestJicofosChoice(t *testing.T) {
	s := newStage(t, standin.Options{})
	a, b := s.signal("a"), s.signal("b")
	s.bridge()
	_, err := s.Record("room")
	require.ErrorIs(t, err, standin.ErrNoRoom)
	s.join("room", 1)
	_, err = s.Record("room")
	require.ErrorIs(t, err, standin.ErrNoRecorder, "an error at once when there is none")
	one, _ := s.recorder(recorderOptions{}, a, b)
	two, _ := s.recorder(recorderOptions{}, a, b)
	require.True(t, s.HangJibri(one, true))
	_, err = s.Record("room")
	require.NoError(t, err)
	assert.Equal(t, two, s.last().Jibri, "one that does not answer is passed over")
	_, err = s.Record("room")
	require.ErrorIs(t, err, standin.ErrRecorded)
	s.pass(2 * time.Second)
	for _, node := range []fleet.InstanceID{a, b} {
		views, err := s.jicofo(node).Views(t.Context())
		require.NoError(t, err)
		assert.False(t, views.Jibris[string(two)].Idle, "every shard sees it busy")
	}
	require.True(t, s.HangJibri(one, false))
	s.join("late", 1)
	_, err = s.Record("late")
	require.ErrorIs(t, err, standin.ErrNoRecorder, "one that failed is avoided for a minute")
	s.pass(time.Minute)
	_, err = s.Record("late")
	require.NoError(t, err)
	assert.Equal(t, one, s.last().Jibri)
}

func TestAJicofoThatIsRestartedForgetsItsRecordingsAndTheyGoOn(t *testing.T) {
	s := newStage(t, standin.Options{})
	node := s.signal("a")
	s.bridge()
	id, _ := s.recorder(recorderOptions{}, node)
	s.recorded("room")
	require.True(t, s.RestartJicofo("a", time.Minute))
	_, err := s.jicofo(node).Views(t.Context())
	require.Error(t, err)
	_, err = s.Record("room")
	require.ErrorIs(t, err, standin.ErrNoJicofo)
	s.pass(61 * time.Second)
	require.ErrorIs(t, s.StopRecording("room"), standin.ErrNoRoom)
	assert.True(t, s.last().Ended.IsZero())
	views, err := s.jicofo(node).Views(t.Context())
	require.NoError(t, err)
	assert.False(t, views.Jibris[string(id)].Idle, "learnt anew")
}

func TestTheKernelsWordOnConnections(t *testing.T) {
	s := newStage(t, standin.Options{})
	a, b := s.signal("a"), s.signal("b")
	_, folder := s.recorder(recorderOptions{}, a, b)
	lines := func() int {
		tables, err := filepath.Glob(filepath.Join(folder, "proc", "*", "net", "tcp"))
		require.NoError(t, err)
		require.Len(t, tables, 1)
		raw, err := os.ReadFile(tables[0])
		require.NoError(t, err)
		return strings.Count(string(raw), ":1466 01") // 5222, established
	}
	assert.Equal(t, 2, lines())
	s.KillSignal(b)
	s.pass(2 * time.Second)
	assert.Equal(t, 1, lines())
}

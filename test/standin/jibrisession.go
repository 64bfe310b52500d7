package standin

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// Session is one recording, or one stream, as it really was.
type Session struct {
	ID       string // of Jibri's folder
	Room     string
	Shard    string
	Stream   bool
	Jibri    fleet.InstanceID
	Pressed  time.Time // when somebody asked for it
	Encoded  time.Time // when the first byte was to be written; zero before
	Ended    time.Time // when Jibri was done with it; zero before
	File     string    // its name; empty before there was one
	Bytes    int64
	Checksum string // CRC-64/NVME of the file, as S3 writes it
	// Cut says why it ended before anybody stopped it; empty when it did not.
	Cut string
	// Finalized is whether the finalize program ran to its end.
	Finalized bool
}

// session is one recording while it is on.
type session struct {
	*Session
	signal    *signal
	wish      Wish
	encodeAt  time.Time
	writtenAt time.Time
	emptyAt   time.Time // since when nobody is in the room
	folder    string
	file      *os.File // nil in a stream
	pid       int      // of the encoder; 0 while there is none
	ticks     int64    // that it took
	sum       uint64
	ending    bool
	cut       bool // the container is gone
	finalize  *exec.Cmd
	killed    bool
}

var nvme = crc64.MakeTable(0x9a6c9329ac4bc9b5)

// recordingsDirectory is jibri.recording.recordings-directory in the container.
const recordingsDirectory = "/storage/recordings/"

// streamURL is where a stream goes: one that begins with "rtmp" is taken as it is, and a YouTube key is made one.
const streamURL = "rtmp://a.rtmp.youtube.com/live2/key"

// ticksPerSecond is the CPU time that an encoder takes, in hundredths of a second: a core's.
const ticksPerSecond = 100

// leastWrite is the shortest wall time between two writes of an encoder.
const leastWrite = 100 * time.Millisecond

func (w *World) newSession(j *jibri, s *signal, room string, wish Wish) *session {
	w.sessions++
	if wish.BytesPerSecond == 0 {
		wish.BytesPerSecond = mediaBytes
	}
	one := &session{signal: s, wish: wish, Session: &Session{ID: fmt.Sprintf("session-%06d", w.sessions), Room: room,
		Shard: s.shard.name, Stream: wish.Stream, Jibri: j.ID, Pressed: w.now}}
	one.encodeAt = w.now.Add(w.scaled(joinTime))
	w.history = append(w.history, one.Session)
	return one
}

// liveSession is what Jibri does in a session by itself.
func (w *World) liveSession(j *jibri) {
	s := j.session
	if s.ending {
		return
	}
	if w.roomEmpty(s) {
		w.stopSession(j)
		return
	}
	switch {
	case s.pid == 0 && !w.now.Before(s.encodeAt):
		w.problem(j, w.startEncoder(j))
	case s.pid != 0 && w.now.Sub(s.writtenAt) >= max(leastWrite, w.scaled(step)):
		w.encode(j)
	}
}

// roomEmpty reports whether nobody was in the session's room for as long as Jibri stays in an empty call.
func (w *World) roomEmpty(s *session) bool {
	if r := s.signal.rooms[s.Room]; r != nil && len(r.people) > 0 {
		s.emptyAt = time.Time{}
		return false
	}
	if s.emptyAt.IsZero() {
		s.emptyAt = w.now
	}
	return w.now.Sub(s.emptyAt) >= w.scaled(callEmpty)
}

// startEncoder begins to encode.
func (w *World) startEncoder(j *jibri) error {
	s := j.session
	output, err := w.openOutput(j)
	if err != nil {
		return err
	}
	w.pids++
	s.pid, s.Encoded, s.writtenAt = w.pids, w.now, w.now
	return j.tellEncoder(output, s.ticks)
}

// openOutput is where the encoder writes to: a stream, or a new file, FileSink.kt: <callName>_yyyy-MM-dd-HH-mm-ss.mp4 in a
// folder that bears the session's id.
func (w *World) openOutput(j *jibri) (output string, err error) {
	s := j.session
	if s.Stream {
		return streamURL, nil
	}
	s.folder = filepath.Join(j.Spool, s.ID)
	if err := os.Mkdir(s.folder, 0o755); err != nil { //nolint:gosec // as Jibri does
		return "", err
	}
	s.File = fmt.Sprintf("%s_%s.mp4", s.Room, w.now.UTC().Format("2006-01-02-15-04-05"))
	s.file, err = os.Create(filepath.Join(s.folder, s.File))
	return recordingsDirectory + s.ID + "/" + s.File, err
}

// encode writes what came since the last time.
func (w *World) encode(j *jibri) {
	s := j.session
	seconds := w.now.Sub(s.writtenAt).Seconds() * w.options.Factor
	n := int(seconds * float64(s.wish.BytesPerSecond))
	s.writtenAt = w.now
	if j.stalled || j.noMedia {
		return
	}
	if s.Stream {
		s.ticks += int64(seconds * ticksPerSecond)
		w.problem(j, j.tellEncoder(streamURL, s.ticks))
		return
	}
	media := []byte(strings.Repeat(s.ID+" ", n/(len(s.ID)+1)+1))
	if _, err := s.file.Write(media); err != nil {
		w.problem(j, err)
		return
	}
	s.sum = crc64.Update(s.sum, nvme, media)
	s.Bytes += int64(len(media))
	s.Checksum = base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, s.sum))
}

// stopEncoder ends the encoder, if there is one, for good.
func (w *World) stopEncoder(j *jibri, why string) {
	s := j.session
	if !s.ending && s.Cut == "" {
		s.Cut = why
	}
	if s.finalize != nil {
		_ = s.finalize.Process.Kill()
		s.killed = true
	}
	if s.file != nil {
		w.problem(j, s.file.Close())
		s.file = nil
	}
	if s.pid != 0 {
		w.problem(j, j.forgetEncoder(s.pid))
	}
}

// stopSession ends a session as Jibri does: the encoder, then its metadata, then the finalize program, for which it
// waits. A folder without media is deleted, and nothing is run.
func (w *World) stopSession(j *jibri) {
	s := j.session
	s.ending = true
	w.stopEncoder(j, "")
	if s.Bytes == 0 {
		if s.folder != "" {
			w.problem(j, os.RemoveAll(s.folder))
		}
		w.endSession(j)
		return
	}
	metadata, _ := json.Marshal(map[string]any{"meeting_url": "https://" + w.options.Domain + "/" + s.Room, "participants": []any{}}) // texts always encode
	w.problem(j, os.WriteFile(filepath.Join(s.folder, recording.MetadataFile), metadata, 0o644))                                      //nolint:gosec // as Jibri does
	if j.killNext {
		j.killNext = false
		w.endSession(j)
		return
	}
	w.runFinalize(j)
}

// runFinalize runs the finalize program once. Its exit status is of no interest to Jibri.
func (w *World) runFinalize(j *jibri) {
	s := j.session
	command := exec.Command(j.Finalize, s.folder) //nolint:noctx // it ends with its container, which stopEncoder ends
	command.Env = []string{"JIBRI_INSTANCE_ID=" + string(j.ID)}
	if err := command.Start(); err != nil {
		w.problem(j, err)
		w.endSession(j)
		return
	}
	s.finalize = command
	go func() {
		err := command.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		s.Finalized = err == nil && !s.killed
		if j.session == s && !s.cut {
			w.endSession(j)
		}
	}()
}

// endSession is when Jibri is done with its session.
func (w *World) endSession(j *jibri) {
	s := j.session
	s.Ended = w.now
	s.signal.sessionEnded(s)
	j.session = nil
	j.stalled, j.noMedia = false, false
	j.expired = j.expired || j.SingleUse
}

// Sessions are all recordings and streams that ever began, in the order in which somebody asked for them.
func (w *World) Sessions() []Session {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	all := make([]Session, len(w.history))
	for i, s := range w.history {
		all[i] = *s
	}
	return all
}

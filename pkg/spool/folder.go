package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// folder is a session's folder as it is on the disk.
type folder struct {
	there    bool
	files    []recording.File // all that is to be uploaded, by name
	media    []string         // those of them that Jibri did not write as metadata
	changed  time.Time        // when any of its files was last written
	oldest   time.Time        // of its files
	metadata json.RawMessage  // Jibri's; nil when there is none or it is no JSON
	manifest *recording.Recording
	bytes    int64
}

// inspect reads a session's folder. Links, pipes and folders in it are nobody's recording; names that begin with a dot
// are temporary.
func inspect(spool *os.Root, session string) (folder, error) {
	root, err := spool.OpenRoot(session)
	if errors.Is(err, os.ErrNotExist) {
		return folder{}, nil
	}
	if err != nil {
		return folder{}, err
	}
	defer func() { _ = root.Close() }()
	return read(root)
}

func read(root *os.Root) (folder, error) {
	f := folder{there: true}
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return f, err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(e.Name(), ".") {
			continue // gone since, or none of ours
		}
		f.note(info)
		if err := f.take(root, info); err != nil {
			return f, err
		}
	}
	if self, err := root.Stat("."); err == nil && f.changed.IsZero() {
		f.changed = self.ModTime() // an empty folder has only its own
	}
	return f, nil
}

func (f *folder) note(info fs.FileInfo) {
	f.bytes += info.Size()
	if info.ModTime().After(f.changed) {
		f.changed = info.ModTime()
	}
	if f.oldest.IsZero() || info.ModTime().Before(f.oldest) {
		f.oldest = info.ModTime()
	}
}

func (f *folder) take(root *os.Root, info fs.FileInfo) error {
	name := info.Name()
	if name == recording.ManifestFile {
		raw, err := root.ReadFile(name)
		if err != nil {
			return err
		}
		var manifest recording.Recording
		if json.Unmarshal(raw, &manifest) == nil {
			f.manifest = &manifest
		}
		return nil
	}
	f.files = append(f.files, recording.File{Name: name, Bytes: info.Size()})
	if name != recording.MetadataFile {
		f.media = append(f.media, name)
		return nil
	}
	f.metadata = metadata(root, info.Size())
	return nil
}

// maxMetadata is how much of Jibri's metadata travels in messages, in bytes: SQS takes 256 KiB in all, DynamoDB
// 400 KiB. A longer one is uploaded like any file, and left out of the message.
const maxMetadata = 100 << 10

func metadata(root *os.Root, size int64) json.RawMessage {
	if size > maxMetadata {
		return nil
	}
	raw, err := root.ReadFile(recording.MetadataFile)
	var compact bytes.Buffer
	if err != nil || json.Compact(&compact, raw) != nil {
		return nil
	}
	return compact.Bytes()
}

// stopped reports whether Jibri itself has stopped the session: only then it writes its metadata.
func (f folder) stopped() bool { return len(f.files) > len(f.media) }

// describe is the recording that a folder tells of, in state Started.
func (f folder) describe(c Config, session string) recording.Recording {
	r := recording.Recording{Session: session, Instance: c.Instance, Room: session, Start: f.oldest.UTC(), State: recording.Started, At: c.Now().UTC()}
	for _, name := range f.media {
		if room, start, ok := recording.ParseFileName(name); ok {
			r.Room, r.Start = room, start
			break // names of one room sort by their start
		}
	}
	r.ID = recording.ID(r.Instance, session, r.Room, r.Start)
	return r
}

// complete is a recording with all that is final once its session has ended.
func (f folder) complete(r recording.Recording, now time.Time) recording.Recording {
	r.Files = f.files
	r.Metadata = f.metadata
	if tenant, room, ok := recording.ParseMetadata(f.metadata); ok {
		r.Tenant, r.Room = tenant, room
	}
	r.End = f.changed.UTC()
	if f.manifest != nil {
		r.CutShort = f.manifest.CutShort
		if !f.manifest.End.IsZero() {
			r.End = f.manifest.End.UTC()
		}
	}
	if r.End.Before(r.Start) {
		r.End = r.Start // clocks of file names and of the disk may differ
	}
	r, _ = r.Advance(recording.Spooled, now, "")
	return r
}

// rename gives files names that can stand in messages and keys.
func rename(spool *os.Root, session string, files []recording.File) error {
	for i, f := range files {
		safe := recording.SafeName(f.Name)
		if safe == f.Name {
			continue
		}
		if err := spool.Rename(filepath.Join(session, f.Name), filepath.Join(session, safe)); err != nil {
			return err
		}
		files[i].Name = safe
	}
	return nil
}

func freeBytes(path string) (int64, error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(path, &disk); err != nil {
		return 0, err
	}
	return int64(disk.Bavail) * disk.Bsize, nil //nolint:gosec // no disk has 2^63 bytes
}

package elastic

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Spill is documents on disk that the server could not be given, oldest first. One process at a time may have a folder.
//
// Each batch is a file of its own, written whole before it gets its name, so that a crash leaves either all of it or
// nothing. It is not safe for use by several goroutines.
type Spill struct {
	folder string
	limit  int64
	files  []spilled // oldest first
	next   uint64    // number of the next file
}

// spilled is one file. Its name tells its number and how many documents it has.
type spilled struct {
	name      string
	documents int
	bytes     int64
}

const (
	suffix  = ".ndjson"
	partial = ".partial"
)

// OpenSpill opens a folder, which is made where it is missing, and finds what an earlier process left. At most limit
// bytes are kept in it.
func OpenSpill(folder string, limit int64) (*Spill, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("the folder for documents that wait cannot be made: %w", err)
	}
	entries, err := os.ReadDir(folder) // in the order of names, which is that of numbers
	if err != nil {
		return nil, fmt.Errorf("the folder for documents that wait cannot be read: %w", err)
	}
	s := &Spill{folder: folder, limit: limit}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), partial) {
			if err := os.Remove(filepath.Join(folder, entry.Name())); err != nil {
				return nil, fmt.Errorf("a file that was never finished cannot be removed: %w", err)
			}
			continue
		}
		number, count, ok := parseName(entry.Name())
		if !ok {
			continue // somebody else's
		}
		info, err := entry.Info()
		if err != nil {
			return nil, fmt.Errorf("a file of documents that wait cannot be read: %w", err)
		}
		s.files = append(s.files, spilled{entry.Name(), count, info.Size()})
		s.next = number + 1
	}
	return s, nil
}

// fileName has as many digits as every number needs, so that names sort as numbers do.
func fileName(number uint64, documents int) string {
	return fmt.Sprintf("%020d-%d%s", number, documents, suffix)
}

func parseName(name string) (number uint64, documents int, ok bool) {
	stem, found := strings.CutSuffix(name, suffix)
	first, second, parted := strings.Cut(stem, "-")
	number, err := strconv.ParseUint(first, 10, 64)
	documents, wrong := strconv.Atoi(second)
	if !found || !parted || err != nil || wrong != nil || documents < 1 || fileName(number, documents) != name {
		return 0, 0, false
	}
	return number, documents, true
}

// Waiting is how many documents wait, and in how many bytes.
func (s *Spill) Waiting() (documents int, bytes int64) {
	for _, f := range s.files {
		documents, bytes = documents+f.documents, bytes+f.bytes
	}
	return documents, bytes
}

// Add keeps documents as the newest batch. The oldest batches make room for it; dropped counts their documents, and the
// new ones where they alone are too many or the disk takes nothing.
func (s *Spill) Add(documents []Document) (dropped int, err error) {
	if len(documents) == 0 {
		return 0, nil
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	for _, d := range documents {
		if err := encoder.Encode(d); err != nil {
			return len(documents), fmt.Errorf("documents cannot be kept: %w", err)
		}
	}
	size := int64(text.Len())
	if size > s.limit {
		return len(documents), fmt.Errorf("documents cannot be kept: they have %d bytes, and %d is the limit", size, s.limit)
	}
	for _, held := s.Waiting(); held+size > s.limit; _, held = s.Waiting() {
		n := s.files[0].documents
		if err := s.removeOldest(); err != nil {
			return dropped + len(documents), err
		}
		dropped += n
	}
	name := fileName(s.next, len(documents))
	if err := write(filepath.Join(s.folder, name), text.Bytes()); err != nil {
		return dropped + len(documents), fmt.Errorf("documents cannot be kept: %w", err)
	}
	s.next++
	s.files = append(s.files, spilled{name, len(documents), size})
	return dropped, nil
}

// Oldest reads the oldest batch; none are left when it is empty. lost counts documents that could not be read, which
// a failing disk can cause.
func (s *Spill) Oldest() (documents []Document, lost int, err error) {
	if len(s.files) == 0 {
		return nil, 0, nil
	}
	oldest := s.files[0]
	raw, err := os.ReadFile(filepath.Join(s.folder, oldest.name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, oldest.documents, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("documents that wait cannot be read: %w", err)
	}
	documents = parse(raw)
	return documents, max(0, oldest.documents-len(documents)), nil
}

// parse reads those lines that can be read.
func parse(raw []byte) []Document {
	var documents []Document
	scanner := bufio.NewScanner(bytes.NewReader(raw))
	scanner.Buffer(nil, max(len(raw)+1, bufio.MaxScanTokenSize))
	for scanner.Scan() {
		var d Document
		if json.Unmarshal(scanner.Bytes(), &d) == nil && d.ID != "" && len(d.Body) > 0 && d.Body[0] == '{' {
			documents = append(documents, d)
		}
	}
	return documents
}

// Forget removes the oldest batch.
func (s *Spill) Forget() error { return s.removeOldest() }

func (s *Spill) removeOldest() error {
	err := os.Remove(filepath.Join(s.folder, s.files[0].name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("documents that need not wait any more cannot be removed: %w", err)
	}
	s.files = slices.Delete(s.files, 0, 1)
	return nil
}

// write makes a file whole or not at all.
func write(path string, text []byte) error {
	unfinished, err := os.OpenFile(path+partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = unfinished.Write(text)
	err = errors.Join(err, unfinished.Sync(), unfinished.Close())
	if err == nil {
		err = os.Rename(path+partial, path)
	}
	if err != nil {
		_ = os.Remove(path + partial) // a full disk leaves a part of it
	}
	return err
}

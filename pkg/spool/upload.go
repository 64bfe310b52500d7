package spool

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// slowest is the slowest upload that is waited for, in bytes a second; what is slower hangs, and is begun anew.
const slowest = 256 << 10

// begin begins an upload unless one failed a moment ago or as many as may are running.
func (s *Spool) begin(ctx context.Context, i *item) {
	if !i.upload.over(s.Now()) {
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		return
	}
	s.mu.Lock()
	i.working = true
	s.mu.Unlock()
	s.work.Go(func() {
		defer s.nudge()
		defer func() { <-s.slots }()
		err := s.transfer(ctx, i)
		s.finish(ctx, i, err)
	})
}

// finish ends the work at an item; only now may others change it again.
func (s *Spool) finish(ctx context.Context, i *item, err error) {
	if err != nil && ctx.Err() == nil {
		s.troubled(err.Error(), i.Recording.Session)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i.working = false
	if err != nil {
		i.upload.failed(s.Now(), s.Poll, s.Quiet)
		return
	}
	i.upload.succeeded()
}

// transfer brings an item one step on: first checksums and keys, which the queue is told before any byte travels, so
// that the catalogue can find what arrived even if this machine does not live to say so; then the files.
func (s *Spool) transfer(ctx context.Context, i *item) error {
	r := &i.Recording
	session, err := s.root.OpenRoot(r.Session)
	if err != nil {
		return fmt.Errorf("the upload of %s does not begin: %w", r.ID, err)
	}
	defer func() { _ = session.Close() }()
	if r.State == recording.Spooled || !i.prepared() {
		return s.prepare(ctx, i, session)
	}
	for n := range r.Files {
		if i.Confirmed[r.Files[n].Name] {
			continue
		}
		if err := s.file(ctx, i, n, session); err != nil {
			return fmt.Errorf("%s of %s is not in S3: %w", r.Files[n].Name, r.ID, err)
		}
	}
	s.mu.Lock()
	*r, _ = r.Advance(recording.Uploaded, s.Now(), "")
	s.uploaded++
	s.trouble = ""
	s.mu.Unlock()
	s.changed(i)
	return nil
}

// prepare computes what a file must be in S3, and where.
func (s *Spool) prepare(ctx context.Context, i *item, session *os.Root) error {
	files := slices.Clone(i.Recording.Files)
	for n, f := range files {
		if i.Confirmed[f.Name] || f.CRC64NVME != "" {
			continue
		}
		body, err := session.Open(f.Name)
		if err != nil {
			return fmt.Errorf("the upload of %s does not begin: %w", i.Recording.ID, err)
		}
		files[n].CRC64NVME, files[n].Bytes, err = Checksum(ctx, body)
		if err := errors.Join(err, body.Close()); err != nil {
			return fmt.Errorf("the upload of %s does not begin: %s is not read: %w", i.Recording.ID, f.Name, err)
		}
		files[n].Key = i.Recording.Key(f.Name)
	}
	s.mu.Lock()
	i.Recording.Files = files
	i.Recording, _ = i.Recording.Advance(recording.Uploading, s.Now(), "")
	s.mu.Unlock()
	s.changed(i)
	return nil
}

// file uploads one file and notes that S3 has confirmed it.
func (s *Spool) file(ctx context.Context, i *item, n int, session *os.Root) error {
	f := i.Recording.Files[n]
	body, err := session.Open(f.Name)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	began := s.Now()
	patience := 2*s.Quiet + time.Duration(f.Bytes/slowest)*time.Second
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	checksum, err := s.Store.Upload(limited, f, body)
	if err == nil && checksum != f.CRC64NVME {
		err = fmt.Errorf("S3 says the checksum %q, the disk said %q", checksum, f.CRC64NVME)
		s.mu.Lock()
		i.Recording.Files[n].CRC64NVME = "" // read the disk again
		s.mu.Unlock()
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	if i.Confirmed == nil {
		i.Confirmed = map[string]bool{}
	}
	i.Confirmed[f.Name] = true
	s.uploadedBytes += f.Bytes
	s.uploadTime += s.Now().Sub(began)
	s.mu.Unlock()
	s.keep(i)
	s.Log.Info("uploaded", "id", i.Recording.ID, "file", filepath.Base(f.Name), "bytes", f.Bytes, "key", f.Key, "took", s.Now().Sub(began).String())
	return nil
}

// nvme is the polynomial of CRC-64/NVME in Go's reversed form.
// https://reveng.sourceforge.io/crc-catalogue/all.htm#crc.cat.crc-64-nvme
var nvme = crc64.MakeTable(0x9a6c9329ac4bc9b5)

// Checksum reads all of a file and is its CRC-64/NVME as S3 writes it, with the number of bytes read.
func Checksum(ctx context.Context, body io.Reader) (checksum string, size int64, err error) {
	hash := crc64.New(nvme)
	size, err = io.Copy(hash, interruptible{ctx, body})
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, hash.Sum64())), size, err
}

// interruptible ends a long read when its context does.
type interruptible struct {
	ctx  context.Context //nolint:containedctx // a reader has no other way to hear of it
	body io.Reader
}

func (r interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.body.Read(p)
}

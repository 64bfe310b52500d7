package elastic

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Server is a cluster that takes documents; *Client is one.
type Server interface {
	Prepare(ctx context.Context) error
	Bulk(ctx context.Context, documents []Document) (Outcome, error)
}

// Sink gives documents to a server, and keeps on disk what the server does not take. It is not safe for use by several
// goroutines.
type Sink struct {
	server   Server
	spill    *Spill
	prepared bool
	counts   Counts
}

// Counts are of documents, since the sink was made.
type Counts struct {
	Kept    int64 // the server has them
	Refused int64 // the server will never take them
	Dropped int64 // they were given up for want of room on disk, or the disk lost them
}

// NewSink makes a sink.
func NewSink(server Server, spill *Spill) *Sink { return &Sink{server: server, spill: spill} }

// Counts is what became of all documents so far.
func (s *Sink) Counts() Counts { return s.counts }

// Waiting is how many documents wait on disk, and in how many bytes.
func (s *Sink) Waiting() (documents int, bytes int64) { return s.spill.Waiting() }

// tries is how often documents are sent before they go to disk, and firstPause the pause after the first try; each
// further pause is twice as long. Together the pauses are 3.5 s.
const (
	tries      = 4
	firstPause = 500 * time.Millisecond
)

// Put sends new documents, then those that wait, oldest first, until the context ends. The error says why some do not
// get through; none is lost by it, unless Counts says so.
func (s *Sink) Put(ctx context.Context, documents []Document) error {
	again, err := s.send(ctx, documents)
	if len(again) > 0 {
		dropped, wrong := s.spill.Add(again)
		s.counts.Dropped += int64(dropped)
		return errors.Join(err, wrong)
	}
	return errors.Join(err, s.catchUp(ctx))
}

// send sends documents until the server has taken or refused each, and returns those that it did not.
func (s *Sink) send(ctx context.Context, documents []Document) (again []Document, err error) {
	var refusal error
	pause := firstPause
	for try := 1; ; try++ {
		outcome, err := s.once(ctx, documents)
		if outcome.Refused > 0 && refusal == nil {
			refusal = fmt.Errorf("%d documents are refused for good: %s", outcome.Refused, outcome.Why)
		}
		documents = outcome.Again
		if len(documents) == 0 {
			return nil, errors.Join(refusal, err)
		}
		if err == nil {
			err = fmt.Errorf("%d documents are not taken now: %s", len(documents), outcome.Why)
		}
		if try == tries || !Passing(err) || !wait(ctx, pause) {
			return documents, errors.Join(refusal, err)
		}
		pause *= 2
	}
}

// once sends documents once, to a stream that is known to be there.
func (s *Sink) once(ctx context.Context, documents []Document) (Outcome, error) {
	if !s.prepared {
		if err := s.server.Prepare(ctx); err != nil {
			return Outcome{Again: documents}, err
		}
		s.prepared = true
	}
	outcome, err := s.server.Bulk(ctx, documents)
	s.counts.Kept += int64(outcome.Kept)
	s.counts.Refused += int64(outcome.Refused)
	// Who could not write may have lost the stream.
	s.prepared = len(outcome.Again) == 0
	return outcome, err
}

// catchUp sends what waits. A batch that is not taken whole stays whole: what the server has of it already, it knows by
// its id.
func (s *Sink) catchUp(ctx context.Context) error {
	var refusals error
	for ctx.Err() == nil {
		waiting, _ := s.spill.Waiting()
		if waiting == 0 {
			break
		}
		documents, lost, err := s.spill.Oldest()
		if err != nil {
			return errors.Join(refusals, err)
		}
		again, err := s.send(ctx, documents)
		if len(again) > 0 {
			return errors.Join(refusals, err)
		}
		refusals = errors.Join(refusals, err)
		if err := s.spill.Forget(); err != nil {
			return errors.Join(refusals, err)
		}
		s.counts.Dropped += int64(lost)
	}
	return refusals
}

// wait pauses; false when the context ended.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

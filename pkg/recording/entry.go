package recording

import (
	"fmt"
	"time"
)

// Entry is a recording in the catalogue.
type Entry struct {
	Recording
	// Version grows with every write; 0 is an entry that is not written yet.
	Version int64 `json:"version"`
	// Claimed is until when a run has the announcement of the end to itself; zero when none does.
	Claimed time.Time `json:"claimed,omitzero"`
	// OnTopic and OnBus say where the end was announced already.
	OnTopic bool `json:"onTopic,omitempty"`
	OnBus   bool `json:"onBus,omitempty"`
	// Gone is when its machine was first found gone while the recording was not in S3; zero when it is there.
	Gone time.Time `json:"gone,omitzero"`
}

// Settled reports whether nothing is left to do: it is catalogued or failed, and that was announced.
func (e Entry) Settled() bool { return e.State.Final() && e.OnTopic && e.OnBus }

// Ended reports whether its end, good or bad, is known and may be announced.
func (e Entry) Ended() bool { return e.State == Verified || e.State.Final() }

// Learn is the entry after a report, and whether the report was news. It never gives back a state.
func (e Entry) Learn(r Recording) (Entry, bool) {
	if e.Version == 0 {
		return Entry{Recording: r}, true
	}
	merged := Merge(e.Recording, r)
	if same(merged, e.Recording) {
		return e, false
	}
	healed := e.State == Failed && merged.State != Failed
	e.Recording = merged
	if healed {
		e = e.unannounced()
	}
	return e, true
}

// Advance is Recording.Advance for an entry. A failed one that is healed will be announced anew.
func (e Entry) Advance(to State, at time.Time, reason string) (Entry, bool) {
	next, advanced := e.Recording.Advance(to, at, reason)
	if advanced && e.State == Failed {
		e = e.unannounced()
	}
	e.Recording = next
	return e, advanced
}

func (e Entry) unannounced() Entry {
	e.Claimed, e.OnTopic, e.OnBus = time.Time{}, false, false
	return e
}

// Waits is for how long a recording that has ended waits to be catalogued; 0 while it is on, and once it is final.
func (e Entry) Waits(now time.Time) time.Duration {
	if e.State.Final() || e.State == Started {
		return 0
	}
	since := e.End
	if since.IsZero() {
		since = e.At
	}
	return max(0, now.Sub(since))
}

// Verifiable reports whether S3 can be asked for every file: each has its checksum and its key.
func (e Entry) Verifiable() bool {
	for _, f := range e.Files {
		if f.CRC64NVME == "" || f.Key == "" {
			return false
		}
	}
	return len(e.Files) > 0
}

// Object is what S3 says of one object.
type Object struct {
	Found     bool
	Bytes     int64
	CRC64NVME string // of the whole object, base64; empty when S3 has none
}

// Holds is nil when an object is the file; else what differs.
func (f File) Holds(o Object) error {
	switch {
	case !o.Found:
		return fmt.Errorf("%s is not in S3 at %s", f.Name, f.Key)
	case o.Bytes != f.Bytes:
		return fmt.Errorf("%s has %d bytes in S3 and had %d on the recorder's disk", f.Name, o.Bytes, f.Bytes)
	case o.CRC64NVME != f.CRC64NVME:
		return fmt.Errorf("%s has the checksum %q in S3 and had %q on the recorder's disk", f.Name, o.CRC64NVME, f.CRC64NVME)
	}
	return nil
}

package recording

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// depths orders the states. Failed outranks everything that a recorder says and nothing that S3 has proven: a
// recording that was given up and then turns out to be in S3, whole, has arrived.
var depths = map[State]int{
	Started: 1, Stopped: 2, Spooled: 3, Uploading: 4, Uploaded: 5, Failed: 6, Verified: 7, Catalogued: 8,
}

// Known reports whether it is one of the states.
func (s State) Known() bool { return depths[s] > 0 }

// Reached reports whether a recording in this state has come at least as far as another; a failed one has reached
// nothing but failure.
func (s State) Reached(other State) bool {
	if s == Failed || other == Failed {
		return s == other
	}
	return depths[s] >= depths[other] && depths[s] > 0
}

// Final reports whether nothing more is expected: the recording is in the catalogue, or will not come.
func (s State) Final() bool { return s == Catalogued || s == Failed }

// Advance is the recording in a later state, and whether it advanced. A state that is not later changes nothing, so
// that a doubled or late report is harmless. Failed ends a life but for one case: Verified, which only proof
// from S3 gives, heals it. The reason is kept for Failed and left out else.
func (r Recording) Advance(to State, at time.Time, reason string) (Recording, bool) {
	if depths[to] <= depths[r.State] {
		return r, false
	}
	if r.State == Failed && to != Verified {
		return r, false
	}
	r.State, r.At, r.Reason = to, at.UTC(), ""
	if to == Failed {
		r.Reason = cmp.Or(reason, "no reason was given")
	}
	return r, true
}

// Merge is what two views of one recording say together, whichever came first: the further state with the moment that
// it first began, and every fact that either knows. It is commutative, associative and idempotent.
func Merge(a, b Recording) Recording {
	m := a
	if before(a, b) {
		m = b
	}
	m.ID = max(a.ID, b.ID)
	m.Session = max(a.Session, b.Session)
	m.Instance = max(a.Instance, b.Instance)
	m.Tenant = longer(a.Tenant, b.Tenant)
	m.Room = longer(a.Room, b.Room)
	m.CutShort = longer(a.CutShort, b.CutShort)
	m.Start = earlier(a.Start, b.Start)
	m.End = a.End
	if b.End.After(a.End) {
		m.End = b.End
	}
	m.Metadata = json.RawMessage(longer(string(a.Metadata), string(b.Metadata)))
	if len(m.Metadata) == 0 {
		m.Metadata = nil
	}
	m.Files = mergeFiles(a.Files, b.Files)
	return m
}

// before reports whether b says more of the state than a: it is further, or says the same with an earlier moment.
func before(a, b Recording) bool {
	return cmp.Or(
		cmp.Compare(depths[a.State], depths[b.State]),
		b.At.Compare(a.At),
		cmp.Compare(a.Reason, b.Reason),
	) < 0
}

func longer(a, b string) string {
	if cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) >= 0 {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// mergeFiles joins two lists by name, in the order of the names.
func mergeFiles(a, b []File) []File {
	byName := map[string]File{}
	for _, f := range slices.Concat(a, b) {
		known := byName[f.Name]
		f.Bytes = max(f.Bytes, known.Bytes)
		f.CRC64NVME = max(f.CRC64NVME, known.CRC64NVME)
		f.Key = max(f.Key, known.Key)
		byName[f.Name] = f
	}
	if len(byName) == 0 {
		return nil
	}
	files := make([]File, 0, len(byName))
	for _, f := range byName {
		files = append(files, f)
	}
	slices.SortFunc(files, func(x, y File) int { return strings.Compare(x.Name, y.Name) })
	return files
}

// Bytes is the size of all its files.
func (r Recording) Bytes() int64 {
	var sum int64
	for _, f := range r.Files {
		sum += f.Bytes
	}
	return sum
}

// same compares two recordings by what they say.
func same(a, b Recording) bool {
	return a.ID == b.ID && a.Session == b.Session && a.Instance == b.Instance && a.Tenant == b.Tenant && a.Room == b.Room &&
		a.Start.Equal(b.Start) && a.End.Equal(b.End) && slices.Equal(a.Files, b.Files) && slices.Equal(a.Metadata, b.Metadata) &&
		a.State == b.State && a.At.Equal(b.At) && a.CutShort == b.CutShort && a.Reason == b.Reason
}

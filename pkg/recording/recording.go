// Package recording is the life of one recording, from the start of its session to the catalogue: its states, the
// manifest that travels with it, and its place in the bucket.
//
// It is pure: it knows no files, no AWS and no clock. The same values stand in the recorder's spool, in the messages
// on the queue and in the catalogue.
package recording

import (
	"encoding/json"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// State is how far a recording has come. A state only ever advances; see Recording.Advance.
type State string

// The states, in the order of a life. Failed can follow each before Verified; see Advance.
const (
	Started    State = "started"    // its session is on
	Stopped    State = "stopped"    // its session has ended
	Spooled    State = "spooled"    // its manifest is written: file and figures are final
	Uploading  State = "uploading"  // parts of it are in S3
	Uploaded   State = "uploaded"   // S3 has confirmed every file; announced on the queue
	Verified   State = "verified"   // size and checksum in S3 are those of the recorder's disk
	Catalogued State = "catalogued" // stands in the catalogue and was announced
	Failed     State = "failed"     // will not come; Reason says why
)

// Recording is one recording: the manifest in the spool, the message on the queue and the catalogue's entry.
type Recording struct {
	// ID is unique in the fleet and sorts by start: "20261122T090312Z-<room>-<digest>"; see the function ID.
	ID string `json:"id"`
	// Session is the name of Jibri's directory of it.
	Session  string           `json:"session"`
	Instance fleet.InstanceID `json:"instance"`
	Tenant   string           `json:"tenant,omitempty"`
	Room     string           `json:"room"`
	Start    time.Time        `json:"start"`
	End      time.Time        `json:"end,omitzero"`
	Files    []File           `json:"files,omitempty"`
	// Metadata is Jibri's own metadata.json; absent after a crash.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	State    State           `json:"state"`
	// At is when State began.
	At time.Time `json:"at"`
	// CutShort says in words why the recording ended before its session did; empty when it did not.
	CutShort string `json:"cutShort,omitempty"`
	// Reason says why it failed; empty unless State is Failed.
	Reason string `json:"reason,omitempty"`
}

// File is one file of a recording.
type File struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	// CRC64NVME is the checksum of the whole file as S3 writes it: base64 of 8 big-endian bytes; empty before it was
	// computed. https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
	CRC64NVME string `json:"crc64nvme,omitempty"`
	Key       string `json:"key,omitempty"` // in the bucket
}

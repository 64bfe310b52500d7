package fleet

import "time"

// JibriLoad is what a recorder does, in its agent's judgement: Jibri's own health, the encoder's progress and the
// recordings on its disk, put together.
type JibriLoad struct {
	Activity Activity `json:"activity"`
	// ActivitySeconds is how long it has been at that, by the agent's own clock.
	ActivitySeconds float64 `json:"activitySeconds"`
	// Overdue is true when the activity has lasted longer than its limit.
	Overdue bool `json:"overdue,omitempty"`
	// Free is true when a recording can start here now: admitted, idle, healthy, joined to the shards, with room on
	// the disk, and with nothing that its views of itself disagree about.
	Free bool `json:"free"`
	// Session is the recording that is on; empty when none is.
	Session string `json:"session,omitempty"`
	// StalledSeconds is for how long the encoder has made no progress while it should.
	StalledSeconds float64 `json:"stalledSeconds,omitempty"`
	// Shards is how many shards' Prosodies it is connected to, of ShardsWanted.
	Shards       int `json:"shards"`
	ShardsWanted int `json:"shardsWanted"`
	// Restarts is how often the agent has restarted its container since it last was well.
	Restarts int `json:"restarts,omitempty"`
	// Starts is how many recordings and streams have begun here since the agent's first start; it never falls.
	Starts int64     `json:"starts"`
	Spool  SpoolLoad `json:"spool"`
}

// Activity is what a recorder is at.
type Activity string

// The activities of a recorder. Jibri itself says only IDLE, BUSY and EXPIRED; the rest follows from its encoder.
const (
	ActivityOff        Activity = "off"        // its container does not run: not admitted yet, or retired
	ActivityIdle       Activity = "idle"       // waits for a recording
	ActivityJoining    Activity = "joining"    // busy, and nothing is encoded yet: its browser joins the room
	ActivityRecording  Activity = "recording"  // encodes into a file
	ActivityStreaming  Activity = "streaming"  // encodes to a streaming service
	ActivityFinalizing Activity = "finalizing" // busy still, and nothing is encoded any more
	ActivityExpired    Activity = "expired"    // will take no further recording until its container is restarted
	ActivityLost       Activity = "lost"       // its container runs, and Jibri does not answer
)

// Busy reports whether a recorder at this activity may carry somebody's recording or stream.
func (a Activity) Busy() bool {
	switch a {
	case ActivityJoining, ActivityRecording, ActivityStreaming, ActivityFinalizing:
		return true
	default:
		return false
	}
}

// For is how long the recorder has been at its activity.
func (j JibriLoad) For() time.Duration {
	return time.Duration(j.ActivitySeconds * float64(time.Second))
}

// SpoolLoad is the recordings that are on a recorder's disk and not proven to be in S3.
type SpoolLoad struct {
	// Recordings is their number, those that are being written or that nobody has finalized included.
	Recordings int   `json:"recordings"`
	Bytes      int64 `json:"bytes"`
	// OldestSeconds is for how long the oldest finished one waits.
	OldestSeconds float64 `json:"oldestSeconds,omitempty"`
	// Trouble is why the last upload failed; empty after one that did not.
	Trouble string `json:"trouble,omitempty"`
	// Uploaded and UploadedBytes are counted since the agent's start; UploadMillis is the time that they took.
	Uploaded      int64 `json:"uploaded"`
	UploadedBytes int64 `json:"uploadedBytes"`
	UploadMillis  int64 `json:"uploadMillis"`
	// FreeBytes is what the disk has left, and Floor what it must have for a recorder to be free.
	FreeBytes int64 `json:"freeBytes"`
	Floor     int64 `json:"floor"`
}

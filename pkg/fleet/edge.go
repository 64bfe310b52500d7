package fleet

// EdgeLoad is one HAProxy node's load and its view of the shards, as its own runtime API tells them.
type EdgeLoad struct {
	// Open is true when the node tells the load balancer to send it clients. HAProxy tells it only while at least
	// one shard is up, too.
	Open bool `json:"open"`
	// Synced is true once the node has learnt the other nodes' rooms; false on a first node, which has none to ask.
	Synced      bool  `json:"synced"`
	Connections int64 `json:"connections"` // clients' connections now, on all of the node's ports
	RequestRate int64 `json:"requestRate"` // clients' requests in the last second
	// Configuration names the configuration that the running HAProxy has; all slots have the same one, and one whose
	// name differs for long lags behind. Empty before the first.
	Configuration string `json:"configuration,omitempty"`

	// Errors and Redispatches are counted since the HAProxy process started: connections to shards and their answers that
	// failed, and requests that went to another shard than theirs.
	Errors       int64 `json:"errors"`
	Redispatches int64 `json:"redispatches"`

	Rooms     int64 `json:"rooms"`     // in the stick table
	TableSize int64 `json:"tableSize"` // how many it holds
	// Shards is the node's view of each shard by its name.
	Shards map[string]ServerView `json:"shards,omitempty"`
}

// ServerView is one shard as a HAProxy node sees it.
type ServerView struct {
	ID    int         `json:"id"` // HAProxy server id
	State ServerState `json:"state"`
	// Heard is true when the shard's agent has answered this HAProxy process at its last check.
	Heard    bool  `json:"heard"`
	Sessions int64 `json:"sessions"` // requests and WebSockets that it serves now
}

// ServerState is how a HAProxy node uses a shard.
type ServerState string

// The states of a shard at a HAProxy node.
const (
	ServerReady       ServerState = "ready"       // gets new rooms
	ServerDrain       ServerState = "drain"       // keeps its rooms
	ServerMaintenance ServerState = "maintenance" // gets nothing; every server is so until its agent has answered
	ServerDown        ServerState = "down"        // gets nothing: its health check or its agent says that it fails
)

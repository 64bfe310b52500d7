package collector

import "time"

// ecsVersion is the release of the Elastic Common Schema whose field names are used.
const ecsVersion = "8.17"

// Document is one document. The tag es is the field's type in the mapping, meaning its line in the reference. A section
// that is nil is not written; a figure in one that is there is written, zero or not, unless it is a pointer.
type Document struct {
	Timestamp time.Time `json:"@timestamp" es:"date" meaning:"when the round began; the same in all documents of a round"`
	ECS       struct {
		Version string `json:"version" es:"keyword" meaning:"the schema's release"`
	} `json:"ecs"`
	Event   Event   `json:"event"`
	Service Service `json:"service"`
	Host    *Host   `json:"host,omitempty"`
	Server  *Server `json:"server,omitempty"`
	Error   *Error  `json:"error,omitempty"`
	Jitsi   Jitsi   `json:"jitsi"`
}

// Event says what the document is.
type Event struct {
	Kind     string `json:"kind" es:"keyword" meaning:"\"metric\""`
	Module   string `json:"module" es:"keyword" meaning:"\"jitsi_fleet\""`
	Dataset  string `json:"dataset" es:"keyword" meaning:"\"jitsi_fleet.node\", \"jitsi_fleet.shard\" or \"jitsi_fleet.fleet\""`
	Outcome  string `json:"outcome,omitempty" es:"keyword" meaning:"of a node: \"success\", or \"failure\" when it did not answer"`
	Duration int64  `json:"duration,omitempty" es:"long" meaning:"of a node: nanoseconds that the question took"`
}

// Service is the installation and its process.
type Service struct {
	Name    string       `json:"name" es:"keyword" meaning:"the fleet's name"`
	Type    string       `json:"type,omitempty" es:"keyword" meaning:"of a node: how it was asked: \"agent\", \"jvb\", \"jicofo\", \"prosody\", \"jibri\" or \"haproxy\""`
	Version string       `json:"version,omitempty" es:"keyword" meaning:"of a node: the component's version, where it tells"`
	State   string       `json:"state,omitempty" es:"keyword" meaning:"of a node: its phase: starting, standby, serving, draining, retiring, gone or sick"`
	Node    *ServiceNode `json:"node,omitempty"`
}

// ServiceNode names the node.
type ServiceNode struct {
	Name string `json:"name" es:"keyword" meaning:"of a node: its name; with an agent its instance id"`
}

// Host is the machine, which only agents tell of.
type Host struct {
	CPU struct {
		Usage float64 `json:"usage" es:"float" meaning:"processor time in use, 0 to 1"`
	} `json:"cpu"`
}

// Server is where the node was asked.
type Server struct {
	Address string `json:"address" es:"keyword" meaning:"of a node: where it was asked"`
}

// Error is why a node did not answer.
type Error struct {
	Message string `json:"message" es:"keyword" meaning:"of a node: why it did not answer"`
}

// Jitsi is what no common schema has.
type Jitsi struct {
	Role      string             `json:"role,omitempty" es:"keyword" meaning:"of a node: bridge, signal, jibri or edge"`
	Shard     string             `json:"shard,omitempty" es:"keyword" meaning:"of a node or a shard: the shard's name"`
	Detail    string             `json:"detail,omitempty" es:"keyword" meaning:"of a node: what keeps it from being healthy, in words"`
	Age       *float64           `json:"age_seconds,omitempty" es:"float" meaning:"of a node: age of the figures when it answered"`
	Machine   *Machine           `json:"machine,omitempty"`
	Bridge    *Bridge            `json:"bridge,omitempty"`
	Signal    *Signal            `json:"signal,omitempty"`
	Census    *Census            `json:"census,omitempty"`
	Recorder  *Recorder          `json:"recorder,omitempty"`
	Edge      *Edge              `json:"edge,omitempty"`
	Metrics   map[string]float64 `json:"metrics,omitempty"`
	Total     map[string]float64 `json:"total,omitempty"`
	Collector *Itself            `json:"collector,omitempty"`
}

// Machine is the machine's load beside its processors'.
type Machine struct {
	Memory  float64 `json:"memory" es:"float" meaning:"memory in use, 0 to 1"`
	Disk    float64 `json:"disk" es:"float" meaning:"root volume in use, 0 to 1"`
	IO      float64 `json:"io" es:"float" meaning:"time in which the busiest disk was at work, 0 to 1"`
	Receive float64 `json:"receive_bytes_per_second" es:"float" meaning:"network, to the machine"`
	Send    float64 `json:"send_bytes_per_second" es:"float" meaning:"network, from the machine"`
}

// Bridge is a videobridge.
type Bridge struct {
	Stress            float64 `json:"stress" es:"float" meaning:"load divided by JVB's load threshold; may exceed 1"`
	Conferences       int64   `json:"conferences" es:"long" meaning:"conferences on the bridge"`
	Endpoints         int64   `json:"endpoints" es:"long" meaning:"endpoints, with those seen through relays"`
	LocalEndpoints    int64   `json:"local_endpoints" es:"long" meaning:"endpoints terminated here"`
	LargestConference int64   `json:"largest_conference" es:"long" meaning:"endpoints of the largest conference"`
	Draining          bool    `json:"draining" es:"boolean" meaning:"in drain mode or in graceful shutdown"`
	ReceiveKilobits   int64   `json:"receive_kilobits" es:"long" meaning:"kilobits a second from endpoints"`
	SendKilobits      int64   `json:"send_kilobits" es:"long" meaning:"kilobits a second to endpoints"`
	ReceivePackets    int64   `json:"receive_packets" es:"long" meaning:"packets a second from endpoints"`
	SendPackets       int64   `json:"send_packets" es:"long" meaning:"packets a second to endpoints"`
	Loss              float64 `json:"loss" es:"float" meaning:"packets lost, 0 to 1"`
	RoundTripMillis   float64 `json:"round_trip_millis" es:"float" meaning:"mean round trip to endpoints"`
	ICEFailedTotal    int64   `json:"ice_failed_total" es:"long" meaning:"connections that never came about, since the bridge's start"`
}

// Signal is a shard's Jicofo.
type Signal struct {
	Conferences        int64 `json:"conferences" es:"long" meaning:"conferences of the shard"`
	Participants       int64 `json:"participants" es:"long" meaning:"participants of the shard"`
	LargestConference  int64 `json:"largest_conference" es:"long" meaning:"participants of the largest conference"`
	Bridges            int64 `json:"bridges" es:"long" meaning:"bridges in the brewery"`
	BridgesOperational int64 `json:"bridges_operational" es:"long" meaning:"of those, operational in Jicofo's judgement"`
	LostBridges        int64 `json:"lost_bridges_total" es:"long" meaning:"bridges lost since Jicofo's start"`
	ParticipantsMoved  int64 `json:"participants_moved_total" es:"long" meaning:"participants moved off failed bridges since Jicofo's start"`
	JibrisSeen         int64 `json:"recorders_seen" es:"long" meaning:"recorders in the brewery"`
	JibrisAvailable    int64 `json:"recorders_available" es:"long" meaning:"of those, available"`
}

// Census is a Prosody's rooms.
type Census struct {
	Rooms        int64 `json:"rooms" es:"long" meaning:"rooms with anybody in them, by Prosody"`
	Participants int64 `json:"participants" es:"long" meaning:"participants of all rooms, by Prosody"`
	Largest      int64 `json:"largest_room" es:"long" meaning:"participants of the largest room, by Prosody"`
}

// Recorder is a Jibri.
type Recorder struct {
	Activity string `json:"activity" es:"keyword" meaning:"with an agent off, idle, joining, recording, streaming, finalizing, expired or lost; of a plain Jibri idle, busy or expired"`
	Free     bool   `json:"free" es:"boolean" meaning:"a recording can start here now"`
	Session  string `json:"session,omitempty" es:"keyword" meaning:"the recording that is on; of a plain Jibri its XMPP environment"`
	// Spool is nil of a plain Jibri.
	Spool *Spool `json:"spool,omitempty"`
}

// Spool is the recordings on a recorder's disk.
type Spool struct {
	Recordings    int     `json:"recordings" es:"long" meaning:"recordings on disk that are not proven to be in S3"`
	Bytes         int64   `json:"bytes" es:"long" meaning:"their size"`
	OldestSeconds float64 `json:"oldest_seconds" es:"float" meaning:"for how long the oldest finished one waits"`
	Trouble       string  `json:"trouble,omitempty" es:"keyword" meaning:"why the last upload failed"`
	FreeBytes     int64   `json:"free_bytes" es:"long" meaning:"what the disk has left"`
}

// Edge is a HAProxy.
type Edge struct {
	Connections *int64 `json:"connections,omitempty" es:"long" meaning:"clients' connections; not told by the statistics page"`
	RequestRate int64  `json:"request_rate" es:"long" meaning:"clients' requests in the last second"`
	Sessions    int64  `json:"sessions" es:"long" meaning:"requests and WebSockets that the servers serve"`
	ServersUp   int64  `json:"servers_up" es:"long" meaning:"servers that serve, those that drain included; with an agent, shards"`
	Servers     int64  `json:"servers" es:"long" meaning:"servers; with an agent, shards"`
	Rooms       *int64 `json:"rooms,omitempty" es:"long" meaning:"rooms in the stick table; only an agent tells"`
}

// Itself is the collector.
type Itself struct {
	IntervalSeconds float64 `json:"interval_seconds" es:"float" meaning:"of the fleet: time between two rounds"`
	Nodes           int     `json:"nodes" es:"long" meaning:"of the fleet: nodes that were asked"`
	NodesSilent     int     `json:"nodes_silent" es:"long" meaning:"of the fleet: of those, nodes that did not answer"`
	Kept            int64   `json:"kept_total" es:"long" meaning:"of the fleet: documents stored since the collector's start"`
	Refused         int64   `json:"refused_total" es:"long" meaning:"of the fleet: documents that the cluster refused for good, since the start"`
	Dropped         int64   `json:"dropped_total" es:"long" meaning:"of the fleet: documents given up for want of room on disk, since the start"`
	Waiting         int     `json:"waiting" es:"long" meaning:"of the fleet: documents that waited on disk when the round began"`
	WaitingBytes    int64   `json:"waiting_bytes" es:"long" meaning:"of the fleet: their size"`
}

package fleet

import (
	"errors"
	"time"
)

// Phase is where a node is between boot and end, in the node agent's judgement.
type Phase string

// The phases of a node, in the order of a life.
const (
	PhaseStarting Phase = "starting" // the component does not answer healthily yet
	PhaseStandby  Phase = "standby"  // healthy and joined, waits to be admitted; takes no work
	PhaseServing  Phase = "serving"  // admitted, takes work
	PhaseDraining Phase = "draining" // keeps what it has, gets nothing new; reversible
	PhaseRetiring Phase = "retiring" // told to shut down; not reversible
	PhaseGone     Phase = "gone"     // the component's process is not there
	PhaseSick     Phase = "sick"     // was healthy once; now unhealthy or not answering, process still there
)

// Status is the one JSON document that a node agent answers to GET /status.
type Status struct {
	Instance InstanceID `json:"instance"`
	Role     Role       `json:"role"`
	Shard    string     `json:"shard,omitempty"`
	// Sequence grows with each change that is worth a wake-up; it starts anew with the agent.
	Sequence uint64 `json:"sequence"`
	Phase    Phase  `json:"phase"`
	// PhaseSeconds is how long the node has been in Phase, by the agent's own clock.
	PhaseSeconds float64 `json:"phaseSeconds"`
	// AgeSeconds is how old the component's figures are. The agent computes it, so clocks need not agree.
	AgeSeconds float64 `json:"ageSeconds"`
	Admitted   bool    `json:"admitted"`
	// Detail says in words what keeps the node from being healthy; empty when nothing does.
	Detail string `json:"detail,omitempty"`
	// Version is the component's own version; empty until it has told.
	Version string      `json:"version,omitempty"`
	Bridge  *BridgeLoad `json:"bridge,omitempty"`
	Signal  *SignalLoad `json:"signal,omitempty"`
	Edge    *EdgeLoad   `json:"edge,omitempty"`
	Jibri   *JibriLoad  `json:"jibri,omitempty"`
	Host    HostLoad    `json:"host"`
}

// Age is how old the component's figures were when the agent answered.
func (s Status) Age() time.Duration { return time.Duration(s.AgeSeconds * float64(time.Second)) }

// PhaseFor is how long the node has been in its phase.
func (s Status) PhaseFor() time.Duration { return time.Duration(s.PhaseSeconds * float64(time.Second)) }

// BridgeLoad is a videobridge's load, from JVB's /colibri/stats (reference: VideobridgeStatisticsShim.kt).
type BridgeLoad struct {
	Stress             float64 `json:"stress"` // load divided by JVB's load threshold; may exceed 1
	Conferences        int64   `json:"conferences"`
	Endpoints          int64   `json:"endpoints"`      // with those seen through relays
	LocalEndpoints     int64   `json:"localEndpoints"` // terminated here: what a drain waits for
	LargestConference  int64   `json:"largestConference"`
	Drain              bool    `json:"drain"`
	GracefulShutdown   bool    `json:"gracefulShutdown"`
	ShuttingDown       bool    `json:"shuttingDown"`
	JoinedMUCs         int64   `json:"joinedMucs"`
	ReceiveKilobits    int64   `json:"receiveKilobits"` // per second, from endpoints
	SendKilobits       int64   `json:"sendKilobits"`    // per second, to endpoints
	Loss               float64 `json:"loss"`            // fraction 0..1
	RoundTripMillis    float64 `json:"roundTripMillis"`
	ICEFailedTotal     int64   `json:"iceFailedTotal"`
	ParticipantStress  float64 `json:"participantStress"` // JVB's average_participant_stress
	PacketRateDownload int64   `json:"packetRateDownload"`
	PacketRateUpload   int64   `json:"packetRateUpload"`
}

// SignalLoad is a shard's load as its Jicofo counts it (/stats, and /debug for the view of each bridge).
type SignalLoad struct {
	// State is the shard's state as this node follows it; drain until it has heard of one.
	State ShardState `json:"state"`
	// Said is the node's present answer to HAProxy's agent-check, such as "up ready"; empty before it has one.
	Said              string `json:"said,omitempty"`
	Conferences       int64  `json:"conferences"`
	Participants      int64  `json:"participants"`
	LargestConference int64  `json:"largestConference"`
	Bridges           int64  `json:"bridges"`            // in the brewery
	BridgesOK         int64  `json:"bridgesOperational"` // of those, operational in Jicofo's judgement
	LostBridges       int64  `json:"lostBridges"`        // counter since Jicofo started
	ParticipantsMoved int64  `json:"participantsMoved"`  // counter since Jicofo started
	JibrisAvailable   int64  `json:"jibrisAvailable"`
	JibrisSeen        int64  `json:"jibrisSeen"`
	// BridgeViews is Jicofo's judgement of each bridge by its brewery nickname, which is the instance id.
	BridgeViews map[InstanceID]BridgeView `json:"bridgeViews,omitempty"`
	// JibriViews is Jicofo's view of each recorder in its brewery by nickname, which is the instance id; nil when
	// Jicofo did not tell.
	JibriViews map[InstanceID]JibriView `json:"jibriViews"`
}

// BridgeView is one bridge as its shard's Jicofo sees it.
type BridgeView struct {
	Operational bool  `json:"operational"`
	Drain       bool  `json:"drain"`
	Endpoints   int64 `json:"endpoints"`
}

// JibriView is one recorder as a shard's Jicofo sees it (/debug, jibri_detector).
type JibriView struct {
	Healthy   bool `json:"healthy"`
	Idle      bool `json:"idle"`
	Available bool `json:"available"` // Jicofo would choose it now
}

// HostLoad is the machine's own load. Fractions are 0..1.
type HostLoad struct {
	CPU            float64 `json:"cpu"`
	Memory         float64 `json:"memory"`
	Disk           float64 `json:"disk"` // used share of the root volume
	IO             float64 `json:"io"`   // share of time in which the busiest disk was at work
	ReceiveBytesPS float64 `json:"receiveBytesPerSecond"`
	SendBytesPS    float64 `json:"sendBytesPerSecond"`
}

// Verb is an order that a node agent obeys.
type Verb string

// The verbs. Each may be repeated without harm.
const (
	VerbAdmit   Verb = "admit"       // begin to take work
	VerbDrain   Verb = "drain"       // take nothing new
	VerbUndrain Verb = "undrain"     // take work again
	VerbRetire  Verb = "retire"      // shut down when empty; not reversible
	VerbMove    Verb = "move"        // shut down now and let Jicofo move the participants; not reversible
	VerbForget  Verb = "forget-room" // on an edge node: forget where the room with Order.Key lives
	VerbPlace   Verb = "place-room"  // on an edge node: the room with Order.Key lives on the shard Order.ShardID
)

// ErrOccupied is why a node refuses to retire on which somebody is: who came since it was found empty stays, and the next
// run decides anew.
var ErrOccupied = errors.New("somebody is on it")

// Order is the body of POST /<verb>.
type Order struct {
	// Instance is whom the order is for. An address can have gone to another instance since it was looked up: an
	// agent refuses an order for another. Empty is for whoever gets it.
	Instance InstanceID `json:"instance,omitempty"`
	// Loop is the control loop that gives the order, "bridges", "lifecycle" or "shards".
	Loop string `json:"loop"`
	// Fence is the fencing counter of the lease under which the order was given. An agent refuses an order
	// with a lower counter than the highest it has seen from the same loop, so that a delayed run cannot undo
	// a newer one.
	Fence uint64 `json:"fence"`
	// Reserve, with admit, is for a bridge that shall wait in drain until it is taken back.
	Reserve bool `json:"reserve,omitempty"`
	// Key and ShardID are the room and the shard's HAProxy server id, for forget-room and place-room.
	Key     string `json:"key,omitempty"`
	ShardID int    `json:"shardId,omitempty"`
	// Reason is written to the node's log.
	Reason string `json:"reason"`
}

// BridgeView is Jicofo's judgement of one bridge, when the status is a signal node's and lists it.
func (s Status) BridgeView(id InstanceID) (BridgeView, bool) {
	if s.Signal == nil {
		return BridgeView{}, false
	}
	v, ok := s.Signal.BridgeViews[id]
	return v, ok
}

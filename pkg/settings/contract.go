package settings

import "time"

// Ports inside the VPC. None is open to the world; the load balancer listens on 443 and bridges on 10000/udp.
const (
	AgentPort   = 7070  // the node agent's HTTP API
	CheckPort   = 7071  // the agent's answers to HAProxy's agent-check
	EdgePort    = 8080  // HAProxy, from the load balancer, with PROXY protocol v2
	StatsPort   = 8404  // HAProxy's statistics and Prometheus endpoint
	PeersPort   = 10000 // HAProxy's stick table replication
	WebPort     = 8000  // a signal node's web server
	XMPPPort    = 5222  // a signal node's Prosody, for bridges and recorders
	JicofoPort  = 8888  // Jicofo's REST API, on loopback
	BridgePort  = 8080  // JVB's REST API, on loopback
	ProsodyPort = 5280  // Prosody's HTTP modules, on the signal node
	JibriPort   = 2222  // Jibri's health API, on loopback
	RetirePort  = 3333  // Jibri's API that shuts it down, on loopback
	MediaPort   = 10000 // JVB's media, UDP, open to the world
)

// Names that are agreed between stacks, Lambdas and nodes.

// ZoneName is the fleet's private DNS zone.
func ZoneName(fleet string) string { return fleet + ".internal" }

// SignalName is the one name of a shard's signal node in the private zone, moved at admission.
func SignalName(fleet, shard string) string { return shard + "." + ZoneName(fleet) }

// ShardParameters is the beginning of every shard's parameter.
func ShardParameters(fleet string) string { return "/" + fleet + "/shard/" }

// ShardParameter is the SSM parameter with a shard's state: ready, drain or maintenance.
func ShardParameter(fleet, shard string) string { return ShardParameters(fleet) + shard }

// EdgeParameter is the SSM parameter that says where the HAProxy slots' configurations are: "s3://bucket/key" of a zip
// archive with one file for each slot, EdgeFile.
func EdgeParameter(fleet string) string { return "/" + fleet + "/edge/configuration" }

// EdgeFile is the name of a slot's configuration in the archive.
func EdgeFile(slot string) string { return slot + ".cfg" }

// RuntimeParameter is the SSM parameter with the operator's run-time overrides.
func RuntimeParameter(fleet string) string { return "/" + fleet + "/runtime" }

// Control is the part of the env contract that all Lambdas of the control plane share.
type Control struct {
	Fleet          string        `env:"FLEET"`
	AgentSecretARN string        `env:"AGENT_SECRET_ARN"` // Secrets Manager: what signs orders to agents
	AgentTimeout   time.Duration `env:"AGENT_TIMEOUT"`
	StaleAfter     time.Duration `env:"STALE_AFTER"`
}

// MetricsEnv is the env contract of the Lambda metrics.
type MetricsEnv struct {
	Control
	Target float64 `env:"BRIDGE_TARGET"`
	Spare  float64 `env:"BRIDGE_SPARE"`
}

// BridgesEnv is the env contract of the Lambda bridges.
type BridgesEnv struct {
	Control
	StateTable       string        `env:"STATE_TABLE"`       // DynamoDB table with leases and the last good run-time values
	RuntimeParameter string        `env:"RUNTIME_PARAMETER"` // SSM parameter name
	Target           float64       `env:"BRIDGE_TARGET"`
	Spare            float64       `env:"BRIDGE_SPARE"`
	Slack            float64       `env:"BRIDGE_SLACK"`
	Survivors        int           `env:"BRIDGE_SURVIVORS"` // lost shards for whose rooms the others keep room
	ShrinkAfter      time.Duration `env:"BRIDGE_SHRINK_AFTER"`
	BootTime         time.Duration `env:"BRIDGE_BOOT_TIME"`
	Reaction         time.Duration `env:"BRIDGE_REACTION"`      // from one run until the next has been obeyed
	ServiceLevel     float64       `env:"BRIDGE_SERVICE_LEVEL"` // how likely the forecast shall suffice
	TimeZone         string        `env:"TIME_ZONE"`            // IANA name, by whose wall clock days are compared
	DrainLimit       time.Duration `env:"BRIDGE_DRAIN_LIMIT"`
	AtDrainLimit     AtDrainLimit  `env:"BRIDGE_AT_DRAIN_LIMIT"`
	DeadAfter        time.Duration `env:"BRIDGE_DEAD_AFTER"`
	// QuarantineWindow is the time in which at most one bridge or a tenth of a group is replaced as broken.
	QuarantineWindow time.Duration `env:"BRIDGE_QUARANTINE_WINDOW"`
	// FreeJibris, MinJibris and MaxJibris are what run-time values of recorders are held against.
	FreeJibris int `env:"JIBRI_FREE"`
	MinJibris  int `env:"JIBRI_MIN"`
	MaxJibris  int `env:"JIBRI_MAX"`
	// Schedules is the deployed schedules as JSON, for ParseSchedules; "[]" when there are none.
	Schedules string `env:"SCHEDULES"`
}

// LifecycleEnv is the env contract of the Lambda lifecycle.
type LifecycleEnv struct {
	Control
	StateTable           string        `env:"STATE_TABLE"`     // DynamoDB table with leases
	PrivateZoneID        string        `env:"PRIVATE_ZONE_ID"` // Route 53 private zone, in which signal nodes have their names
	BridgeAdmissionGrace time.Duration `env:"BRIDGE_ADMISSION_GRACE"`
	SignalAdmissionGrace time.Duration `env:"SIGNAL_ADMISSION_GRACE"`
	HookTimeout          time.Duration `env:"HOOK_TIMEOUT"`
	JibriAdmissionGrace  time.Duration `env:"JIBRI_ADMISSION_GRACE"`
	DrainLimit           time.Duration `env:"BRIDGE_DRAIN_LIMIT"`
	AtDrainLimit         AtDrainLimit  `env:"BRIDGE_AT_DRAIN_LIMIT"`
	DeadAfter            time.Duration `env:"BRIDGE_DEAD_AFTER"`
}

// ShardsEnv is the env contract of the Lambda shards.
type ShardsEnv struct {
	Control
	StateTable string        `env:"STATE_TABLE"` // DynamoDB table with leases
	MendPause  time.Duration `env:"MEND_PAUSE"`
}

// JibrisEnv is the env contract of the Lambda jibris.
type JibrisEnv struct {
	Control
	StateTable       string        `env:"STATE_TABLE"`
	RuntimeParameter string        `env:"RUNTIME_PARAMETER"` // SSM parameter name
	Free             int           `env:"JIBRI_FREE"`
	Min              int           `env:"JIBRI_MIN"`
	Max              int           `env:"JIBRI_MAX"`
	BootTime         time.Duration `env:"JIBRI_BOOT_TIME"`
	RetireAfter      time.Duration `env:"JIBRI_RETIRE_AFTER"`
	ServiceLevel     float64       `env:"JIBRI_SERVICE_LEVEL"` // how likely the forecast of starts shall suffice
	TimeZone         string        `env:"TIME_ZONE"`           // IANA name, by whose wall clock days are compared
	DeadAfter        time.Duration `env:"JIBRI_DEAD_AFTER"`
	QuarantineWindow time.Duration `env:"JIBRI_QUARANTINE_WINDOW"`
	// Target, Spare and Slack are what run-time values of bridges are held against.
	Target float64 `env:"BRIDGE_TARGET"`
	Spare  float64 `env:"BRIDGE_SPARE"`
	Slack  float64 `env:"BRIDGE_SLACK"`
	// Schedules is the deployed schedules as JSON, for ParseSchedules; "[]" when there are none.
	Schedules string `env:"SCHEDULES"`
}

// RecordingsEnv is the env contract of the Lambda recordings, which asks no agents.
type RecordingsEnv struct {
	Fleet     string        `env:"FLEET"`
	Bucket    string        `env:"RECORDINGS_BUCKET"`
	Catalogue string        `env:"RECORDINGS_CATALOGUE"` // DynamoDB table
	TopicARN  string        `env:"RECORDINGS_TOPIC_ARN"` // where finished and failed recordings are announced
	LateAfter time.Duration `env:"RECORDINGS_LATE_AFTER"`
}

// Lambdas is the env contract of each deployed function, by its folder's name under lambdas/.
var Lambdas = map[string]any{
	"metrics":    MetricsEnv{},
	"bridges":    BridgesEnv{},
	"lifecycle":  LifecycleEnv{},
	"shards":     ShardsEnv{},
	"jibris":     JibrisEnv{},
	"recordings": RecordingsEnv{},
}

// ShardsParameter is the SSM parameter with the names in the private zone of all shards' signal nodes, separated by
// commas: the shards that a recorder joins.
func ShardsParameter(fleet string) string { return "/" + fleet + "/jibri/shards" }

// RecorderNode is the part of a recorder's Node that is its own.
type RecorderNode struct {
	External string `json:"external"` // Jibri's health API, "http://127.0.0.1:2222"
	Internal string `json:"internal"` // Jibri's shutdown API, "http://127.0.0.1:3333"
	// Unit is the systemd service of Jibri's container.
	Unit string `json:"unit"`
	// Environment is the file with the container's variables that change at run time: the list of shards.
	Environment string `json:"environment"`
	// ShardsParameter is the SSM parameter with the list of shards, read every Node.StatePoll.
	ShardsParameter string `json:"shardsParameter"`
	// Spool is the folder with Jibri's recordings, as the host sees it.
	Spool string `json:"spool"`
	// Resolver is the VPC's DNS server, which knows the names of the shards: "10.64.0.2:53". The agent asks it itself, past
	// the node's own resolver: that one may keep for a while that a shard's name does not exist, or its old address, and
	// then a recorder would not be free. It is there for every machine of the VPC whatever its security groups say, since
	// the VPC has DNS support, and answers 1024 packets a second for each machine; a recorder asks for each shard every five Polls.
	// https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
	Resolver string `json:"resolver"`
	// Proc is where the kernel tells of processes, "/proc".
	Proc      string `json:"proc"`
	Bucket    string `json:"bucket"`
	QueueURL  string `json:"queueUrl"`  // of the recordings queue
	DiskFloor int64  `json:"diskFloor"` // bytes

	JoinLimit      Duration `json:"joinLimit"`
	FinalizeLimit  Duration `json:"finalizeLimit"`
	StallLimit     Duration `json:"stallLimit"`
	RecordingLimit Duration `json:"recordingLimit"`
}

// Where a recorder's agent finds Jibri: its systemd service, the variables of its container that change at run time,
// its recordings as the host sees them, and the kernel's word on processes.
const (
	JibriUnit        = "jibri.service"
	JibriEnvironment = "/etc/jitsi-fleet/jibri-shards.env"
	SpoolPath        = "/srv/jitsi/jibri/recordings"
	ProcPath         = "/proc"
)

// RecordingsPrefix begins the key of every recording in the bucket: all that a recorder may write.
const RecordingsPrefix = "recordings/"

// NodePath is where a node keeps Node, its configuration.
const NodePath = "/etc/jitsi-fleet/node.json"

// StatePath is where a node's agent keeps its state; see Node.StateFile.
const StatePath = "/var/lib/jitsi-fleet/state.json"

// XMPPDomain is the meetings' virtual host on every Prosody: the official images' own XMPP_DOMAIN, which no node sets.
const XMPPDomain = "meet.jitsi"

// HAProxySocket is HAProxy's admin socket on an edge node. Only HAProxy's own user, whom the agent runs as, may open it.
const HAProxySocket = "/run/haproxy/admin.sock"

// What else HAProxy and the agent share on an edge node. The boot script names the same paths to HAProxy.
const (
	HAProxyMaster  = "/run/haproxy/master.sock"         // its master's socket
	HAProxyServers = "/run/haproxy/servers"             // the servers' states over a reload; gone with the process
	HAProxyConfig  = "/var/lib/jitsi-fleet/haproxy.cfg" // the slot's configuration, which the agent writes
)

// Node is the configuration file of a node agent. The CDK app writes it into the user data; the boot script
// fills Instance and Listen from the instance's metadata.
type Node struct {
	Fleet    string `json:"fleet"`
	Role     string `json:"role"`
	Shard    string `json:"shard,omitempty"`
	Instance string `json:"instance"` // instance id
	Listen   string `json:"listen"`   // "10.64.1.7:7070"
	// StateFile is where the agent remembers that it was admitted, drained or retired, across its restarts.
	StateFile      string `json:"stateFile"`
	AgentSecretARN string `json:"agentSecretArn"`
	WakeTopicARN   string `json:"wakeTopicArn"`
	// Bridge is JVB's REST address on a bridge; empty elsewhere.
	Bridge string `json:"bridge,omitempty"`
	// Jicofo, Prosody and Web are the components' addresses on a signal node; empty elsewhere.
	Jicofo  string   `json:"jicofo,omitempty"`
	Prosody string   `json:"prosody,omitempty"`
	Web     string   `json:"web,omitempty"`
	Poll    Duration `json:"poll"`
	// SickAfter is how long a component must fail before its node says so.
	SickAfter Duration `json:"sickAfter"`
	// ProsodyHost is the virtual host of the meetings on a signal node, whose rooms the census counts.
	ProsodyHost string `json:"prosodyHost,omitempty"`
	// CheckListen is where a signal or edge node answers HAProxy's agent-check: "10.64.1.7:7071". On an edge node it
	// is the slot's own address.
	CheckListen string `json:"checkListen,omitempty"`
	// ShardParameter is the SSM parameter with the state of a signal node's shard, and StatePoll how often it is read,
	// as is EdgeParameter.
	ShardParameter string   `json:"shardParameter,omitempty"`
	StatePoll      Duration `json:"statePoll,omitempty"`
	// EdgeParameter is the SSM parameter that says where an edge node's configuration is, and Slot which one of it is
	// the node's: "slot-1".
	EdgeParameter string `json:"edgeParameter,omitempty"`
	Slot          string `json:"slot,omitempty"`
	// ShardLimit is how many participants a signal node's shard has before it wants no new rooms; 0 is no limit.
	ShardLimit int `json:"shardLimit,omitempty"`
	// HAProxy is the path of HAProxy's admin socket on an edge node.
	HAProxy string `json:"haproxy,omitempty"`
	// Master is the path of HAProxy's master's socket on an edge node, Servers that of its server-state-file, and
	// Configuration that of its configuration, which the agent writes.
	Master        string `json:"master,omitempty"`
	Servers       string `json:"servers,omitempty"`
	Configuration string `json:"configuration,omitempty"`
	// WarmUp is how long an edge node waits at most for the other nodes' rooms and for the shards' agents, before it
	// takes clients without them.
	WarmUp Duration `json:"warmUp,omitempty"`
	// LeaveWait is how long an edge node that is told to stop keeps serving those whom the load balancer sends until
	// it knows.
	LeaveWait Duration `json:"leaveWait,omitempty"`
	// Recorder is what a recorder's agent needs; nil elsewhere.
	Recorder *RecorderNode `json:"recorder,omitempty"`
	// WakeStress is the stress at which a bridge's rising load is worth a wake-up; the target.
	WakeStress float64 `json:"wakeStress,omitempty"`
}

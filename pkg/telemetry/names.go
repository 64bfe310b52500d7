// Package telemetry is what the control plane tells the world: the one list of metrics, which cdk/ and the
// Lambdas share, CloudWatch's embedded metric format, and structured logs.
package telemetry

// Namespace holds every metric of every fleet.
const Namespace = "JitsiFleet"

// EventSource is the source of every event that the control plane puts on the account's default bus. AWS keeps names
// that begin with "aws." for itself.
const EventSource = "jitsi-fleet"

// Dimension names. A metric is published with {Fleet} alone or with {Fleet, Shard}; never with an instance id.
const (
	DimensionFleet = "Fleet"
	DimensionShard = "Shard"
)

// Scope says with which dimensions a metric is published.
type Scope string

// The scopes.
const (
	PerFleet Scope = "fleet" // {Fleet}
	PerShard Scope = "shard" // {Fleet, Shard}
)

// Metric is one entry of the list: its name, CloudWatch unit, scope and meaning.
type Metric struct {
	Name    string
	Unit    string // a CloudWatch StandardUnit
	Scope   Scope
	Meaning string
}

// The metrics of a shard, each minute from the Lambda metrics unless the meaning says otherwise.
var (
	Conferences       = Metric{"Conferences", "Count", PerShard, "conferences, by Jicofo"}
	Participants      = Metric{"Participants", "Count", PerShard, "participants, by Jicofo"}
	LargestConference = Metric{"LargestConference", "Count", PerShard, "participants of the largest conference"}
	BridgesServing    = Metric{"BridgesServing", "Count", PerShard, "bridges that take new work"}
	BridgesBooting    = Metric{"BridgesBooting", "Count", PerShard, "bridges bought that do not serve yet"}
	LaunchesPending   = Metric{"LaunchesPending", "Count", PerShard, "instances that the desired capacity asks for and Auto Scaling has not launched"}
	BridgesDraining   = Metric{"BridgesDraining", "Count", PerShard, "bridges that take nothing new: the reserve, and those that leave"}
	BridgesOverloaded = Metric{"BridgesOverloaded", "Count", PerShard, "bridges at or above Jicofo's stress threshold of 0.8"}
	SilentShare       = Metric{"SilentShare", "None", PerShard, "share of the shard's nodes in service that were silent, 0 to 1; 1 when there is none"}
	StressMean        = Metric{"StressMean", "None", PerShard, "mean stress of serving bridges"}
	StressP90         = Metric{"StressP90", "None", PerShard, "90th percentile of the stress of serving bridges"}
	StressMax         = Metric{"StressMax", "None", PerShard, "highest stress of a serving bridge"}
	RoomMissing       = Metric{"RoomMissing", "None", PerShard, "bridges' worth of room below the spare, by the deployed target and spare; 0 is well"}
	SendKilobits      = Metric{"SendKilobits", "Kilobits/Second", PerShard, "bit rate from bridges to endpoints"}
	ReceiveKilobits   = Metric{"ReceiveKilobits", "Kilobits/Second", PerShard, "bit rate from endpoints to bridges"}
	PacketRate        = Metric{"PacketRate", "Count/Second", PerShard, "packets between bridges and endpoints, both ways"}
	PacketLoss        = Metric{"PacketLoss", "None", PerShard, "share of packets that were lost, 0 to 1, the mean of bridges weighted by their endpoints"}
	RoundTripMillis   = Metric{"RoundTripMillis", "Milliseconds", PerShard, "round-trip time between bridges and endpoints, the mean of bridges weighted by their endpoints"}
	ICEFailures       = Metric{"ICEFailures", "Count", PerShard, "endpoints that found no way to their bridge, counted since the bridges that run now have started: read its growth"}
	LostBridges       = Metric{"LostBridges", "Count", PerShard, "bridges that Jicofo has lost, counted since it started: read its growth"}
	SignalUnhealthy   = Metric{"SignalUnhealthy", "Count", PerShard, "1 when the signal node's agent answers and says that Prosody, Jicofo or the web server fails"}

	BridgesWanted  = Metric{"BridgesWanted", "Count", PerShard, "bridges that the Lambda bridges wants serving or booting, at each of its decisions"}
	BridgesShort   = Metric{"BridgesShort", "Count", PerShard, "bridges wanted beyond the group's maximum, at each decision"}
	DemandForecast = Metric{"DemandForecast", "None", PerShard, "highest demand, in stress, that is expected until a bridge launched now would serve, at each decision"}
	ForecastMargin = Metric{"ForecastMargin", "None", PerShard, "stress that the service level asks for beyond the forecast, at each decision"}
	ForecastError  = Metric{"ForecastError", "None", PerShard, "by how much the highest demand missed its forecast, in stress; above 0 when more came"}
	DrainsOverdue  = Metric{"DrainsOverdue", "Count", PerShard, "bridges that drain for longer than the limit, at each decision"}
	Frozen         = Metric{"Frozen", "Count", PerShard, "1 when so many nodes look broken that the observer is presumed wrong and nothing is ended"}
	Retained       = Metric{"Retained", "Count", PerShard, "instances that Auto Scaling retains after an abandoned hook, by the Lambda lifecycle"}
	LaunchFailures = Metric{"LaunchFailures", "Count", PerShard, "launches given up in a row, by the Lambda lifecycle"}
	BootSeconds    = Metric{"BootSeconds", "Seconds", PerShard, "from launch to admission of the slowest bridge that a run admits, by the Lambda lifecycle; to compare with bridges.bootTime"}
)

// The metrics of a shard's place in the routing, each minute from the Lambda shards.
var (
	ShardState       = Metric{"ShardState", "None", PerShard, "the state that the shard follows: 0 ready, 1 drain, 2 maintenance"}
	StateNotFollowed = Metric{"StateNotFollowed", "Count", PerShard, "1 when the shard follows another state than its parameter says, or the parameter says none"}
	ShardEmpty       = Metric{"ShardEmpty", "Count", PerShard, "1 when a shard that gets no new rooms has proven that it carries nobody"}
	ShardDown        = Metric{"ShardDown", "Count", PerShard, "HAProxy nodes for which the shard is down"}
)

// The metrics of the edge, each minute from the Lambda shards.
var (
	SplitRooms         = Metric{"SplitRooms", "Count", PerFleet, "rooms that live on more than one shard, by the censuses"}
	RoomsMended        = Metric{"RoomsMended", "Count", PerFleet, "split rooms that were put back onto one shard"}
	CensusesMissing    = Metric{"CensusesMissing", "Count", PerFleet, "shards without a fresh census, whose rooms were compared with nobody's"}
	EdgeSilent         = Metric{"EdgeSilent", "Count", PerFleet, "HAProxy nodes in service that did not answer in time or with stale figures"}
	EdgesWithoutShards = Metric{"EdgesWithoutShards", "Count", PerFleet, "HAProxy nodes for which no shard is up"}
	EdgeConnections    = Metric{"EdgeConnections", "Count", PerFleet, "clients' connections on all HAProxy nodes"}
	EdgeErrors         = Metric{"EdgeErrors", "Count", PerFleet, "connections to shards and their answers that failed on all HAProxy nodes since the minute before"}
	EdgeRedispatches   = Metric{"EdgeRedispatches", "Count", PerFleet, "requests that HAProxy sent to another shard than theirs since the minute before"}
	EdgeTableShare     = Metric{"EdgeTableShare", "None", PerFleet, "share of the table of rooms that is in use, of the fullest HAProxy node"}
)

// The metrics of the recorders, each minute from the Lambda metrics unless the meaning says otherwise.
var (
	JibrisFree         = Metric{"JibrisFree", "Count", PerFleet, "recorders on which a recording can start now"}
	JibrisBusy         = Metric{"JibrisBusy", "Count", PerFleet, "recorders that record, stream, join or finalize, in their own or in a Jicofo's view"}
	JibrisBooting      = Metric{"JibrisBooting", "Count", PerFleet, "recorders bought that are not free yet"}
	JibrisPending      = Metric{"JibrisPending", "Count", PerFleet, "recorders that the desired capacity asks for and Auto Scaling has not launched"}
	JibrisUnhealthy    = Metric{"JibrisUnhealthy", "Count", PerFleet, "recorders in service that answer and are neither free nor busy"}
	JibrisSilent       = Metric{"JibrisSilent", "Count", PerFleet, "recorders in service whose agent did not answer in time or with stale figures"}
	JibrisOverdue      = Metric{"JibrisOverdue", "Count", PerFleet, "recorders that join, record, finalize or take to end for longer than the limit"}
	SpoolBytes         = Metric{"SpoolBytes", "Bytes", PerFleet, "size of the recordings on recorders' disks that are not proven to be in S3"}
	SpoolOldestSeconds = Metric{"SpoolOldestSeconds", "Seconds", PerFleet, "for how long the oldest finished recording on a recorder's disk waits for S3"}
	SpoolTroubles      = Metric{"SpoolTroubles", "Count", PerFleet, "recorders whose last upload failed"}

	JibrisWanted        = Metric{"JibrisWanted", "Count", PerFleet, "recorders that the Lambda jibris wants busy, free or booting, at each of its decisions"}
	JibrisShort         = Metric{"JibrisShort", "Count", PerFleet, "recorders wanted beyond the pool's maximum, at each decision"}
	JibrisFrozen        = Metric{"JibrisFrozen", "Count", PerFleet, "1 when so many recorders look broken that the observer is presumed wrong and nothing is ended"}
	JibriStarts         = Metric{"JibriStarts", "Count", PerFleet, "recordings and streams that began since the decision before"}
	StartsForecast      = Metric{"StartsForecast", "Count", PerFleet, "recordings and streams that are expected to begin until a recorder launched now would be free, at each decision"}
	StartsMargin        = Metric{"StartsMargin", "Count", PerFleet, "recorders that the service level asks for beyond that forecast, at each decision"}
	StartsForecastError = Metric{"StartsForecastError", "Count", PerFleet, "by how many the recordings and streams that began missed their forecast; above 0 when more began"}
	JibrisRetained      = Metric{"JibrisRetained", "Count", PerFleet, "recorders that Auto Scaling retains after an abandoned hook, by the Lambda lifecycle"}
	JibriLaunchFailures = Metric{"JibriLaunchFailures", "Count", PerFleet, "launches of recorders given up in a row, by the Lambda lifecycle"}
)

// The metrics of the recordings, from the Lambda recordings: the first four at each of its runs, the others each minute.
var (
	RecordingsCatalogued = Metric{"RecordingsCatalogued", "Count", PerFleet, "recordings that were proven to be in S3, catalogued and announced"}
	RecordingsFailed     = Metric{"RecordingsFailed", "Count", PerFleet, "recordings that were given up, catalogued with the reason and announced"}
	RecordingBytes       = Metric{"RecordingBytes", "Bytes", PerFleet, "size of the recordings that were catalogued"}
	UploadSeconds        = Metric{"UploadSeconds", "Seconds", PerFleet, "from a recording's end until it was catalogued, the longest of those catalogued"}
	RecordingsOpen       = Metric{"RecordingsOpen", "Count", PerFleet, "recordings in the catalogue that are on, or on their way to S3"}
	RecordingsLate       = Metric{"RecordingsLate", "Count", PerFleet, "recordings that have ended and are not in S3 after the time that the settings allow"}
)

// The metrics of the fleet.
var (
	AgentsSilent    = Metric{"AgentsSilent", "Count", PerFleet, "node agents that did not answer in time"}
	ObservationAge  = Metric{"ObservationAge", "Seconds", PerFleet, "age of the oldest figures that an agent which is not silent answered with"}
	ObserveMillis   = Metric{"ObserveMillis", "Milliseconds", PerFleet, "time in which the Lambda metrics observed the whole fleet"}
	SettingsRefused = Metric{"SettingsRefused", "Count", PerFleet, "1 when the run-time parameter is invalid and the last good values are in force, by the Lambda bridges"}
	Actions         = Metric{"Actions", "Count", PerFleet, "launches, drains, replacements and other deeds of one run of a control loop; their sum is what the control plane did"}
	ReconcileErrors = Metric{"ReconcileErrors", "Count", PerFleet, "reconciles that ended in an error, by the Lambdas bridges, jibris, lifecycle, recordings and shards"}
)

// Part is a part of the list under one heading.
type Part struct {
	Title string
	// Recorders is true for what only a fleet with recorders publishes.
	Recorders bool
	Metrics   []Metric
}

// Parts is the whole list, in the order of the reference page.
var Parts = []Part{
	{"A shard's users and bridges", false, []Metric{
		Conferences, Participants, LargestConference, BridgesServing, BridgesBooting, LaunchesPending, BridgesDraining,
		BridgesOverloaded, SilentShare, StressMean, StressP90, StressMax, RoomMissing, SendKilobits, ReceiveKilobits,
		PacketRate, PacketLoss, RoundTripMillis, ICEFailures, LostBridges, SignalUnhealthy,
		BridgesWanted, BridgesShort, DemandForecast, ForecastMargin, ForecastError, DrainsOverdue, Frozen, Retained, LaunchFailures, BootSeconds,
	}},
	{"A shard's place in the routing", false, []Metric{ShardState, StateNotFollowed, ShardEmpty, ShardDown}},
	{"The edge", false, []Metric{
		SplitRooms, RoomsMended, CensusesMissing, EdgeSilent, EdgesWithoutShards, EdgeConnections, EdgeErrors, EdgeRedispatches,
		EdgeTableShare,
	}},
	{"Recorders", true, []Metric{
		JibrisFree, JibrisBusy, JibrisBooting, JibrisPending, JibrisUnhealthy, JibrisSilent, JibrisOverdue,
		SpoolBytes, SpoolOldestSeconds, SpoolTroubles,
		JibrisWanted, JibrisShort, JibrisFrozen, JibriStarts, StartsForecast, StartsMargin, StartsForecastError, JibrisRetained, JibriLaunchFailures,
		JibriHost.CPU, JibriHost.Memory, JibriHost.Disk, JibriHost.IO, JibriHost.Network,
	}},
	{"Recordings", true, []Metric{
		RecordingsCatalogued, RecordingsFailed, RecordingBytes, UploadSeconds, RecordingsOpen, RecordingsLate,
	}},
	{"Machines", false, []Metric{
		BridgeHost.CPU, BridgeHost.Memory, BridgeHost.Disk, BridgeHost.IO, BridgeHost.Network,
		SignalHost.CPU, SignalHost.Memory, SignalHost.Disk, SignalHost.IO, SignalHost.Network,
		EdgeHost.CPU, EdgeHost.Memory, EdgeHost.Disk, EdgeHost.IO, EdgeHost.Network,
	}},
	{"The control plane", false, []Metric{AgentsSilent, ObservationAge, ObserveMillis, SettingsRefused, Actions, ReconcileErrors}},
}

// All is the whole list without its headings.
var All = all()

func all() []Metric {
	var list []Metric
	for _, p := range Parts {
		list = append(list, p.Metrics...)
	}
	return list
}

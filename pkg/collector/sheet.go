package collector

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/elastic"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// sheet is what all documents of a round have alike, and the collector's own figures.
type sheet struct {
	fleet        string
	at           time.Time
	interval     time.Duration
	counts       elastic.Counts
	waiting      int
	waitingBytes int64
}

// The data sets.
const (
	datasetNode  = "jitsi_fleet.node"
	datasetShard = "jitsi_fleet.shard"
	datasetFleet = "jitsi_fleet.fleet"
)

// totals are the figures of shards whose sum means something for the fleet.
var totals = []telemetry.Metric{
	telemetry.Conferences, telemetry.Participants, telemetry.BridgesServing,
	telemetry.SendKilobits, telemetry.ReceiveKilobits,
}

// documents are one document for each node, in their order, one for each shard and one for the fleet.
func (s sheet) documents(nodes []Node, record *telemetry.Record) []elastic.Document {
	list := make([]elastic.Document, 0, len(nodes)+2)
	for _, n := range nodes {
		d := s.begin(datasetNode)
		d.describe(n)
		list = append(list, s.seal(d, n.Kind+"/"+n.Name))
	}
	whole := s.begin(datasetFleet)
	whole.Jitsi.Metrics, whole.Jitsi.Total = map[string]float64{}, map[string]float64{}
	shards, order := map[string]Document{}, []string(nil)
	told := tellersOf(nodes)
	for shard, v := range record.Values() {
		if !told.knows(shard, v.Metric) {
			continue
		}
		if shard == "" {
			whole.Jitsi.Metrics[fieldName(v.Metric)] = v.Value
			continue
		}
		d, known := shards[shard]
		if !known {
			d = s.begin(datasetShard)
			d.Jitsi.Shard, d.Jitsi.Metrics = shard, map[string]float64{}
			shards[shard], order = d, append(order, shard)
		}
		d.Jitsi.Metrics[fieldName(v.Metric)] = v.Value
		for _, m := range totals {
			if m == v.Metric {
				whole.Jitsi.Total[fieldName(m)] += v.Value
			}
		}
	}
	for _, shard := range order {
		list = append(list, s.seal(shards[shard], shard))
	}
	whole.Jitsi.Collector = &Itself{
		Nodes: len(nodes), NodesSilent: silent(nodes),
		IntervalSeconds: s.interval.Seconds(), Kept: s.counts.Kept, Refused: s.counts.Refused, Dropped: s.counts.Dropped,
		Waiting: s.waiting, WaitingBytes: s.waitingBytes,
	}
	return append(list, s.seal(whole, ""))
}

func silent(nodes []Node) int {
	n := 0
	for _, node := range nodes {
		if node.Err != nil {
			n++
		}
	}
	return n
}

func (s sheet) begin(dataset string) Document {
	d := Document{Timestamp: s.at.UTC(), Event: Event{Kind: "metric", Module: "jitsi_fleet", Dataset: dataset}}
	d.ECS.Version = ecsVersion
	d.Service.Name = s.fleet
	return d
}

// seal gives a document the id that it will have however often it is sent.
func (s sheet) seal(d Document, about string) elastic.Document {
	body, err := json.Marshal(d)
	if err != nil {
		// Only a figure that is no number cannot be written; the document then says so in place of its figures.
		bare := s.begin(d.Event.Dataset)
		bare.Service.Node, bare.Jitsi.Shard = d.Service.Node, d.Jitsi.Shard
		bare.Error = &Error{Message: "the figures cannot be written: " + err.Error()}
		body, _ = json.Marshal(bare) //nolint:errchkjson // texts alone
	}
	id := strings.Join([]string{s.fleet, s.at.UTC().Format(time.RFC3339Nano), d.Event.Dataset, about}, "|")
	return elastic.Document{ID: id, Body: body}
}

// fieldName is a metric's name in documents: BridgesServing is bridges_serving, ICEFailures is ice_failures.
func fieldName(m telemetry.Metric) string { return strings.ToLower(strings.Join(m.Words(), "_")) }

// describe writes what was heard of a node.
func (d *Document) describe(n Node) {
	d.Event.Outcome, d.Event.Duration = "success", n.Took.Nanoseconds()
	d.Service.Type, d.Service.Node = n.Kind, &ServiceNode{Name: n.Name}
	d.Server = &Server{Address: n.Address}
	d.Jitsi.Role, d.Jitsi.Shard = string(n.Role), n.Shard
	if n.Err != nil {
		d.Event.Outcome, d.Error = "failure", &Error{Message: n.Err.Error()}
		return
	}
	s := n.Status
	d.Service.Version, d.Service.State = s.Version, string(s.Phase)
	d.Jitsi.Detail, d.Jitsi.Age = s.Detail, &s.AgeSeconds
	if n.Kind == kindAgent {
		d.Host = &Host{}
		d.Host.CPU.Usage = s.Host.CPU
		d.Jitsi.Machine = &Machine{Memory: s.Host.Memory, Disk: s.Host.Disk, IO: s.Host.IO, Receive: s.Host.ReceiveBytesPS, Send: s.Host.SendBytesPS}
	}
	d.Jitsi.Bridge, d.Jitsi.Signal, d.Jitsi.Recorder, d.Jitsi.Edge = bridge(s.Bridge), signal(s.Signal), recorder(n), edge(n)
	if n.Rooms != nil {
		d.Jitsi.Census = &Census{Rooms: n.Rooms.Rooms, Participants: n.Rooms.Participants, Largest: n.Rooms.Largest}
	}
}

func bridge(load *fleet.BridgeLoad) *Bridge {
	if load == nil {
		return nil
	}
	return &Bridge{
		Stress: load.Stress, Conferences: load.Conferences, Endpoints: load.Endpoints, LocalEndpoints: load.LocalEndpoints,
		LargestConference: load.LargestConference, Draining: load.Drain || load.GracefulShutdown || load.ShuttingDown,
		ReceiveKilobits: load.ReceiveKilobits, SendKilobits: load.SendKilobits,
		ReceivePackets: load.PacketRateDownload, SendPackets: load.PacketRateUpload,
		Loss: load.Loss, RoundTripMillis: load.RoundTripMillis, ICEFailedTotal: load.ICEFailedTotal,
	}
}

func signal(load *fleet.SignalLoad) *Signal {
	if load == nil {
		return nil
	}
	return &Signal{
		Conferences: load.Conferences, Participants: load.Participants, LargestConference: load.LargestConference,
		Bridges: load.Bridges, BridgesOperational: load.BridgesOK, LostBridges: load.LostBridges,
		ParticipantsMoved: load.ParticipantsMoved, JibrisSeen: load.JibrisSeen, JibrisAvailable: load.JibrisAvailable,
	}
}

func recorder(n Node) *Recorder {
	load := n.Status.Jibri
	if load == nil {
		return nil
	}
	r := Recorder{Activity: string(load.Activity), Free: load.Free, Session: load.Session}
	if n.Kind != kindAgent {
		r.Activity = n.Activity
		return &r
	}
	r.Spool = &Spool{
		Recordings: load.Spool.Recordings, Bytes: load.Spool.Bytes, OldestSeconds: load.Spool.OldestSeconds,
		Trouble: load.Spool.Trouble, FreeBytes: load.Spool.FreeBytes,
	}
	return &r
}

func edge(n Node) *Edge {
	if p := n.Proxy; p != nil {
		return &Edge{Connections: p.Connections, RequestRate: p.RequestRate, Sessions: p.Sessions, ServersUp: p.Up, Servers: p.Total}
	}
	load := n.Status.Edge
	if load == nil {
		return nil
	}
	e := Edge{Connections: &load.Connections, RequestRate: load.RequestRate, Servers: int64(len(load.Shards)), Rooms: &load.Rooms}
	for _, shard := range load.Shards {
		e.Sessions += shard.Sessions
		if shard.State == fleet.ServerReady || shard.State == fleet.ServerDrain {
			e.ServersUp++
		}
	}
	return &e
}

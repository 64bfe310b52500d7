package reconcile

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Metrics is the loop that asks every agent how it is and publishes the answers. It changes nothing.
type Metrics struct {
	Env      settings.MetricsEnv
	Observer Observer
	Log      *slog.Logger
	Now      func() time.Time
}

// Run observes the whole fleet once. A silent node costs its own figures only.
func (m Metrics) Run(ctx context.Context) (*telemetry.Record, error) {
	began := m.Now()
	record := telemetry.NewRecord(m.Env.Fleet, began)
	observations, err := m.Observer.Observe(ctx, fleet.Scope{Roles: []fleet.Role{fleet.RoleBridge, fleet.RoleSignal, fleet.RoleJibri}})
	if err != nil {
		return record, err
	}
	m.Measure(observations, record)
	took := m.Now().Sub(began)
	record.Fleet(telemetry.ObserveMillis, float64(took.Milliseconds()))
	m.Log.Info("observed", "groups", len(observations), "took", took.String())
	return record, nil
}

// Measure puts into the record what is published of a whole fleet that was observed.
func (m Metrics) Measure(observations []fleet.Observation, record *telemetry.Record) {
	asked, silent := 0, 0
	for _, o := range observations {
		a, s := m.count(o)
		asked, silent = asked+a, silent+len(s)
		for _, id := range s {
			r := o.Nodes[id]
			m.Log.Warn("silent", "instance", id, "group", o.Group.Name, "error", errorText(r.Err), "ageSeconds", r.Status.AgeSeconds)
		}
		m.tellUnwell(o)
		switch o.Group.Role {
		case fleet.RoleBridge:
			m.shard(o, observations, record)
		case fleet.RoleJibri:
			m.recorders(o, record)
		default: // a signal node's figures are published with its bridges'
		}
	}
	m.hosts(observations, record)
	record.Fleet(telemetry.AgentsSilent, float64(silent))
	m.Log.Info("agents", "asked", asked, "silent", silent)
}

// tellUnwell logs what keeps each node that answers from being well: nobody else can ask an agent, for that takes the
// fleet's secret.
func (m Metrics) tellUnwell(o fleet.Observation) {
	for id, r := range o.Nodes {
		if r.Err != nil {
			continue
		}
		trouble := ""
		if r.Status.Jibri != nil {
			trouble = r.Status.Jibri.Spool.Trouble
		}
		if r.Status.Detail != "" || trouble != "" {
			m.Log.Warn("unwell", "instance", id, "group", o.Group.Name, "phase", r.Status.Phase, "detail", r.Status.Detail, "uploads", trouble)
		}
	}
}

// silent reports whether a node gave no answer or only a stale one. An agent whose component is dead or ill has no fresh
// figures of it either, and says so: that is no silence.
func (m Metrics) silent(r fleet.Report) bool {
	switch r.Status.Phase {
	case fleet.PhaseStarting, fleet.PhaseSick, fleet.PhaseGone:
		return r.Err != nil
	default:
		return r.Err != nil || r.Status.Age() > m.Env.StaleAfter
	}
}

// count counts the nodes in service of a group and names those of them that are silent.
func (m Metrics) count(o fleet.Observation) (inService int, silent []fleet.InstanceID) {
	for _, i := range o.Group.Instances {
		if i.Lifecycle != fleet.StateInService {
			continue
		}
		inService++
		if m.silent(o.Nodes[i.ID]) {
			silent = append(silent, i.ID)
		}
	}
	return inService, silent
}

func (m Metrics) shard(o fleet.Observation, all []fleet.Observation, record *telemetry.Record) {
	shard := o.Group.Shard
	bridges := classify(o, nil, m.Env.StaleAfter)
	byState := map[capacity.State]int{}
	var stress []float64
	room, booting := 0.0, 0
	for _, b := range bridges {
		byState[b.State]++
		switch b.State {
		case capacity.Serving:
			stress = append(stress, b.Stress)
			room += max(0, m.Env.Target-b.Stress)
		case capacity.Draining: // the reserve
			room += max(0, m.Env.Target-b.Stress)
		case capacity.Booting:
			booting++
		case capacity.Retiring, capacity.Silent, capacity.Broken:
		}
	}
	missing := max(0, m.Env.Spare-room/m.Env.Target-float64(booting))
	record.Shard(shard, telemetry.BridgesServing, float64(byState[capacity.Serving]))
	record.Shard(shard, telemetry.BridgesBooting, float64(booting))
	record.Shard(shard, telemetry.LaunchesPending, float64(max(0, o.Group.Desired-counted(o.Group))))
	record.Shard(shard, telemetry.BridgesDraining, float64(byState[capacity.Draining]+byState[capacity.Retiring]))
	if share, known := m.silentShare(shard, all); known {
		record.Shard(shard, telemetry.SilentShare, share)
	}
	if byState[capacity.Serving] > 0 {
		stressMetrics(shard, stress, record)
		record.Shard(shard, telemetry.RoomMissing, missing)
	}
	m.loads(o, record)
	m.conferences(o, record)
	m.signal(o, record)
}

// silentShare is the share of a shard's nodes in service, signal node included, that are silent; known is false while
// none is in service.
func (m Metrics) silentShare(shard string, all []fleet.Observation) (share float64, known bool) {
	inService, silent := 0, 0
	for _, o := range all {
		if o.Group.Shard == shard {
			n, s := m.count(o)
			inService, silent = inService+n, silent+len(s)
		}
	}
	if inService == 0 {
		return 0, false
	}
	return float64(silent) / float64(inService), true
}

func stressMetrics(shard string, stress []float64, record *telemetry.Record) {
	slices.Sort(stress)
	sum, overloaded := 0.0, 0
	for _, s := range stress {
		sum += s
		if s >= settings.OverloadStress {
			overloaded++
		}
	}
	// The nearest-rank 90th percentile: the smallest value that at least nine tenths do not exceed.
	p90 := stress[int(math.Ceil(0.9*float64(len(stress))))-1]
	record.Shard(shard, telemetry.StressMean, sum/float64(len(stress)))
	record.Shard(shard, telemetry.StressP90, p90)
	record.Shard(shard, telemetry.StressMax, stress[len(stress)-1])
	record.Shard(shard, telemetry.BridgesOverloaded, float64(overloaded))
}

// loads sums what bridges carry, those that drain included, over those that answered.
func (m Metrics) loads(o fleet.Observation, record *telemetry.Record) {
	var endpoints, send, receive, packets, failures int64
	var loss, roundTrip float64
	for _, r := range o.Nodes {
		if load := r.Status.Bridge; r.Err == nil && load != nil && r.Status.Age() <= m.Env.StaleAfter {
			endpoints, send, receive = endpoints+load.LocalEndpoints, send+load.SendKilobits, receive+load.ReceiveKilobits
			packets += load.PacketRateDownload + load.PacketRateUpload
			failures += load.ICEFailedTotal
			weight := float64(load.LocalEndpoints)
			loss, roundTrip = loss+weight*load.Loss, roundTrip+weight*load.RoundTripMillis
		}
	}
	if endpoints > 0 {
		record.Shard(o.Group.Shard, telemetry.PacketLoss, loss/float64(endpoints))
		record.Shard(o.Group.Shard, telemetry.RoundTripMillis, roundTrip/float64(endpoints))
	}
	record.Shard(o.Group.Shard, telemetry.PacketRate, float64(packets))
	record.Shard(o.Group.Shard, telemetry.ICEFailures, float64(failures))
	record.Shard(o.Group.Shard, telemetry.SendKilobits, float64(send))
	record.Shard(o.Group.Shard, telemetry.ReceiveKilobits, float64(receive))
}

// conferences publishes what Jicofo counts; nothing when it is silent, so that a gap is not taken for an empty shard.
func (m Metrics) conferences(o fleet.Observation, record *telemetry.Record) {
	load := o.Signal.Status.Signal
	if o.Signal.Err != nil || load == nil || o.Signal.Status.Age() > m.Env.StaleAfter {
		return
	}
	record.Shard(o.Group.Shard, telemetry.Conferences, float64(load.Conferences))
	record.Shard(o.Group.Shard, telemetry.Participants, float64(load.Participants))
	record.Shard(o.Group.Shard, telemetry.LargestConference, float64(load.LargestConference))
	record.Shard(o.Group.Shard, telemetry.LostBridges, float64(load.LostBridges))
}

// signal publishes whether the signal node's components are well, by its agent; nothing when the agent is silent,
// which is told as such.
func (m Metrics) signal(o fleet.Observation, record *telemetry.Record) {
	if o.Signal.Err != nil {
		return
	}
	unhealthy := false
	switch o.Signal.Status.Phase {
	case fleet.PhaseStarting, fleet.PhaseSick, fleet.PhaseGone:
		unhealthy = true
	default: // its components are well, whether or not it takes work
	}
	record.Shard(o.Group.Shard, telemetry.SignalUnhealthy, one(unhealthy))
}

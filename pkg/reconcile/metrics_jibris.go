package reconcile

import (
	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// recorders publishes what the pool of recorders is at. It has no memory: a recorder that is not free and not busy at
// this moment is unhealthy, however short it has been so.
func (m Metrics) recorders(o fleet.Observation, record *telemetry.Record) {
	byState := map[capacity.JibriState]int{}
	for _, s := range lookAtJibris(o, nil, m.Env.StaleAfter) {
		byState[s.state()]++
	}
	record.Fleet(telemetry.JibrisFree, float64(byState[capacity.JibriFree]))
	record.Fleet(telemetry.JibrisBusy, float64(byState[capacity.JibriBusy]))
	record.Fleet(telemetry.JibrisBooting, float64(byState[capacity.JibriBooting]))
	record.Fleet(telemetry.JibrisPending, float64(max(0, o.Group.Desired-counted(o.Group))))
	record.Fleet(telemetry.JibrisUnhealthy, float64(byState[capacity.JibriUnfit]))
	record.Fleet(telemetry.JibrisSilent, float64(byState[capacity.JibriSilent]))
	m.recordings(o, record)
}

// recordings sums what recorders carry over all that answered, those that leave included: their recordings are on
// their disks until they are in S3.
func (m Metrics) recordings(o fleet.Observation, record *telemetry.Record) {
	var overdue, troubles int
	var bytes int64
	oldest := 0.0
	for _, r := range o.Nodes {
		load := r.Status.Jibri
		if r.Err != nil || load == nil {
			continue
		}
		if load.Overdue {
			overdue++
		}
		if load.Spool.Trouble != "" {
			troubles++
		}
		bytes, oldest = bytes+load.Spool.Bytes, max(oldest, load.Spool.OldestSeconds)
	}
	record.Fleet(telemetry.JibrisOverdue, float64(overdue))
	record.Fleet(telemetry.SpoolBytes, float64(bytes))
	record.Fleet(telemetry.SpoolOldestSeconds, oldest)
	record.Fleet(telemetry.SpoolTroubles, float64(troubles))
}

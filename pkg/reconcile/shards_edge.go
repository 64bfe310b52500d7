package reconcile

import "github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"

// edgeCounts is what a HAProxy process has counted since it started.
type edgeCounts struct {
	Errors       int64 `json:"errors"`
	Redispatches int64 `json:"redispatches"`
}

// growth is what all HAProxy nodes together have counted since the look before. One that is seen for the first time adds
// nothing, and one that counts from zero again adds what it has counted since; a silent one is compared with its last
// word when it speaks again.
func (m *shardsMemory) growth(edges []edgeNode) edgeCounts {
	var grown edgeCounts
	counted := map[fleet.InstanceID]edgeCounts{}
	for _, e := range edges {
		before, known := m.Counted[e.instance.ID]
		if !e.heard() {
			if known {
				counted[e.instance.ID] = before
			}
			continue
		}
		load := e.report.Status.Edge
		counted[e.instance.ID] = edgeCounts{load.Errors, load.Redispatches}
		if known {
			grown.Errors += since(before.Errors, load.Errors)
			grown.Redispatches += since(before.Redispatches, load.Redispatches)
		}
	}
	m.Counted = counted
	return grown
}

// served reports whether a HAProxy node has, or had once, a shard to send clients to.
func (m *shardsMemory) served(edges []edgeNode) bool {
	for _, e := range edges {
		m.Served = m.Served || e.heard() && usesAny(e.report.Status.Edge)
	}
	return m.Served
}

// since is how far a counter has come, which begins at zero again when its process does.
func since(before, now int64) int64 {
	if now < before {
		return now
	}
	return now - before
}

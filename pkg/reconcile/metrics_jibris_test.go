package reconcile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

func TestTheRecordersFiguresArePublished(t *testing.T) {
	p := newPool(t, 6)
	p.begin(2, time.Hour)
	m := p.pool.members
	m[2].node.silent = true
	m[3].node.jibri.cutOff = true
	m[4].node.become(fleet.PhaseRetiring, p.Now())
	p.pool.Desired++
	got := p.measureAll()
	for name, want := range map[string]float64{
		"JibrisFree": 1, "JibrisBusy": 2, "JibrisBooting": 0, "JibrisPending": 1, "JibrisUnhealthy": 1, "JibrisSilent": 1,
		"JibrisOverdue": 0, "SpoolBytes": 2 << 30, "SpoolOldestSeconds": 0, "SpoolTroubles": 0,
	} {
		assert.Contains(t, got, name)
		assert.InDelta(t, want, got[name], 1e-9, name)
	}
}

// measureAll is what the loop metrics publishes now.
func (p *poolWorld) measureAll() map[string]float64 {
	p.t.Helper()
	p.hear()
	return p.measure()
}

package reconcile

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

func counting(id fleet.InstanceID, errors, redispatches int64) edgeNode {
	return edgeNode{fleet.Instance{ID: id}, fleet.Report{Status: fleet.Status{Edge: &fleet.EdgeLoad{Errors: errors, Redispatches: redispatches}}}}
}

func TestOnlyWhatAnEdgeCountedSinceTheLookBeforeIsTold(t *testing.T) {
	silent := edgeNode{fleet.Instance{ID: "i-1"}, fleet.Report{Err: errSilent}}
	var m shardsMemory
	for _, step := range []struct {
		name  string
		edges []edgeNode
		want  edgeCounts
	}{
		{"a node that is new", []edgeNode{counting("i-1", 100, 7)}, edgeCounts{}},
		{"its growth", []edgeNode{counting("i-1", 103, 7)}, edgeCounts{3, 0}},
		{"two nodes, one of them new", []edgeNode{counting("i-1", 104, 8), counting("i-2", 50, 50)}, edgeCounts{1, 1}},
		{"both", []edgeNode{counting("i-1", 105, 8), counting("i-2", 52, 51)}, edgeCounts{3, 1}},
		{"one that is silent", []edgeNode{silent, counting("i-2", 52, 51)}, edgeCounts{}},
		{"and speaks again", []edgeNode{counting("i-1", 110, 8), counting("i-2", 52, 51)}, edgeCounts{5, 0}},
		{"one that counts from zero again", []edgeNode{counting("i-1", 2, 0), counting("i-2", 52, 51)}, edgeCounts{2, 0}},
		{"one that is gone", []edgeNode{counting("i-2", 52, 51)}, edgeCounts{}},
		{"and comes back is new", []edgeNode{counting("i-1", 90, 0), counting("i-2", 52, 51)}, edgeCounts{}},
	} {
		assert.Equal(t, step.want, m.growth(step.edges), step.name)
	}
}

func TestAFleetThatBootsIsNotOneWithoutShards(t *testing.T) {
	w := newEdgeWorld(t, 1, 2)
	all := func(state fleet.ServerState) {
		for _, e := range w.edges {
			e.node.edge.shards["shard-1"] = fleet.ServerView{ID: 10, State: state}
		}
	}
	all(fleet.ServerMaintenance)
	assert.NotContains(t, w.run(), "EdgesWithoutShards")
	all(fleet.ServerReady)
	assert.Zero(t, w.run()["EdgesWithoutShards"])
	all(fleet.ServerDown)
	assert.EqualValues(t, 2, w.run()["EdgesWithoutShards"])
}

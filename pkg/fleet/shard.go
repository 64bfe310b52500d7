package fleet

import "fmt"

// ShardState is what an operator decided about a shard. It says where new rooms go; the shard's health is another
// matter.
type ShardState string

// The states of a shard.
const (
	ShardReady       ShardState = "ready"       // gets new rooms
	ShardDrain       ShardState = "drain"       // keeps its rooms, gets no new ones; every shard is born so
	ShardMaintenance ShardState = "maintenance" // its rooms move to other shards at once
)

// ParseShardState reads a state as an operator writes it.
func ParseShardState(text string) (ShardState, error) {
	switch s := ShardState(text); s {
	case ShardReady, ShardDrain, ShardMaintenance:
		return s, nil
	default:
		return "", fmt.Errorf("shard state %q is none: write %s, %s or %s", text, ShardReady, ShardDrain, ShardMaintenance)
	}
}

// Census is the rooms that live on one shard, as its Prosody counts them. A node agent answers it to GET /census.
type Census struct {
	Instance InstanceID `json:"instance"`
	Shard    string     `json:"shard"`
	// AgeSeconds is how old the figures are.
	AgeSeconds float64      `json:"ageSeconds"`
	Rooms      []CensusRoom `json:"rooms"`
}

// CensusRoom is one live room. Jicofo's health-check rooms are not among them.
type CensusRoom struct {
	// Key is routing.Key of the room's tenant and name: what HAProxy routes by.
	Key          string `json:"key"`
	Room         string `json:"room"` // "[tenant]name", for people
	Participants int    `json:"participants"`
	Recording    bool   `json:"recording,omitempty"`
}

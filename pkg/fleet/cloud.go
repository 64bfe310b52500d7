package fleet

import (
	"net/netip"
	"slices"
	"time"
)

// Scope selects groups. Empty lists select everything.
type Scope struct {
	Fleet  string
	Roles  []Role
	Shards []string
	Names  []string // group names
}

// Includes reports whether a group of the scope's fleet is in it.
func (s Scope) Includes(g Group) bool {
	return among(s.Roles, g.Role) && among(s.Shards, g.Shard) && among(s.Names, g.Name)
}

func among[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

// HookResult is the answer to a lifecycle hook.
type HookResult string

// The results.
const (
	Continue HookResult = "CONTINUE"
	Abandon  HookResult = "ABANDON"
)

// Machine is what EC2 says of one instance.
type Machine struct {
	Address  netip.Addr
	Launched time.Time
	Stopped  bool // shutting down, stopped or terminated
}

// Lease is the right to act on one group until a moment.
type Lease struct {
	Key    string
	Fence  uint64 // grows with each lease of the key
	Memory []byte // what the last holder left; nil at first
}

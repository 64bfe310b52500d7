package main

import (
	"iter"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// contracts yields each Lambda's name and env contract, with stand-ins for the names that AWS would make.
func contracts(s settings.Settings) iter.Seq2[string, any] {
	control := s.Control()
	control.AgentSecretARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:agent"
	bridges, lifecycle, shards := s.BridgesEnv(control), s.LifecycleEnv(control), s.ShardsEnv(control)
	shards.StateTable = s.Fleet + "-state"
	bridges.StateTable, lifecycle.StateTable, lifecycle.PrivateZoneID = s.Fleet+"-state", s.Fleet+"-state", "Z0PRIVATE"
	return func(yield func(string, any) bool) {
		_ = yield("bridges", bridges) &&
			yield("lifecycle", lifecycle) &&
			yield("metrics", s.MetricsEnv(control)) &&
			yield("shards", shards)
	}
}

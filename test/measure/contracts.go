package main

import (
	"iter"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// contracts yields each Lambda's name and env contract, with stand-ins for the names that AWS would make.
func contracts(s settings.Settings) iter.Seq2[string, any] {
	control := s.Control()
	control.StateTable = s.Fleet + "-state"
	control.AgentSecretARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:agent"
	control.PrivateZoneID = "Z0PRIVATE"
	return func(yield func(string, any) bool) {
		_ = yield("bridges", s.BridgesEnv(control)) &&
			yield("lifecycle", s.LifecycleEnv(control)) &&
			yield("metrics", s.MetricsEnv(control))
	}
}

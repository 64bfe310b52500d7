package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func TestALambdasDurationsAreDividedWhetherItAsksAgentsOrNot(t *testing.T) {
	s := &stage{options: options{factor: 60}, settings: settings.Settings{Fleet: "f"}, journal: newJournal()}
	given := settings.Control{Fleet: "f", AgentSecretARN: "arn", AgentTimeout: 2 * time.Second, StaleAfter: time.Minute}
	for name, c := range map[string]struct{ whole, scaled any }{
		"f-shards": {
			settings.ShardsEnv{Control: given, StateTable: "t", MendPause: time.Hour},
			settings.ShardsEnv{
				Control:    settings.Control{Fleet: "f", AgentSecretARN: "arn", AgentTimeout: 2 * time.Second, StaleAfter: leastStale},
				StateTable: "t", MendPause: time.Minute,
			},
		},
		"f-recordings": {
			settings.RecordingsEnv{Fleet: "f", Bucket: "b", Catalogue: "c", TopicARN: "arn", LateAfter: time.Hour},
			settings.RecordingsEnv{Fleet: "f", Bucket: "b", Catalogue: "c", TopicARN: "arn", LateAfter: time.Minute},
		},
	} {
		t.Run(name, func(t *testing.T) {
			env, err := settings.EncodeEnv(c.whole)
			require.NoError(t, err)
			want, err := settings.EncodeEnv(c.scaled)
			require.NoError(t, err)
			want["OTHER"] = "left alone"
			env["OTHER"] = "left alone"
			assert.Equal(t, want, s.scaleEnv(name, env))
		})
	}
}

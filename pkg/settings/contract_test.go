package settings

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}
}

// filled is the control contract as the CDK app would fill it.
func filled(t *testing.T) (Settings, Control) {
	t.Helper()
	s, err := Parse(example)
	require.NoError(t, err)
	s.Bridges.Survivors, s.Bridges.Target = 1, 0.63 // neither is a default
	c := s.Control()
	c.AgentSecretARN = "arn:aws:secretsmanager:x"
	return s, c
}

// contracts are the env contracts as the CDK app would fill them.
func contracts(s Settings, c Control) map[string]any {
	bridges, lifecycle, shards := s.BridgesEnv(c), s.LifecycleEnv(c), s.ShardsEnv(c)
	shards.StateTable = "jitsi-state"
	bridges.StateTable, lifecycle.StateTable, lifecycle.PrivateZoneID = "jitsi-state", "jitsi-state", "Z1"
	jibris, recordings := s.JibrisEnv(c), s.RecordingsEnv()
	jibris.StateTable = "jitsi-state"
	recordings.Bucket, recordings.Catalogue, recordings.TopicARN = "recordings", "jitsi-recordings", "arn:aws:sns:x"
	return map[string]any{
		"metrics": s.MetricsEnv(c), "bridges": bridges, "lifecycle": lifecycle, "shards": shards,
		"jibris": jibris, "recordings": recordings,
	}
}

func TestEachLambdasContractIsReadAsItWasWritten(t *testing.T) {
	s, c := filled(t)
	require.Len(t, contracts(s, c), len(Lambdas))
	for name, contract := range contracts(s, c) {
		t.Run(name, func(t *testing.T) {
			require.IsType(t, Lambdas[name], contract)
			env, err := EncodeEnv(contract)
			require.NoError(t, err)
			back := reflect.New(reflect.TypeOf(contract))
			require.NoError(t, DecodeEnv(back.Interface(), lookup(env)))
			assert.Equal(t, contract, back.Elem().Interface())
		})
	}
}

// No field that settings know may be forgotten: a zero in the contract of the example is one.
func TestSettingsFillEveryFieldOfEachContract(t *testing.T) {
	s, c := filled(t)
	for _, contract := range contracts(s, c) {
		seen := map[string]bool{}
		for _, v := range variables(reflect.ValueOf(contract)) {
			assert.NotEmpty(t, v.name)
			assert.False(t, seen[v.name], "%s stands twice", v.name)
			assert.False(t, v.value.IsZero(), "%T: %s is not filled", contract, v.name)
			seen[v.name] = true
		}
	}
}

type everyKind struct {
	Embedded
	Text   string        `env:"TEXT"`
	Named  AtDrainLimit  `env:"NAMED"`
	Whole  int           `env:"WHOLE"`
	Number float64       `env:"NUMBER"`
	Switch bool          `env:"SWITCH"`
	Length time.Duration `env:"LENGTH"`
}

// Embedded is a contract in a contract.
type Embedded struct {
	Inner string `env:"INNER"`
}

func TestEveryKindOfVariableIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := everyKind{
			Embedded: Embedded{rapid.StringN(1, -1, -1).Draw(t, "inner")},
			Text:     rapid.StringN(1, -1, -1).Draw(t, "text"),
			Named:    rapid.SampledFrom([]AtDrainLimit{Hold, Move}).Draw(t, "named"),
			Whole:    rapid.Int().Draw(t, "whole"),
			Number:   rapid.Float64().Draw(t, "number"),
			Switch:   rapid.Bool().Draw(t, "switch"),
			Length:   time.Duration(rapid.Int64().Draw(t, "length")),
		}
		env, err := EncodeEnv(want)
		require.NoError(t, err)
		var got everyKind
		require.NoError(t, DecodeEnv(&got, lookup(env)))
		assert.Equal(t, want, got)
	})
}

func TestEveryVariableThatCannotBeReadIsToldAtOnce(t *testing.T) {
	err := DecodeEnv(&everyKind{}, lookup(map[string]string{
		"TEXT": "", "NAMED": "kill", "WHOLE": "1.5", "NUMBER": "NaN", "SWITCH": "maybe", "LENGTH": "5",
	}))
	assert.Equal(t, Invalid{
		{"INNER", "", "set the variable; the CDK app does"},
		{"LENGTH", `"5"`, `write a number and a unit, such as "90s"`},
		{"NAMED", `"kill"`, `write "hold" or "move"`},
		{"NUMBER", `"NaN"`, "write a number"},
		{"SWITCH", `"maybe"`, `write "true" or "false"`},
		{"TEXT", "", "set the variable; the CDK app does"},
		{"WHOLE", `"1.5"`, "write a whole number"},
	}, invalid(t, err))
}

func TestAKindThatNoVariableCarriesIsTold(t *testing.T) {
	var contract struct {
		List []string `env:"LIST"`
	}
	assert.ErrorContains(t, DecodeEnv(&contract, lookup(map[string]string{"LIST": "a"})), "[]string")
}

func TestAContractThatNobodyFilledIsToldWhenItIsWritten(t *testing.T) {
	s, err := Parse(example)
	require.NoError(t, err)
	_, err = EncodeEnv(s.MetricsEnv(s.Control()))
	assert.Equal(t, []string{"AGENT_SECRET_ARN"}, pathsOf(invalid(t, err)))
}

func TestTheBoundsOfTheContractAreThoseOfTheSettings(t *testing.T) {
	s, c := filled(t)
	shards := map[string]Range{"shard-1": {2, 20}, "shard-2": {2, 20}}
	assert.Equal(t, s.Bounds(), s.BridgesEnv(c).Bounds(shards))
	assert.Equal(t, s.Bounds(), s.JibrisEnv(c).Bounds(shards))
}

func TestWhatSettingsKnowOfANode(t *testing.T) {
	s, _ := filled(t)
	common := Node{Fleet: "jitsi", StateFile: StatePath, Poll: Duration(2 * time.Second), SickAfter: Duration(15 * time.Second)}

	bridge := common
	bridge.Role, bridge.Shard, bridge.Bridge, bridge.WakeStress = "bridge", "shard-1", "http://127.0.0.1:8080", 0.63
	assert.Equal(t, bridge, s.Node(fleet.RoleBridge, "shard-1"))

	signal := common
	signal.Role, signal.Shard = "signal", "shard-2"
	signal.Jicofo, signal.Prosody, signal.Web = "http://127.0.0.1:8888", "http://127.0.0.1:5280", "http://127.0.0.1:8000"
	signal.ProsodyHost, signal.ShardParameter, signal.StatePoll = "meet.jitsi", "/jitsi/shard/shard-2", Duration(4*time.Second)
	s.Edge.ShardLimit, signal.ShardLimit = 5000, 5000
	assert.Equal(t, signal, s.Node(fleet.RoleSignal, "shard-2"))
	s.Intervals.AgentPoll = Duration(10 * time.Second)
	assert.Equal(t, Duration(20*time.Second), s.Node(fleet.RoleSignal, "shard-2").StatePoll)
	s.Intervals.AgentPoll = Duration(2 * time.Second)

	edge := common
	edge.Role, edge.HAProxy, edge.WarmUp, edge.LeaveWait = "edge", "/run/haproxy/admin.sock", s.Edge.WarmUp, Duration(40*time.Second)
	edge.Master, edge.Servers, edge.Configuration = "/run/haproxy/master.sock", "/run/haproxy/servers", "/var/lib/jitsi-fleet/haproxy.cfg"
	edge.EdgeParameter, edge.StatePoll = "/jitsi/edge/configuration", Duration(4*time.Second)
	assert.Equal(t, edge, s.Node(fleet.RoleEdge, ""))
}

func TestWhatSettingsKnowOfARecorder(t *testing.T) {
	s, _ := filled(t)
	want := Node{
		Fleet: "jitsi", Role: "jibri", StateFile: StatePath, Poll: Duration(time.Second), SickAfter: Duration(15 * time.Second),
		StatePoll: Duration(time.Minute),
		Recorder: &RecorderNode{
			External: "http://127.0.0.1:2222", Internal: "http://127.0.0.1:3333", Unit: "jibri.service",
			Environment: "/etc/jitsi-fleet/jibri-shards.env", ShardsParameter: "/jitsi/jibri/shards", Resolver: "10.64.0.2:53",
			Spool: "/srv/jitsi/jibri/recordings", Proc: "/proc", DiskFloor: 10 << 30,
			JoinLimit: Duration(3 * time.Minute), FinalizeLimit: Duration(2 * time.Minute), StallLimit: Duration(time.Minute),
			RecordingLimit: Duration(12 * time.Hour),
		},
	}
	assert.Equal(t, want, s.Node(fleet.RoleJibri, ""))
	s.Intervals.AgentPoll, want.Poll = Duration(500*time.Millisecond), Duration(500*time.Millisecond)
	assert.Equal(t, want, s.Node(fleet.RoleJibri, ""), "an agent that polls more often already keeps to that")
}

func TestANodesFileIsReadAsItWasWritten(t *testing.T) {
	s, _ := filled(t)
	for _, node := range []Node{s.Node(fleet.RoleBridge, "shard-1"), s.Node(fleet.RoleJibri, "")} {
		raw, err := json.Marshal(node)
		require.NoError(t, err)
		var back Node
		require.NoError(t, json.Unmarshal(raw, &back))
		assert.Equal(t, node, back)
	}
}

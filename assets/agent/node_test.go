package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/agent"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// whole is a bridge's configuration with nothing missing.
func whole(t *testing.T) settings.Node {
	t.Helper()
	return settings.Node{
		Fleet: "f", Role: "bridge", Shard: "a", Instance: "i-1", Listen: "127.0.0.1:0",
		StateFile: filepath.Join(t.TempDir(), "deep", "state.json"), AgentSecretARN: "arn:secret", WakeTopicARN: "arn:topic",
		Bridge: "http://127.0.0.1:8080", Jicofo: "http://127.0.0.1:8888", Prosody: "http://127.0.0.1:5280", Web: "http://127.0.0.1:8000",
		Poll: settings.Duration(2 * time.Second), SickAfter: settings.Duration(15 * time.Second), WakeStress: 0.6,
	}
}

func file(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "node.json")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func written(t *testing.T, n settings.Node) string {
	t.Helper()
	raw, err := json.Marshal(n)
	require.NoError(t, err)
	return file(t, raw)
}

func TestConfigurationIsReadAsItWasWritten(t *testing.T) {
	n := whole(t)
	got, err := readNode(written(t, n))
	require.NoError(t, err)
	assert.Equal(t, n, got)
}

func TestConfigurationThatIsNotWholeIsRefusedWithEveryProblem(t *testing.T) {
	n := whole(t)
	n.Role, n.Fleet, n.WakeTopicARN, n.Poll, n.ShardParameter = "edge", "", "", 0, "/f/shard/a"
	_, err := readNode(written(t, n))
	require.ErrorContains(t, err, "fleet is empty")
	require.ErrorContains(t, err, "wakeTopicArn is empty")
	require.ErrorContains(t, err, "poll and sickAfter must be above zero")
	require.ErrorContains(t, err, "edgeParameter is empty")
	require.ErrorContains(t, err, "statePoll must be above zero")
	_, err = readNode(file(t, []byte(`{"fleet": "f", "colour": "red"}`)))
	require.ErrorContains(t, err, "colour")
	_, err = readNode(filepath.Join(t.TempDir(), "absent.json"))
	require.ErrorContains(t, err, "cannot be read")
}

func TestEachRoleHasItsComponent(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	n := whole(t)
	c, err := configure(n, agent.Bridge{}, log)
	require.NoError(t, err)
	assert.Equal(t, fleet.InstanceID("i-1"), c.Instance)
	assert.Equal(t, 15*time.Second, c.SickAfter)
	assert.DirExists(t, filepath.Dir(n.StateFile))
	n.HAProxy = "/run/haproxy/admin.sock"
	for role, component := range map[string]agent.Component{"bridge": agent.Bridge{}, "signal": agent.Signal{}, "edge": &agent.Edge{}} {
		n.Role = role
		got, _, err := assemble(n, nil, log)
		require.NoError(t, err)
		assert.IsType(t, component, got)
	}
	n.Role = "jester"
	_, _, err = assemble(n, nil, log)
	require.ErrorContains(t, err, `no agent for the role "jester"`)
}

func TestDiskIsAFraction(t *testing.T) {
	used, err := diskUsed()
	require.NoError(t, err)
	assert.Greater(t, used, 0.0)
	assert.LessOrEqual(t, used, 1.0)
}

// pointAt makes the SDK speak to a server that answers everything with one body.
func pointAt(t *testing.T, status int, body string) (asked *[]string) {
	t.Helper()
	asked = &[]string{}
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		*asked = append(*asked, r.Header.Get("X-Amz-Target"))
		mu.Unlock()
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y",
	} {
		t.Setenv(name, value)
	}
	return asked
}

func TestSecretComesFromSecretsManager(t *testing.T) {
	asked := pointAt(t, 200, `{"SecretString": "0123456789abcdef"}`)
	c, err := connect(t.Context(), whole(t))
	require.NoError(t, err)
	secret, ok := c.secret(t.Context(), slog.New(slog.DiscardHandler))
	require.True(t, ok)
	assert.Equal(t, "0123456789abcdef", string(secret))
	assert.Equal(t, []string{"secretsmanager.GetSecretValue"}, *asked)
}

func TestShortSecretIsNoneAndWaitingForOneEndsWithTheAgent(t *testing.T) {
	pointAt(t, 200, `{"SecretString": "short"}`)
	c, err := connect(t.Context(), whole(t))
	require.NoError(t, err)
	_, err = c.secretOnce(t.Context())
	require.ErrorContains(t, err, "shorter than 16 bytes")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, ok := c.secret(ctx, slog.New(slog.DiscardHandler))
	assert.False(t, ok)
	require.NoError(t, run(ctx, written(t, whole(t)), slog.New(slog.DiscardHandler)), "told to end before it began, it ends well")
}

func TestAgentServesUntilItIsToldToEnd(t *testing.T) {
	pointAt(t, 200, `{"SecretString": "0123456789abcdef"}`)
	n := whole(t)
	n.Listen = "127.222.0.1:17070"
	ctx, cancel := context.WithCancel(t.Context())
	ended, path := make(chan error, 1), written(t, n)
	go func() { ended <- run(ctx, path, slog.New(slog.DiscardHandler)) }()
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + n.Listen + "/healthz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, 5*time.Second, 10*time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
}

// check asks as HAProxy's agent-check does; it is empty when nobody answers.
func check(address string) string {
	connection, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return ""
	}
	defer func() { _ = connection.Close() }()
	answer, _ := io.ReadAll(connection)
	return string(answer)
}

func TestASignalNodesAgentFollowsTheParameterOfItsShard(t *testing.T) {
	asked := pointAt(t, 200, `{"SecretString": "0123456789abcdef", "Parameter": {"Value": "ready"}}`)
	n := whole(t)
	n.Role, n.Listen, n.CheckListen = "signal", "127.222.0.2:17070", "127.222.0.2:17071"
	n.ShardParameter, n.StatePoll = "/f/shard/a", settings.Duration(50*time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	ended, path := make(chan error, 1), written(t, n)
	go func() { ended <- run(ctx, path, slog.New(slog.DiscardHandler)) }()
	require.Eventually(t, func() bool { return check(n.CheckListen) == "down\n" }, 5*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		raw, err := os.ReadFile(n.StateFile)
		return err == nil && strings.Contains(string(raw), `"shardState":"ready"`)
	}, 5*time.Second, 10*time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	assert.Contains(t, *asked, "AmazonSSM.GetParameter")
}

// slotted makes a node the slot-1 of a HAProxy that does not run.
func slotted(t *testing.T, n *settings.Node) {
	t.Helper()
	dir := t.TempDir()
	n.Role, n.EdgeParameter, n.Slot, n.StatePoll = "edge", "/f/edge/configuration", "slot-1", settings.Duration(50*time.Millisecond)
	n.HAProxy, n.Master = filepath.Join(dir, "admin.sock"), filepath.Join(dir, "master.sock")
	n.Servers, n.Configuration = filepath.Join(dir, "servers"), filepath.Join(dir, "haproxy.cfg")
}

func TestAnEdgeNodesAgentLeavesTheLoadBalancerBeforeItEnds(t *testing.T) {
	pointAt(t, 200, `{"SecretString": "0123456789abcdef", "Parameter": {"Value": "s3://assets/d1.zip"}}`)
	n := whole(t)
	n.Role, n.Listen, n.CheckListen = "edge", "127.222.0.3:17070", "127.222.0.3:17071"
	slotted(t, &n)
	n.LeaveWait = settings.Duration(500 * time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	ended, path := make(chan error, 1), written(t, n)
	go func() { ended <- run(ctx, path, slog.New(slog.DiscardHandler)) }()
	require.Eventually(t, func() bool { return check(n.CheckListen) == "up maint\n" }, 5*time.Second, 10*time.Millisecond)
	began := time.Now()
	cancel()
	time.Sleep(100 * time.Millisecond)
	assert.Equal(t, "up maint\n", check(n.CheckListen), "it is there as long as it leaves")
	require.NoError(t, <-ended)
	assert.GreaterOrEqual(t, time.Since(began), n.LeaveWait.D())
	assert.Empty(t, check(n.CheckListen))
}

func TestAnAgentThatCannotAnswerChecksEnds(t *testing.T) {
	pointAt(t, 200, `{"SecretString": "0123456789abcdef"}`)
	n := whole(t)
	taken, err := net.Listen("tcp", "127.222.0.4:17071")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	n.Role, n.Listen, n.CheckListen = "signal", "127.222.0.4:17070", "127.222.0.4:17071"
	require.ErrorContains(t, run(t.Context(), written(t, n), slog.New(slog.DiscardHandler)), "agent-checks cannot be answered")
}

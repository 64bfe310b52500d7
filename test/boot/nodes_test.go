package boot

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// container is what a component's container is started with, as docker reads its environment file.
func (m machine) container(name string) (u unit, environment map[string]string) {
	m.t.Helper()
	u = units(m.read("etc/systemd/system/" + name + ".service"))
	file := "etc/jitsi-fleet/" + name + ".env"
	info, err := os.Stat(m.path(file))
	require.NoError(m.t, err)
	assert.Equal(m.t, os.FileMode(0o600), info.Mode(), "%s holds passwords", file)
	environment = map[string]string{}
	for line := range strings.Lines(m.read(file)) {
		key, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		assert.True(m.t, found && value != "", "%s: %s", file, line)
		environment[key] = value
	}
	return u, environment
}

// runs holds what every container needs: its pinned image, its environment, room in /run, and to stay down when it ends well.
func (m machine) runs(name string) {
	m.t.Helper()
	u, _ := m.container(name)
	start := u.last("ExecStart")
	image := "ghcr.io/jitsi/" + name + ":" + deployed.Release
	assert.True(m.t, strings.HasSuffix(start, " "+image), start)
	assert.Contains(m.t, start, " --network host ")
	assert.Contains(m.t, start, " --env-file /etc/jitsi-fleet/"+name+".env ")
	assert.Equal(m.t, "on-failure", u.last("Restart"))
	size := regexp.MustCompile(`--tmpfs /run:size=(\d+)M`).FindStringSubmatch(start)
	require.NotNil(m.t, size, start)
	megabytes, err := strconv.Atoi(size[1])
	require.NoError(m.t, err)
	assert.GreaterOrEqual(m.t, megabytes, 32, "upstream's /run of jvb and jicofo")
	for _, volume := range regexp.MustCompile(` -v ([^: ]+):`).FindAllStringSubmatch(start, -1) {
		assert.DirExists(m.t, m.path(volume[1]))
	}
	calls := m.calls()
	assert.Contains(m.t, calls, "docker pull -q "+image)
	assert.Contains(m.t, calls, "systemctl enable --now "+name+".service")
}

// agent holds that a node's agent is told its configuration and can start as a user without rights.
func (m machine) agent(role fleet.Role, shard string) {
	m.t.Helper()
	decoder := json.NewDecoder(strings.NewReader(m.read(settings.NodePath)))
	decoder.DisallowUnknownFields()
	var got settings.Node
	require.NoError(m.t, decoder.Decode(&got))
	want := deployed.Node(role, shard)
	want.Instance, want.Listen = instance, address+":"+strconv.Itoa(settings.AgentPort)
	if role == fleet.RoleSignal {
		want.CheckListen = address + ":" + strconv.Itoa(settings.CheckPort)
	}
	want.AgentSecretARN, want.WakeTopicARN = got.AgentSecretARN, got.WakeTopicARN
	if role == fleet.RoleJibri {
		assert.NotEmpty(m.t, got.Recorder.Bucket)
		assert.NotEmpty(m.t, got.Recorder.QueueURL)
		want.Recorder.Bucket, want.Recorder.QueueURL = got.Recorder.Bucket, got.Recorder.QueueURL
	}
	assert.Equal(m.t, want, got)
	u := units(m.read("etc/systemd/system/jitsi-fleet-agent.service"))
	assert.Equal(m.t, "eu-central-1", u.environment()["AWS_REGION"])
	for file, mode := range map[string]os.FileMode{u.last("ExecStart"): 0o005, settings.NodePath: 0o004} {
		info, err := os.Stat(m.path(file))
		require.NoError(m.t, err)
		assert.Equal(m.t, mode, info.Mode()&mode, "%s is open to the agent's user", file)
	}
	assert.Contains(m.t, m.calls(), "systemctl enable --now jitsi-fleet-agent.service")
	for _, call := range m.calls() {
		assert.NotContains(m.t, call, "secret-of-", "every process sees the arguments of another")
	}
}

func contains(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, value := range want {
		assert.Equal(t, value, got[name], name)
	}
}

func TestABridgeBootsDrainedAndIsReachedByItsAgentAlone(t *testing.T) {
	every(t, fleet.RoleBridge, func(t *testing.T, n node, m machine) {
		m.agent(fleet.RoleBridge, n.shard)
		m.runs("jvb")
		_, environment := m.container("jvb")
		contains(t, environment, map[string]string{
			"XMPP_SERVER": settings.SignalName(deployed.Fleet, n.shard), "JVB_AUTH_PASSWORD": "secret-of-jvb",
			"JVB_MUC_NICKNAME": instance, "JVB_OCTO_RELAY_ID": instance, "ENABLE_OCTO": "1",
			"COLIBRI_REST_ENABLED": "true", "SHUTDOWN_REST_ENABLED": "true", "DISABLE_AWS_HARVESTER": "false",
		})
		assert.Equal(t, "videobridge { initial-drain-mode = true http-servers.private.host = 127.0.0.1 }",
			strings.Join(strings.Fields(m.read("srv/jitsi/jvb/config/custom-jvb.conf")), " "))
		assert.Contains(t, m.calls(), "sysctl -q --system")
	})
}

func TestASignalNodeBootsItsThreeComponents(t *testing.T) {
	every(t, fleet.RoleSignal, func(t *testing.T, n node, m machine) {
		m.agent(fleet.RoleSignal, n.shard)
		environment := map[string]map[string]string{}
		for _, name := range []string{"prosody", "jicofo", "web"} {
			m.runs(name)
			_, environment[name] = m.container(name)
		}
		contains(t, environment["prosody"], map[string]string{
			"XMPP_MODULES": "muc_census", "JVB_AUTH_PASSWORD": "secret-of-jvb", "JICOFO_AUTH_PASSWORD": "secret-of-jicofo",
			"ENABLE_RECORDING": "1", "JIBRI_XMPP_PASSWORD": "secret-of-jibri", "JIBRI_RECORDER_PASSWORD": "secret-of-recorder",
		})
		contains(t, environment["jicofo"], map[string]string{
			"JICOFO_ENABLE_HEALTH_CHECKS": "1", "JICOFO_AUTH_PASSWORD": "secret-of-jicofo", "ENABLE_OCTO": "1", "XMPP_SERVER": "127.0.0.1",
			"ENABLE_RECORDING": "1",
		})
		assert.NotContains(t, environment["jicofo"], "JICOFO_ENABLE_REST", "with it the image listens on every address")
		contains(t, environment["web"], map[string]string{
			"DEPLOYMENTINFO_SHARD": n.shard, "PUBLIC_URL": "https://" + deployed.Domain,
			"ENABLE_RECORDING": "1",
		})
	})
}

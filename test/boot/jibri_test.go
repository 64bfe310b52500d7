package boot

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func TestARecorderBootsWithItsContainerReadyAndNotStarted(t *testing.T) {
	every(t, fleet.RoleJibri, func(t *testing.T, _ node, m machine) {
		m.agent(fleet.RoleJibri, "")
		_, environment := m.container("jibri")
		contains(t, environment, map[string]string{
			"PUBLIC_URL": "https://" + deployed.Domain, "JIBRI_INSTANCE_ID": instance,
			"JIBRI_XMPP_PASSWORD": "secret-of-jibri", "JIBRI_RECORDER_PASSWORD": "secret-of-recorder",
			"JIBRI_RECORDING_DIR": "/storage/recordings", "JIBRI_FINALIZE_RECORDING_SCRIPT_PATH": "/usr/local/bin/finalize", "DISPLAY": ":0",
		})
		for name := range environment {
			assert.NotContains(t, name, "AWS", "the container has no credentials")
		}
		assert.NotContains(t, environment, "XMPP_SERVER", "the list of shards is the agent's")
		for _, call := range m.calls() {
			assert.NotRegexp(t, `systemctl (enable|start|restart).*jibri\.service`, call, "the agent alone starts it")
		}
		assert.Less(t, m.index("docker pull -q ghcr.io/jitsi/jibri:"+deployed.Release), len(m.calls()))
		assert.Equal(t, "jibri { single-use-mode = false api.http { external-api-host = \"0.0.0.0\" internal-api-host = \"0.0.0.0\" } }",
			strings.Join(strings.Fields(m.read("srv/jitsi/jibri/config/custom-jibri.conf")), " "))
	})
}

// index is where a command stands among those that a boot gave; it fails when none is so.
func (m machine) index(call string) int {
	m.t.Helper()
	for i, c := range m.calls() {
		if c == call {
			return i
		}
	}
	require.Fail(m.t, "not called", call)
	return 0
}

func TestARecordersContainerHasNeitherTheHostsNetworkNorItsMetadata(t *testing.T) {
	every(t, fleet.RoleJibri, func(t *testing.T, _ node, m machine) {
		u := units(m.read("etc/systemd/system/jibri.service"), m.read("etc/systemd/system/jibri.service.d/metadata.conf"))
		start := u.last("ExecStart")
		assert.True(t, strings.HasSuffix(start, " ghcr.io/jitsi/jibri:"+deployed.Release), start)
		assert.NotContains(t, start, "--network")
		assert.NotContains(t, start, "--privileged")
		assert.NotContains(t, start, "--cap-add")
		for _, option := range []string{
			"--publish 127.0.0.1:2222:2222", "--publish 127.0.0.1:3333:3333", "--shm-size 2g", "--read-only",
			"-v " + settings.SpoolPath + ":/storage/recordings", "-v /opt/jitsi-fleet/finalize:/usr/local/bin/finalize:ro",
			"--env-file /etc/jitsi-fleet/jibri.env", "--env-file " + settings.JibriEnvironment,
		} {
			assert.Contains(t, start, " "+option+" ")
		}
		assert.Equal(t, "no", u.last("Restart"), "the agent alone restarts it")
		before := u["Service.ExecStartPre"]
		assert.Equal(t, "/bin/sh -c 'iptables -w -C DOCKER-USER -d 169.254.169.254 -j DROP || iptables -w -I DOCKER-USER -d 169.254.169.254 -j DROP'",
			before[len(before)-1], "no container without the rule")
		assert.NoFileExists(t, m.path(settings.JibriEnvironment))
		program, err := os.Stat(m.path("opt/jitsi-fleet/finalize"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o755), program.Mode(), "Jibri's user runs it")
	})
}

func TestARecordersAgentMayStartServicesAndDeleteRecordingsAndLittleElse(t *testing.T) {
	every(t, fleet.RoleJibri, func(t *testing.T, _ node, m machine) {
		u := units(m.read("etc/systemd/system/jitsi-fleet-agent.service"), m.read("etc/systemd/system/jitsi-fleet-agent.service.d/jibri.conf"))
		assert.Equal(t, "root", u.last("User"))
		assert.Equal(t, "no", u.last("DynamicUser"))
		assert.Equal(t, []string{"CAP_DAC_OVERRIDE"}, u["Service.CapabilityBoundingSet"])
		assert.Equal(t, "strict", u.last("ProtectSystem"))
		assert.Contains(t, strings.Join(u["Service.RestrictAddressFamilies"], " "), "AF_UNIX", "systemctl speaks over one")
		for _, folder := range strings.Fields(u.last("ReadWritePaths")) {
			assert.DirExists(t, m.path(folder), "systemd starts no service whose paths are not there")
		}
		assert.True(t, strings.HasPrefix(settings.SpoolPath, "/srv/jitsi/jibri/"))
		spool, err := os.Stat(m.path(settings.SpoolPath))
		require.NoError(t, err)
		assert.True(t, spool.IsDir())
		assert.Less(t, m.index("systemctl enable --now jitsi-fleet-agent.service"), m.index("docker pull -q ghcr.io/jitsi/jibri:"+deployed.Release))
	})
}

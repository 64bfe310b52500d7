//go:build !race

package templates

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// userData is what a group's nodes run at their first boot.
func (a assembly) userData(g resource) string {
	id := at(g.Properties, "MixedInstancesPolicy", "LaunchTemplate", "LaunchTemplateSpecification", "LaunchTemplateId", "Ref").(string)
	return a.resolve(g.Stack, at(a.templates[g.Stack].Resources[id].Properties, "LaunchTemplateData", "UserData"))
}

// file is the content of a here-document in the user data.
func file(t *testing.T, userData, path, word string) string {
	_, rest, ok := strings.Cut(userData, "cat > "+path+" <<'"+word+"'\n")
	require.True(t, ok, "no %s in the user data", path)
	content, _, ok := strings.Cut(rest, "\n"+word+"\n")
	require.True(t, ok)
	return content + "\n"
}

func TestANodeIsToldItsConfiguration(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for g := range a.of(group) {
			tags := tags(t, g)
			role := fleet.Role(tags[fleet.TagRole])
			decoder := json.NewDecoder(strings.NewReader(file(t, a.userData(g), settings.NodePath, "NODE")))
			decoder.DisallowUnknownFields()
			var got settings.Node
			require.NoError(t, decoder.Decode(&got), g.name())
			want := a.settings.Node(role, tags[fleet.TagShard])
			want.Instance, want.Listen = "@INSTANCE@", "@ADDRESS@:7070"
			switch role {
			case fleet.RoleSignal:
				want.CheckListen = "@ADDRESS@:7071"
			case fleet.RoleEdge:
				want.CheckListen = a.slot(t, g) + ":7071"
				name, _ := strings.CutPrefix(tags["Name"], a.settings.Fleet+"-edge-")
				want.Slot = "slot-" + name
			case fleet.RoleBridge, fleet.RoleJibri: // HAProxy never asks them
			}
			wake := "-wake"
			if role == fleet.RoleJibri {
				wake = "-jibri-wake"
				want.Recorder.Bucket = g.Stack + ".RecordingsBucket.Ref"
				want.Recorder.QueueURL = a.settings.Fleet + "-recordings"
			}
			want.AgentSecretARN = a.settings.Fleet + "/agent"
			want.WakeTopicARN = "arn:aws:sns:eu-central-1:123456789012:" + a.settings.Fleet + wake
			assert.Equal(t, want, got, g.name())
			_, ok := a.find("AWS::SNS::Topic", got.WakeTopicARN)
			assert.True(t, ok, g.name())
		}
	})
}

// slot is the fixed address that a HAProxy node is told.
func (a assembly) slot(t *testing.T, g resource) string {
	_, rest, ok := strings.Cut(a.userData(g), "export SLOT_ADDRESS='")
	require.True(t, ok, g.name())
	address, _, ok := strings.Cut(rest, "'")
	require.True(t, ok, g.name())
	return address
}

func TestASecretThatANodeReadsIsDeployedAndItsRoleMayReadIt(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		deployed := map[string]bool{}
		for s := range a.of("AWS::SecretsManager::Secret") {
			deployed[s.Properties["Name"].(string)] = true
			assert.NotEmpty(t, s.Properties["GenerateSecretString"], s.name())
		}
		reads := map[fleet.Role][]string{
			fleet.RoleBridge: {"agent", "jvb"}, fleet.RoleSignal: {"agent", "jvb", "jicofo", "jibri", "recorder"}, fleet.RoleEdge: {"agent"},
			fleet.RoleJibri: {"agent", "jibri", "recorder"},
		}
		for g := range a.of(group) {
			var may []string
			role := a.templates[g.Stack].Resources[a.nodeRole(t, g)]
			for _, p := range list(role.Properties["Policies"]) {
				for _, s := range a.statements(g.Stack, at(p, "PolicyDocument")) {
					if matches(s.Actions, "secretsmanager:GetSecretValue") {
						may = append(may, s.Resources...)
					}
				}
			}
			var want []string
			for _, name := range reads[fleet.Role(tags(t, g)[fleet.TagRole])] {
				assert.True(t, deployed[a.settings.Fleet+"/"+name], name)
				want = append(want, "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"+a.settings.Fleet+"/"+name+"-??????")
			}
			assert.Equal(t, want, may, g.name())
		}
	})
}

// nodeRole is the logical id of the role that a group's nodes have.
func (a assembly) nodeRole(t *testing.T, g resource) string {
	id := at(g.Properties, "MixedInstancesPolicy", "LaunchTemplate", "LaunchTemplateSpecification", "LaunchTemplateId", "Ref").(string)
	launch := a.templates[g.Stack].Resources[id]
	profile := at(launch.Properties, "LaunchTemplateData", "IamInstanceProfile", "Arn", "Fn::GetAtt", 0).(string)
	role, ok := at(a.templates[g.Stack].Resources[profile].Properties, "Roles", 0, "Ref").(string)
	require.True(t, ok, g.name())
	return role
}

func TestUserDataIsAShellScriptThatEC2Accepts(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for g := range a.of(group) {
			script := a.userData(g)
			assert.Less(t, len(script), 12*1024, "%s: EC2 takes 16 KiB", g.name())
			check := exec.Command("bash", "-n")
			check.Stdin = strings.NewReader(script)
			out, err := check.CombinedOutput()
			assert.NoError(t, err, "%s: %s", g.name(), out)
		}
	})
}

func TestBootScriptsAndBuildAreCleanShell(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join("..", "..", "assets", "boot", "*.sh"))
	require.NoError(t, err)
	require.NotEmpty(t, scripts)
	check := exec.Command("shellcheck", append(scripts, filepath.Join("..", "..", "scripts", "build"))...)
	out, err := check.CombinedOutput()
	assert.NoError(t, err, string(out))
}

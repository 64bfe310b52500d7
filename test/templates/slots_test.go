//go:build !race

package templates

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// slots are the groups of the HAProxy nodes.
func (a assembly) slots(t *testing.T) (groups []resource) {
	for g := range a.of(group) {
		if tags(t, g)[fleet.TagRole] == string(fleet.RoleEdge) {
			groups = append(groups, g)
		}
	}
	assert.Len(t, groups, a.settings.Edge.Slots)
	return groups
}

// asset is the folder of the assembly that becomes the object with a key.
func (a assembly) asset(t *testing.T, key string) string {
	manifests, err := filepath.Glob(filepath.Join(a.folder, "*.assets.json"))
	require.NoError(t, err)
	for _, path := range manifests {
		raw, err := os.ReadFile(filepath.Clean(path))
		require.NoError(t, err)
		var manifest struct {
			Files map[string]struct {
				Source struct{ Path, Packaging string }
			}
		}
		require.NoError(t, json.Unmarshal(raw, &manifest))
		if f, ok := manifest.Files[strings.TrimSuffix(key, ".zip")]; ok {
			assert.Equal(t, "zip", f.Source.Packaging)
			return filepath.Join(a.folder, f.Source.Path)
		}
	}
	require.Fail(t, "no asset has the key", key)
	return ""
}

func TestASlotMayFetchTheConfigurationThatTheParameterNamesAndHAProxyAcceptsIt(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		name := settings.EdgeParameter(a.settings.Fleet)
		parameter, deployed := a.parameters()[name]
		require.True(t, deployed, name)
		assert.Equal(t, "String", parameter.Properties["Type"])
		object, s3 := strings.CutPrefix(a.resolve(parameter.Stack, parameter.Properties["Value"]), "s3://")
		require.True(t, s3)
		folder := a.asset(t, filepath.Base(object))
		for _, g := range a.slots(t) {
			id := a.nodeRole(t, g)
			role := a.templates[g.Stack].Resources[id]
			assert.True(t, a.roleMay(g.Stack, role, "ssm:GetParameter", "arn:aws:ssm:eu-central-1:123456789012:parameter"+name), g.name())
			assert.False(t, a.roleMay(g.Stack, role, "ssm:GetParameter", "arn:aws:ssm:eu-central-1:123456789012:parameter"+settings.RuntimeParameter(a.settings.Fleet)))
			assert.True(t, a.roleMay(g.Stack, role, "s3:GetObject", "arn:aws:s3:::"+object), g.name())
			assert.False(t, a.roleMay(g.Stack, role, "s3:GetObject", "arn:aws:s3:::"+object+"x"), g.name())
			assert.False(t, a.roleMay(g.Stack, role, "s3:PutObject", "arn:aws:s3:::"+object), g.name())

			var told settings.Node
			require.NoError(t, json.Unmarshal([]byte(file(t, a.userData(g), settings.NodePath, "NODE")), &told))
			path := filepath.Join(folder, settings.EdgeFile(told.Slot))
			text, err := os.ReadFile(filepath.Clean(path))
			require.NoError(t, err, g.name())
			assert.Contains(t, string(text), "localpeer "+told.Slot+"\n")
			assert.Contains(t, string(text), " "+a.slot(t, g)+":", g.name())
			for _, shard := range a.settings.Shards {
				assert.Contains(t, string(text), " "+settings.SignalName(a.settings.Fleet, shard.Name)+":", g.name())
			}
			check := exec.Command("haproxy", "-c", "-f", path)
			check.Env = append(os.Environ(), routing.SocketVariable+"="+told.HAProxy, routing.StateVariable+"="+told.Servers)
			out, err := check.CombinedOutput()
			assert.NoError(t, err, "%s: %s", g.name(), out)
		}
	})
}

func TestANewShardReachesTheSlotsAndReplacesNone(t *testing.T) {
	for _, kind := range []string{"AWS::EC2::LaunchTemplate", group} {
		before, after := slices.Collect(deployed.of(kind)), slices.Collect(oneMoreShard.of(kind))
		for _, r := range before {
			if r.Stack != "jitsi-edge" {
				continue
			}
			assert.Contains(t, after, r, "%s is the same with one shard more", r.name())
		}
	}
	name := settings.EdgeParameter(deployed.settings.Fleet)
	value := func(a assembly) string {
		p := a.parameters()[name]
		return a.resolve(p.Stack, p.Properties["Value"])
	}
	assert.NotEqual(t, value(deployed), value(oneMoreShard))
}

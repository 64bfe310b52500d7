//go:build !race

package templates

import (
	"encoding/csv"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStacksAreThoseOfTheDesign(t *testing.T) {
	want := []string{"jitsi-control", "jitsi-edge", "jitsi-jibri", "jitsi-monitoring", "jitsi-network"}
	for _, s := range deployed.settings.Shards {
		want = append(want, "jitsi-shard-"+s.Name)
	}
	assert.Equal(t, slices.Sorted(slices.Values(want)), slices.Sorted(maps.Keys(deployed.templates)))
}

func TestANewShardChangesNeitherNetworkNorControlNorAnotherShard(t *testing.T) {
	for stack := range deployed.templates {
		switch stack {
		case "jitsi-edge", "jitsi-jibri", "jitsi-monitoring": // they know the shards
			assert.NotEqual(t, deployed.raw[stack], oneMoreShard.raw[stack], stack)
		default:
			assert.JSONEq(t, deployed.raw[stack], oneMoreShard.raw[stack], stack)
		}
	}
	assert.Contains(t, oneMoreShard.templates, "jitsi-shard-new")
}

func TestAStackStandsOnlyOnStacksThatAreDeployedBeforeIt(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for r := range a.all() {
			assert.NotPanics(t, func() { a.resolveAll(r.Stack, r.Properties) }, r.name())
		}
	})
}

// resolveAll resolves every value below, so that an import that nobody exports is found.
func (a assembly) resolveAll(stack string, value any) {
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			a.resolveAll(stack, one)
		}
	case map[string]any:
		if imported, ok := v["Fn::ImportValue"]; ok {
			a.imported(a.resolve(stack, imported))
			return
		}
		for _, one := range v {
			a.resolveAll(stack, one)
		}
	}
}

func TestTheOperatorsTagsAreOnTheResources(t *testing.T) {
	for q := range wider.of(queueType) {
		assert.Contains(t, list(q.Properties["Tags"]), map[string]any{"Key": "team", "Value": "video"}, q.name())
	}
	for g := range wider.of(group) {
		assert.Equal(t, "video", tags(t, g)["team"], g.name())
	}
}

// Columns of cdk-nag's report.
const (
	nagRule       = 0
	nagResource   = 1
	nagCompliance = 2
	nagReason     = 3
)

func TestCdkNagFindsNothingWithoutAWrittenReason(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		reports, err := filepath.Glob(filepath.Join(a.folder, "AwsSolutions-*-NagReport.csv"))
		require.NoError(t, err)
		require.Len(t, reports, len(a.templates), "one report for each stack")
		var compliant int
		for _, report := range reports {
			f, err := os.Open(filepath.Clean(report))
			require.NoError(t, err)
			rows, err := csv.NewReader(f).ReadAll()
			require.NoError(t, f.Close())
			require.NoError(t, err)
			for _, row := range rows[1:] {
				switch row[nagCompliance] {
				case "Compliant", "N/A":
					compliant++
				case "Suppressed":
					assert.Greater(t, len(row[nagReason]), 30, "%s on %s: say why", row[nagRule], row[nagResource])
				default:
					assert.Fail(t, row[nagRule]+" on "+row[nagResource], row[nagCompliance])
				}
			}
		}
		assert.Positive(t, compliant)
	})
}

// cfn-lint is Python: scripts/test installs it and names it here.
func TestCfnLintFindsNoError(t *testing.T) {
	lint := os.Getenv("CFN_LINT")
	if lint == "" {
		t.Skip("CFN_LINT names no cfn-lint; ./scripts/test sets it")
	}
	every(t, func(t *testing.T, a assembly) {
		files, err := filepath.Glob(filepath.Join(a.folder, "*.template.json"))
		require.NoError(t, err)
		out, err := exec.Command(lint, append([]string{"--non-zero-exit-code", "error", "--regions", "us-east-1", "eu-central-1", "ap-southeast-2", "--"}, files...)...).CombinedOutput()
		assert.NoError(t, err, string(out))
	})
}

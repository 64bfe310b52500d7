//go:build !race

package templates

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// parameters are the SSM parameters by name.
func (a assembly) parameters() map[string]resource {
	found := map[string]resource{}
	for p := range a.of("AWS::SSM::Parameter") {
		found[a.resolve(p.Stack, p.Properties["Name"])] = p
	}
	return found
}

func TestEveryShardIsBornInDrainAndItsSignalNodeMayFollowThatStateOnly(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		parameters := a.parameters()
		assert.Len(t, parameters, len(a.settings.Shards)+3, "and the run-time values, the slots' configuration, and the list for recorders")
		follows := map[string][]string{}
		for g := range a.of(group) {
			tags := tags(t, g)
			if tags[fleet.TagRole] != string(fleet.RoleSignal) {
				continue
			}
			role := a.templates[g.Stack].Resources[a.nodeRole(t, g)]
			for _, p := range list(role.Properties["Policies"]) {
				for _, s := range a.statements(g.Stack, at(p, "PolicyDocument")) {
					if matches(s.Actions, "ssm:GetParameter") {
						follows[tags[fleet.TagShard]] = append(follows[tags[fleet.TagShard]], s.Resources...)
					}
				}
			}
		}
		for _, shard := range a.settings.Shards {
			name := settings.ShardParameter(a.settings.Fleet, shard.Name)
			p, deployed := parameters[name]
			assert.True(t, deployed, name)
			assert.Equal(t, map[string]any{"Name": name, "Type": "String", "Value": "drain"}, without(p.Properties, "Tags"),
				"another property would make CloudFormation write the value anew, over the operator's")
			assert.Equal(t, []string{"arn:aws:ssm:eu-central-1:123456789012:parameter" + name}, follows[shard.Name])
		}
	})
}

// without is an object without one of its keys.
func without(object map[string]any, key string) map[string]any {
	rest := map[string]any{}
	for k, v := range object {
		if k != key {
			rest[k] = v
		}
	}
	return rest
}

func TestAShardsStateWakesTheLambdaShards(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		function := "arn:aws:lambda:eu-central-1:123456789012:function:" + a.settings.Fleet + "-shards"
		var follows bool
		for r := range a.of("AWS::Events::Rule") {
			follows = follows || at(r.Properties, "EventPattern", "detail", "name", 0, "prefix") == "/"+a.settings.Fleet+"/shard/" &&
				a.resolve(r.Stack, at(r.Properties, "Targets", 0, "Arn")) == function
		}
		assert.True(t, follows, "no rule follows the shards' parameters")
		role, ok := a.functionRole(function)
		assert.True(t, ok)
		for _, shard := range a.settings.Shards {
			name := settings.ShardParameter(a.settings.Fleet, shard.Name)
			assert.True(t, a.roleMay(role.Stack, role, "ssm:GetParameter", "arn:aws:ssm:eu-central-1:123456789012:parameter"+name), name)
		}
		assert.False(t, a.roleMay(role.Stack, role, "ssm:GetParameter", "arn:aws:ssm:eu-central-1:123456789012:parameter"+settings.RuntimeParameter(a.settings.Fleet)))
	})
}

// functionRole is the role of a Lambda.
func (a assembly) functionRole(arn string) (resource, bool) {
	f, ok := a.find(functionType, arn)
	if !ok {
		return resource{}, false
	}
	id, ok := at(f.Properties, "Role", "Fn::GetAtt", 0).(string)
	role := a.templates[f.Stack].Resources[id]
	role.ID, role.Stack = id, f.Stack
	return role, ok
}

func TestAShardsLimitIsAnAlarmOnlyWhereThereIsOne(t *testing.T) {
	full := func(a assembly) (thresholds []float64) {
		for alarm := range a.of(alarmType) {
			if alarm.Properties["MetricName"] == telemetry.Participants.Name {
				thresholds = append(thresholds, alarm.Properties["Threshold"].(float64))
			}
		}
		return thresholds
	}
	assert.Empty(t, full(deployed))
	limit := float64(wider.settings.Edge.ShardLimit)
	assert.Equal(t, []float64{limit, limit}, full(wider))
}

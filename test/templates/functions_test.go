//go:build !race

package templates

import (
	"path"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func TestEveryLambdaGetsExactlyItsEnvContract(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		found := map[string]bool{}
		for f := range a.of(functionType) {
			name := strings.TrimPrefix(f.Properties["FunctionName"].(string), a.settings.Fleet+"-")
			contract, ok := settings.Lambdas[name]
			require.True(t, ok, "%s has no env contract", f.name())
			found[name] = true
			variables := at(f.Properties, "Environment", "Variables").(map[string]any)
			asked := map[string]bool{}
			into := reflect.New(reflect.TypeOf(contract))
			err := settings.DecodeEnv(into.Interface(), func(key string) (string, bool) {
				asked[key] = true
				v, ok := variables[key]
				return a.resolve(f.Stack, v), ok
			})
			assert.NoError(t, err, f.name())
			assert.Len(t, variables, len(asked), "%s: a variable that nobody reads", f.name())
			control := into.Elem().FieldByName("Control").Interface().(settings.Control)
			assert.Equal(t, a.settings.Fleet, control.Fleet)
			assert.Equal(t, a.settings.Fleet+"/agent", control.AgentSecretARN)
			switch e := into.Interface().(type) {
			case *settings.BridgesEnv:
				_, ok := a.parameters()[e.RuntimeParameter]
				assert.True(t, ok, e.RuntimeParameter)
				assert.Equal(t, a.nameOf(t, "AWS::DynamoDB::Table", "TableName"), e.StateTable)
			case *settings.LifecycleEnv:
				assert.Equal(t, a.nameOf(t, "AWS::DynamoDB::Table", "TableName"), e.StateTable)
				assert.True(t, strings.HasSuffix(e.PrivateZoneID, ".PrivateZone.Ref"), e.PrivateZoneID)
			case *settings.ShardsEnv:
				assert.Equal(t, a.nameOf(t, "AWS::DynamoDB::Table", "TableName"), e.StateTable)
				assert.Equal(t, a.settings.Edge.MendPause.D(), e.MendPause)
			}
		}
		assert.Len(t, found, len(settings.Lambdas))
	})
}

// nameOf is the physical name of the only resource of a type.
func (a assembly) nameOf(t *testing.T, kind, property string) string {
	t.Helper()
	var names []string
	for r := range a.of(kind) {
		names = append(names, a.resolve(r.Stack, r.Properties[property]))
	}
	require.Len(t, names, 1, kind)
	return names[0]
}

func TestLambdasAreArmBinariesInPrivateSubnets(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for f := range a.of(functionType) {
			assert.Equal(t, "provided.al2023", f.Properties["Runtime"], f.name())
			assert.Equal(t, []any{"arm64"}, f.Properties["Architectures"], f.name())
			assert.Equal(t, "bootstrap", f.Properties["Handler"], f.name())
			subnets := list(at(f.Properties, "VpcConfig", "SubnetIds"))
			assert.Len(t, subnets, a.settings.Network.AvailabilityZones, f.name())
			for _, s := range subnets {
				assert.Contains(t, a.resolve(f.Stack, s), ".PrivateSubnet", f.name())
			}
			assert.Less(t, f.Properties["Timeout"], 60.0, "%s would overlap with its next schedule", f.name())
		}
	})
}

func TestEveryLogIsKeptForALimitedTimeAndWrittenWhereItIsRead(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		groups := map[string]bool{}
		for g := range a.of("AWS::Logs::LogGroup") {
			assert.Positive(t, g.Properties["RetentionInDays"], g.name())
			groups[g.ID] = true
		}
		for f := range a.of(functionType) {
			assert.True(t, groups[at(f.Properties, "LoggingConfig", "LogGroup", "Ref").(string)], f.name())
			assert.Equal(t, "Text", at(f.Properties, "LoggingConfig", "LogFormat"), f.name())
		}
	})
}

func TestNothingIsDoneByTheCDKsOwnLambdas(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for r := range a.all() {
			assert.False(t, strings.HasPrefix(r.Type, "Custom::") || r.Type == "AWS::CloudFormation::CustomResource", r.name())
		}
		var functions []string
		for f := range a.of(functionType) {
			functions = append(functions, f.Properties["FunctionName"].(string))
		}
		assert.Len(t, functions, len(settings.Lambdas), functions)
	})
}

// describes are the actions for which AWS knows no resources.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
var describes = []string{"autoscaling:Describe*", "ec2:Describe*"}

// inVPC are Lambda's own actions for network interfaces that do not exist yet.
var inVPC = []string{"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses"}

func TestNoRoleMayDoMoreThanItsWork(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for r := range a.of("AWS::IAM::Role") {
			assert.Empty(t, r.Properties["ManagedPolicyArns"], r.name())
			for _, p := range list(r.Properties["Policies"]) {
				for _, s := range a.statements(r.Stack, at(p, "PolicyDocument")) {
					for _, action := range s.Actions {
						assert.NotContains(t, action, "*", "%s: a role names its actions", r.name())
						if matches(s.Resources, "anything at all") {
							assert.True(t, matches(append(inVPC, describes...), action), "%s: %s on everything", r.name(), action)
						}
						if service, verb := path.Split(strings.ReplaceAll(action, ":", "/")); service == "autoscaling/" && !strings.HasPrefix(verb, "Describe") {
							assert.Equal(t, a.settings.Fleet, s.Conditions["StringEquals"]["autoscaling:ResourceTag/jitsi-fleet:fleet"], "%s: %s", r.name(), action)
						}
					}
				}
			}
		}
	})
}

func TestTheStateTableOutlivesMistakesAndForgetsWhatExpired(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		var tables int
		for table := range a.of("AWS::DynamoDB::Table") {
			tables++
			assert.Equal(t, "PAY_PER_REQUEST", table.Properties["BillingMode"])
			assert.Equal(t, true, at(table.Properties, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"))
			assert.Equal(t, true, at(table.Properties, "SSESpecification", "SSEEnabled"))
			assert.Equal(t, map[string]any{"AttributeName": "expires", "Enabled": true}, table.Properties["TimeToLiveSpecification"])
			assert.Equal(t, []any{map[string]any{"AttributeName": "pk", "KeyType": "HASH"}}, table.Properties["KeySchema"])
		}
		assert.Equal(t, 1, tables)
	})
}

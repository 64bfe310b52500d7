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
			if field := into.Elem().FieldByName("Control"); field.IsValid() {
				control := field.Interface().(settings.Control)
				assert.Equal(t, a.settings.Fleet, control.Fleet)
				assert.Equal(t, a.settings.Fleet+"/agent", control.AgentSecretARN)
			}
			state := a.settings.Fleet + "-state"
			_, ok = a.table(state)
			assert.True(t, ok, state)
			switch e := into.Interface().(type) {
			case *settings.BridgesEnv:
				_, ok := a.parameters()[e.RuntimeParameter]
				assert.True(t, ok, e.RuntimeParameter)
				assert.Equal(t, state, e.StateTable)
			case *settings.LifecycleEnv:
				assert.Equal(t, state, e.StateTable)
				assert.True(t, strings.HasSuffix(e.PrivateZoneID, ".PrivateZone.Ref"), e.PrivateZoneID)
			case *settings.ShardsEnv:
				assert.Equal(t, state, e.StateTable)
				assert.Equal(t, a.settings.Edge.MendPause.D(), e.MendPause)
			case *settings.JibrisEnv:
				_, ok := a.parameters()[e.RuntimeParameter]
				assert.True(t, ok, e.RuntimeParameter)
				assert.Equal(t, state, e.StateTable)
			case *settings.RecordingsEnv:
				assert.Equal(t, f.Stack+".Catalogue.Ref", e.Catalogue)
				assert.Equal(t, f.Stack+".RecordingsBucket.Ref", e.Bucket)
				_, ok := a.find("AWS::SNS::Topic", e.TopicARN)
				assert.True(t, ok, e.TopicARN)
			}
		}
		assert.Len(t, found, len(settings.Lambdas))
	})
}

// table is the DynamoDB table of a name.
func (a assembly) table(name string) (resource, bool) {
	return a.find("AWS::DynamoDB::Table", "arn:aws:dynamodb:eu-central-1:123456789012:table/"+name)
}

func TestLambdasAreArmBinariesAndThoseThatAskAgentsAreInPrivateSubnets(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for f := range a.of(functionType) {
			assert.Equal(t, "provided.al2023", f.Properties["Runtime"], f.name())
			assert.Equal(t, []any{"arm64"}, f.Properties["Architectures"], f.name())
			assert.Equal(t, "bootstrap", f.Properties["Handler"], f.name())
			assert.Less(t, f.Properties["Timeout"], 60.0, "%s would overlap with its next schedule", f.name())
			subnets := list(at(f.Properties, "VpcConfig", "SubnetIds"))
			if strings.HasSuffix(f.Properties["FunctionName"].(string), "-recordings") {
				assert.Empty(t, f.Properties["VpcConfig"], f.name())
				continue
			}
			assert.Len(t, subnets, a.settings.Network.AvailabilityZones, f.name())
			for _, s := range subnets {
				assert.Contains(t, a.resolve(f.Stack, s), ".PrivateSubnet", f.name())
			}
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

func TestTablesOutliveMistakes(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		var tables int
		for table := range a.of("AWS::DynamoDB::Table") {
			tables++
			assert.Equal(t, "PAY_PER_REQUEST", table.Properties["BillingMode"], table.name())
			assert.Equal(t, true, at(table.Properties, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"), table.name())
			assert.Equal(t, true, at(table.Properties, "SSESpecification", "SSEEnabled"), table.name())
		}
		assert.Equal(t, 2, tables)
	})
}

func TestTheStateTableForgetsWhatExpiredAndTheCatalogueNothing(t *testing.T) {
	key := func(name, kind string) any { return map[string]any{"AttributeName": name, "KeyType": kind} }
	every(t, func(t *testing.T, a assembly) {
		state, ok := a.table(a.settings.Fleet + "-state")
		require.True(t, ok)
		assert.Equal(t, map[string]any{"AttributeName": "expires", "Enabled": true}, state.Properties["TimeToLiveSpecification"])
		assert.Equal(t, []any{key("pk", "HASH")}, state.Properties["KeySchema"])
		catalogue := a.templates[a.settings.Fleet+"-jibri"].Resources["Catalogue"]
		assert.Equal(t, true, catalogue.Properties["DeletionProtectionEnabled"])
		assert.NotContains(t, catalogue.Properties, "TableName", "a name of its own would stop a deployment after a deletion")
		assert.NotContains(t, catalogue.Properties, "TimeToLiveSpecification")
		assert.Equal(t, []any{key("day", "HASH"), key("id", "RANGE")}, catalogue.Properties["KeySchema"])
		assert.Equal(t, "Retain", catalogue.DeletionPolicy)
		assert.Equal(t, "Retain", catalogue.UpdateReplacePolicy)
	})
}

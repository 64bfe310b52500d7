//go:build !race

package templates

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/dashboard"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// bodies are the deployed dashboards' bodies by name, with CloudFormation's words filled in.
func (a assembly) bodies(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for d := range a.of("AWS::CloudWatch::Dashboard") {
		body, ok := at(d.Properties, "DashboardBody", "Fn::Sub").(string)
		require.True(t, ok, d.name())
		for word, value := range pseudo {
			body = strings.ReplaceAll(body, "${"+word+"}", value)
		}
		assert.NotContains(t, body, "${", "%s: a word that CloudFormation is not asked to know", d.name())
		all[d.Properties["DashboardName"].(string)] = body
	}
	return all
}

func TestTheDashboardsAreDeployedAndShowAlarmsThatAreToo(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		deployed := map[string]bool{}
		for _, kind := range []string{alarmType, compositeType} {
			for r := range a.of(kind) {
				deployed["arn:aws:cloudwatch:eu-central-1:123456789012:alarm:"+r.Properties["AlarmName"].(string)] = true
			}
		}
		bodies := a.bodies(t)
		assert.Len(t, bodies, len(dashboard.Of(a.settings)))
		shown := 0
		for name, body := range bodies {
			var read struct {
				Widgets []struct{ Properties map[string]any }
			}
			require.NoError(t, json.Unmarshal([]byte(body), &read), name)
			for _, w := range read.Widgets {
				for _, arn := range list(w.Properties["alarms"]) {
					shown++
					assert.True(t, deployed[arn.(string)], "%s shows %v", name, arn)
				}
			}
		}
		assert.Positive(t, shown)
	})
}

func TestADashboardDrawsAndReadsOnlyWhatIsDeployed(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		deployed, groups := map[string]bool{}, map[string]bool{}
		for f := range a.of(functionType) {
			deployed[f.Properties["FunctionName"].(string)] = true
		}
		for q := range a.of(queueType) {
			if name, plain := q.Properties["QueueName"].(string); plain {
				deployed[name] = true
			}
		}
		for g := range a.of("AWS::Logs::LogGroup") {
			if name, plain := g.Properties["LogGroupName"].(string); plain {
				groups[name] = true
			}
		}
		for _, d := range dashboard.Of(a.settings) {
			for _, line := range d.Lines() {
				if line.Namespace != telemetry.Namespace {
					assert.True(t, deployed[line.Dimensions["FunctionName"]+line.Dimensions["QueueName"]], "%s: %v", d.Name, line)
				}
			}
			for _, row := range d.Rows {
				for _, w := range row.Widgets {
					if l, is := w.(dashboard.Log); is {
						for _, group := range l.Groups {
							assert.True(t, groups[group], "%s reads %s", d.Name, group)
						}
					}
				}
			}
		}
	})
}

package emulator

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

// TestWrongWiringIsRefusedAtAdoption edits one thing in the template that else is adopted, and reads the refusal.
func TestWrongWiringIsRefusedAtAdoption(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(resources map[string]object)
		want string
	}{
		"a hook's role that may not send to the queue": {
			func(r map[string]object) { r["HookRole"].properties()["Policies"] = []any{} },
			"unable to publish test message to notification target"},
		"a hook's role that Auto Scaling may not take": {
			func(r map[string]object) {
				r["HookRole"].properties()["AssumeRolePolicyDocument"] = r["WorkerRole"].properties()["AssumeRolePolicyDocument"]
			}, "its trust policy does not allow it"},
		"a heartbeat timeout beyond two hours": {
			func(r map[string]object) {
				r["Group"].properties()["LifecycleHookSpecificationList"].([]any)[0].(map[string]any)["HeartbeatTimeout"] = 7201
			}, "lies outside 30 to 7200"},
		"a mapping whose function may not read the queue": {
			func(r map[string]object) {
				r["Mapping"].properties()["EventSourceArn"] = map[string]any{"Fn::GetAtt": []any{"Closed", "Arn"}}
			}, "the function execution role does not have permissions"},
		"a queue that shows messages again before the function's timeout": {
			func(r map[string]object) { r["Work"].properties()["VisibilityTimeout"] = 29 },
			"queue visibility timeout 29s is less than function timeout 30s"},
		"a dead letter queue that the function may not send to": {
			func(r map[string]object) {
				r["Worker"].properties()["DeadLetterConfig"] = map[string]any{"TargetArn": map[string]any{"Fn::GetAtt": []any{"Dead", "Arn"}}}
			}, "the provided execution role cannot reach its dead letter target"},
		"a resource that would silently do nothing": {
			func(r map[string]object) {
				r["Late"] = object{"Type": "AWS::AutoScaling::LifecycleHook", "Properties": map[string]any{}}
			}, "app/Late (AWS::AutoScaling::LifecycleHook) is not known to the emulator"},
		"an environment that is too large": {
			func(r map[string]object) {
				r["Worker"].properties()["Environment"] = map[string]any{"Variables": map[string]any{"LARGE": strings.Repeat("x", 4096)}}
			}, "exceed the 4 KB limit"},
		"metric math": {
			func(r map[string]object) { r["LoadHigh"].properties()["Metrics"] = []any{map[string]any{"Id": "m"}} },
			"metric math is not known to the emulator"},
		"a schedule that is no rate": {
			func(r map[string]object) { r["Minute"].properties()["ScheduleExpression"] = "cron(* * * * ? *)" },
			"it knows rate(...) only"},
		"a rule on events that nothing emits": {
			func(r map[string]object) {
				r["Own"].properties()["EventPattern"] = map[string]any{"source": []any{"aws.ec2"}}
			}, "events of aws.ec2 are not emitted by the emulator"},
		"an alarm on a metric that nothing produces": {
			func(r map[string]object) { r["DeadNotEmpty"].properties()["MetricName"] = "NumberOfMessagesSent" },
			"metric NumberOfMessagesSent of AWS/SQS is not produced by the emulator"},
		"an unknown AWS-managed policy": {
			func(r map[string]object) {
				r["NodeRole"].properties()["ManagedPolicyArns"] = []any{"arn:aws:iam::aws:policy/AdministratorAccess"}
			}, "AdministratorAccess is not known to the emulator"},
		"a reference to what is not there": {
			func(r map[string]object) {
				r["Mail"].properties()["TopicArn"] = map[string]any{"Ref": "Nothing"}
			}, `Ref names "Nothing", which stack app does not hold`},
	} {
		t.Run(name, func(t *testing.T) {
			cloud, err := Start(Options{Moto: shared.moto, Clock: pace.Clock{Factor: factor},
				Binary: func(FunctionSource) (string, error) { return "/bin/true", nil }})
			require.NoError(t, err)
			defer func() { require.NoError(t, cloud.Close()) }()
			assert.ErrorContains(t, cloud.Adopt(context.Background(), edited(t, c.edit)), c.want)
		})
	}
}

// object is a resource of a template.
type object map[string]any

func (o object) properties() map[string]any { return o["Properties"].(map[string]any) }

// edited copies the assembly in testdata with one edit of the template "app".
func edited(t *testing.T, edit func(map[string]object)) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range []string{"manifest.json", "net.template.json", "app.template.json"} {
		raw, err := os.ReadFile(filepath.Join("testdata", "assembly", file))
		require.NoError(t, err)
		if file == "app.template.json" {
			var template struct{ Resources map[string]object }
			require.NoError(t, json.Unmarshal(raw, &template))
			edit(template.Resources)
			raw, err = json.Marshal(template)
			require.NoError(t, err)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), raw, 0o600))
	}
	return dir
}

func TestAFunctionWithoutAProgramIsRefused(t *testing.T) {
	cloud, err := Start(Options{Moto: shared.moto, Binary: func(FunctionSource) (string, error) { return "/nowhere", nil }})
	require.NoError(t, err)
	defer func() { require.NoError(t, cloud.Close()) }()
	assert.ErrorContains(t, cloud.Adopt(t.Context(), "testdata/assembly"), "app/Worker (AWS::Lambda::Function): its program cannot be run")
}

func TestBeforeAdoptionEverythingIsMotos(t *testing.T) {
	cloud, err := Start(Options{Moto: shared.moto})
	require.NoError(t, err)
	defer func() { require.NoError(t, cloud.Close()) }()
	_, err = cloud.Resolver("127.0.0.1:0")
	assert.ErrorContains(t, err, "nothing was adopted")
	assert.ErrorContains(t, cloud.Adopt(t.Context(), t.TempDir()), "assembly is not readable")
	assert.Empty(t, cloud.Problems())
	assert.Empty(t, cloud.Schedules())
}

package assembly

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// needing is the part of a template that moto needs an edit for, as cdk writes it, and what moto says of it.
type needing struct {
	part map[string]any
	says string
}

// edited has one for each type of Edits.
var edited = map[string]needing{
	"AWS::ElasticLoadBalancingV2::Listener": {map[string]any{
		"Subject": kind{"AWS::ElasticLoadBalancingV2::Listener", map[string]any{
			"LoadBalancerArn": ref("Balancer"), "Port": 443, "Protocol": "TLS",
			"Certificates":   []any{map[string]any{"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"}},
			"SslPolicy":      "ELBSecurityPolicy-TLS13-1-2-2021-06",
			"DefaultActions": []any{map[string]any{"Type": "forward", "TargetGroupArn": ref("Group")}},
		}}.resource(),
		"Balancer": kind{"AWS::ElasticLoadBalancingV2::LoadBalancer", map[string]any{
			"Type": "network", "Scheme": "internet-facing", "Subnets": []any{ref("Subnet")},
		}}.resource(),
		"Group": kind{"AWS::ElasticLoadBalancingV2::TargetGroup", map[string]any{
			"Protocol": "TCP", "Port": 8080, "VpcId": ref("VPC"), "TargetType": "ip",
		}}.resource(),
	}, "Listener protocol 'TLS' must be one of"},
}

// whole is the part of a template with the bystanders that it refers to.
func whole(t *testing.T, part map[string]any) map[string]any {
	t.Helper()
	resources := maps.Clone(part)
	for id := range part {
		r, _ := part[id].(map[string]any)
		properties, _ := r["Properties"].(map[string]any)
		for name, bystander := range with(t, kind{Properties: properties}) {
			if _, there := resources[name]; !there && name != "Subject" {
				resources[name] = bystander
			}
		}
	}
	return resources
}

func TestEveryEditIsStillNeeded(t *testing.T) {
	for _, e := range Edits {
		t.Run(e.Type, func(t *testing.T) {
			require.Contains(t, edited, e.Type, "write its part of a template above")
			resources := whole(t, edited[e.Type].part)
			_, err := deploy(t, resources)
			require.ErrorContains(t, err, edited[e.Type].says, "moto deploys %s now, or fails otherwise: take this edit out, or mend its reason", e.Type)

			e.apply(map[string]any{"Resources": resources}, "Subject")
			_, err = deploy(t, resources)
			assert.NoError(t, err, "with the edit moto deploys the rest")
		})
	}
}

// passed are resources of every type of PassedOver, as AWS would take them.
var passed = []kind{
	{"AWS::SecretsManager::Secret", map[string]any{"Name": "passed-over", "GenerateSecretString": map[string]any{"PasswordLength": 32}}},
	{"AWS::SNS::TopicPolicy", map[string]any{"Topics": []any{ref("Topic")}, "PolicyDocument": statement(ref("Topic"))}},
	{"AWS::SQS::QueuePolicy", map[string]any{"Queues": []any{ref("Queue")}, "PolicyDocument": statement(attribute("Queue", "Arn"))}},
	{"AWS::SNS::Subscription", map[string]any{"TopicArn": ref("Topic"), "Protocol": "sqs", "Endpoint": attribute("Queue", "Arn")}},
	{"AWS::CloudWatch::Alarm", map[string]any{
		"AlarmName": "passed-over", "Namespace": "JitsiFleet", "MetricName": "Conferences", "Statistic": "Sum", "Period": 60,
		"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
	}},
	{"AWS::CloudWatch::CompositeAlarm", map[string]any{"AlarmName": "passed-over", "AlarmRule": `ALARM("any")`}},
	{"AWS::Budgets::Budget", map[string]any{"Budget": map[string]any{
		"BudgetName": "passed-over", "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": map[string]any{"Amount": 1, "Unit": "USD"},
	}}},
	{"AWS::Lambda::EventInvokeConfig", map[string]any{"FunctionName": "any", "Qualifier": "$LATEST", "MaximumRetryAttempts": 0}},
	{"AWS::S3::BucketPolicy", map[string]any{"Bucket": ref("Bucket"), "PolicyDocument": statement(attribute("Bucket", "Arn"))}},
}

func TestEveryTypeOfPassedOverIsStillPassedOver(t *testing.T) {
	var tried []string
	for _, k := range passed {
		tried = append(tried, k.Type)
		t.Run(k.Type, func(t *testing.T) {
			resources := with(t, k)
			made, err := deploy(t, resources)
			require.NoError(t, err, "moto knows %s now and refuses it: take it out of PassedOver", k.Type)
			assert.False(t, made["Subject"], "moto makes %s now: take it out of PassedOver", k.Type)
			delete(made, "") // moto lists what it passed over without its logical id
			assert.Len(t, made, len(resources)-1, "what it refers to is made")
		})
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(PassedOver)), tried, "every type is tried here")
}

// written writes templates as cdk synth would, and returns the folder.
func written(t *testing.T, stacks map[string]map[string]any) string {
	t.Helper()
	dir := t.TempDir()
	for stack, resources := range stacks {
		raw, err := json.Marshal(map[string]any{"Resources": resources})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, stack+templateSuffix), raw, 0o600))
		_, err = deployText(t, stack, string(raw))
		require.NoError(t, err)
	}
	return dir
}

func TestWhatMotoDidNotMakeIsMissing(t *testing.T) {
	dir := written(t, map[string]map[string]any{
		"missing-one": {
			"Topic":  bystanders["Topic"],
			"Secret": kind{"AWS::SecretsManager::Secret", map[string]any{"Name": "one"}}.resource(),
			"Odd":    kind{"AWS::Made::Up", map[string]any{"Size": 3}}.resource(),
		},
		"missing-two": {
			"Queue":  bystanders["Queue"],
			"Secret": kind{"AWS::SecretsManager::Secret", map[string]any{"Name": "two"}}.resource(),
		},
	})
	missing, err := Missing(t.Context(), server.stacks, dir)
	require.NoError(t, err)
	assert.Equal(t, map[string][]map[string]any{
		"AWS::SecretsManager::Secret": {{"Name": "one"}, {"Name": "two"}},
		"AWS::Made::Up":               {{"Size": 3.0}},
	}, missing)
	assert.Equal(t, []string{"AWS::Made::Up"}, Unknown(missing), "a type without a substitute is told")
}

func TestAStackThatWasNotDeployedIsAnError(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "never"+templateSuffix), []byte(`{"Resources": {}}`), 0o600))
	_, err := Missing(t.Context(), server.stacks, dir)
	assert.ErrorContains(t, err, "the resources of stack never are not listed")
}

func TestSecretsAreMadeEachWithATextOfItsOwn(t *testing.T) {
	names, err := MakeSecrets(t.Context(), server.secrets, map[string][]map[string]any{
		"AWS::SecretsManager::Secret": {{"Name": "fleet/agents"}, {"Name": "fleet/jicofo"}},
		"AWS::SNS::Subscription":      {{"Name": "no secret"}},
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"fleet/agents", "fleet/jicofo"}, names)
	texts := map[string]bool{}
	for _, name := range names {
		out, err := server.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(name)})
		require.NoError(t, err)
		raw, err := hex.DecodeString(aws.ToString(out.SecretString))
		require.NoError(t, err)
		assert.Len(t, raw, 32)
		texts[string(raw)] = true
	}
	assert.Len(t, texts, 2)
	_, err = server.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("no secret")})
	assert.Error(t, err)
}

func TestASecretWithoutANameIsAnError(t *testing.T) {
	for name, properties := range map[string]map[string]any{
		"none":      {"Description": "x"},
		"a formula": {"Name": map[string]any{"Fn::Join": []any{}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := MakeSecrets(t.Context(), server.secrets, map[string][]map[string]any{"AWS::SecretsManager::Secret": {properties}})
			assert.ErrorContains(t, err, "a secret has no literal name")
		})
	}
}

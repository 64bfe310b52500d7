package assembly

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/test/moto"
)

// server is the moto that all tests of this package share, without anything in front of it.
var server struct {
	stacks  *cloudformation.Client
	secrets *secretsmanager.Client
	// deployed counts the stacks that were tried.
	deployed int
}

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	api, err := moto.Start(context.Background(), cmp.Or(os.Getenv("MOTO_SERVER"), "moto_server"), nil)
	if err != nil {
		return 1, fmt.Errorf("the contract tests need moto, and MOTO_SERVER can name its program: %w", err)
	}
	defer api.Close()
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(api.Address), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	server.stacks, server.secrets = cloudformation.NewFromConfig(cfg), secretsmanager.NewFromConfig(cfg)
	return m.Run(), nil
}

// kind is a type with the properties that AWS requires of it; what it refers to is in bystanders.
type kind struct {
	Type       string
	Properties map[string]any
}

func (k kind) resource() map[string]any {
	return map[string]any{"Type": k.Type, "Properties": k.Properties}
}

func ref(id string) map[string]any { return map[string]any{"Ref": id} }

func attribute(id, name string) map[string]any {
	return map[string]any{"Fn::GetAtt": []string{id, name}}
}

// bystanders are resources that moto makes.
var bystanders = map[string]any{
	"Topic":  kind{"AWS::SNS::Topic", map[string]any{}}.resource(),
	"Queue":  kind{"AWS::SQS::Queue", map[string]any{}}.resource(),
	"Bucket": kind{"AWS::S3::Bucket", map[string]any{}}.resource(),
	"VPC":    kind{"AWS::EC2::VPC", map[string]any{"CidrBlock": "10.0.0.0/16"}}.resource(),
	"Subnet": kind{"AWS::EC2::Subnet", map[string]any{"VpcId": ref("VPC"), "CidrBlock": "10.0.0.0/24"}}.resource(),
}

// statement lets a service do everything with a resource.
func statement(resource map[string]any) map[string]any {
	return map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Principal": map[string]any{"Service": "events.amazonaws.com"}, "Action": "*", "Resource": resource,
	}}}
}

// with is the bystanders that one resource refers to, by its JSON, and itself as "Subject".
func with(t *testing.T, k kind) map[string]any {
	t.Helper()
	resources := map[string]any{"Subject": k.resource()}
	for again := true; again; {
		again = false
		text, err := json.Marshal(resources)
		require.NoError(t, err)
		for id, r := range bystanders {
			named := strings.Contains(string(text), `{"Ref":"`+id+`"}`) || strings.Contains(string(text), `["`+id+`",`)
			if _, there := resources[id]; named && !there {
				resources[id], again = r, true
			}
		}
	}
	return resources
}

var noName = regexp.MustCompile(`[^A-Za-z0-9]+`)

// deploy makes a stack of resources on moto and returns the logical ids that it lists.
func deploy(t *testing.T, resources map[string]any) (map[string]bool, error) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"Resources": resources})
	require.NoError(t, err)
	server.deployed++ // moto keeps the name of a stack that it did not make
	return deployText(t, fmt.Sprintf("%s-%d", noName.ReplaceAllString(t.Name(), "-"), server.deployed), string(body))
}

func deployText(t *testing.T, name, body string) (map[string]bool, error) {
	t.Helper()
	_, err := server.stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: aws.String(name), TemplateBody: aws.String(body)},
		func(o *cloudformation.Options) { o.RetryMaxAttempts = 1 })
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		_, _ = server.stacks.DeleteStack(context.WithoutCancel(t.Context()), &cloudformation.DeleteStackInput{StackName: aws.String(name)})
	})
	out, err := server.stacks.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(name)})
	require.NoError(t, err)
	if status := out.Stacks[0].StackStatus; status != cfntypes.StackStatusCreateComplete {
		return nil, errors.New(string(status) + ": " + aws.ToString(out.Stacks[0].StackStatusReason))
	}
	return madeIn(t.Context(), server.stacks, name)
}

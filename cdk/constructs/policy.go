package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Statement is one statement of an IAM policy.
type Statement struct {
	Sid        string
	Deny       bool
	Principal  map[string]any // nil in identity policies
	Actions    []string
	Resources  []string // empty in trust policies
	Conditions map[string]any
}

// Service is the principal of an AWS service, such as "cloudwatch.amazonaws.com".
func Service(name string) map[string]any { return map[string]any{"Service": name} }

// Everyone is any principal: only for statements that deny.
func Everyone() map[string]any { return map[string]any{"AWS": "*"} }

// ThisAccount is the condition that keeps another account's resources from using a service as their deputy.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
func ThisAccount() map[string]any { return Equal("aws:SourceAccount", *awscdk.Aws_ACCOUNT_ID()) }

// Equal is the condition that keys have values, as key and value in turn.
func Equal(pairs ...string) map[string]any {
	keys := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		keys[pairs[i]] = pairs[i+1]
	}
	return map[string]any{"StringEquals": keys}
}

// From is the condition that a service acts for that one resource.
func From(arn string) map[string]any {
	return map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": arn}}
}

// Policy is a policy document.
func Policy(statements ...Statement) map[string]any {
	rendered := make([]any, len(statements))
	for i, s := range statements {
		rendered[i] = s.render()
	}
	return map[string]any{"Version": "2012-10-17", "Statement": rendered}
}

func (s Statement) render() map[string]any {
	out := map[string]any{"Effect": "Allow", "Action": oneOrMany(s.Actions)}
	if len(s.Resources) > 0 {
		out["Resource"] = oneOrMany(s.Resources)
	}
	if s.Deny {
		out["Effect"] = "Deny"
	}
	if s.Sid != "" {
		out["Sid"] = s.Sid
	}
	if s.Principal != nil {
		out["Principal"] = s.Principal
	}
	if s.Conditions != nil {
		out["Condition"] = s.Conditions
	}
	return out
}

func oneOrMany(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// NewRole is a role that one service takes on, with what it may do in the role itself.
func NewRole(scope constructs.Construct, id, service string, statements ...Statement) awsiam.CfnRole {
	return awsiam.NewCfnRole(scope, jsii.String(id), &awsiam.CfnRoleProps{
		AssumeRolePolicyDocument: Policy(Statement{Principal: Service(service), Actions: []string{"sts:AssumeRole"}}),
		Policies: []any{&awsiam.CfnRole_PolicyProperty{
			PolicyName: jsii.String("jitsi-fleet"), PolicyDocument: Policy(statements...),
		}},
	})
}

package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// publishers are the services that publish to the fleet's topics.
var publishers = []string{"cloudwatch.amazonaws.com", "events.amazonaws.com"}

// NewTopicKey is a key for topics. SNS's own managed key cannot be used by CloudWatch: an alarm on such a topic
// fires into nothing. https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
// More services may use it where more are named.
func NewTopicKey(scope constructs.Construct, id, alias string, more ...string) awskms.CfnKey {
	root := ARNOfAccount()
	statements := []Statement{{
		Sid: "Account", Principal: map[string]any{"AWS": root}, Actions: []string{"kms:*"}, Resources: []string{"*"},
	}}
	for _, service := range append(append([]string{}, publishers...), more...) {
		statements = append(statements, Statement{
			Principal: Service(service), Actions: []string{"kms:Decrypt", "kms:GenerateDataKey*"},
			Resources: []string{"*"}, Conditions: ThisAccount(),
		})
	}
	key := awskms.NewCfnKey(scope, jsii.String(id), &awskms.CfnKeyProps{
		Description:       jsii.String("Encrypts " + alias + "'s topics; CloudWatch and EventBridge may use it"),
		EnableKeyRotation: true,
		KeyPolicy:         Policy(statements...),
	})
	awskms.NewCfnAlias(scope, jsii.String(id+"Alias"), &awskms.CfnAliasProps{
		AliasName: jsii.String("alias/" + alias), TargetKeyId: key.Ref(),
	})
	return key
}

// ARNOfAccount is the account's root principal, which stands for "whoever IAM allows".
func ARNOfAccount() string {
	return "arn:" + *awscdk.Aws_PARTITION() + ":iam::" + *awscdk.Aws_ACCOUNT_ID() + ":root"
}

// NewTopic is a topic under that key. A topic policy replaces the default one, so the services are allowed
// explicitly beside the denial of what is not encrypted in transit.
// More services may publish where more are named.
func NewTopic(scope constructs.Construct, id, name, keyARN string, more ...string) awssns.CfnTopic {
	topic := awssns.NewCfnTopic(scope, jsii.String(id), &awssns.CfnTopicProps{
		TopicName: jsii.String(name), KmsMasterKeyId: keyARN,
	})
	var statements []Statement
	for _, service := range append(append([]string{}, publishers...), more...) {
		statements = append(statements, Statement{
			Principal: Service(service), Actions: []string{"sns:Publish"}, Resources: []string{*topic.Ref()},
			Conditions: ThisAccount(),
		})
	}
	awssns.NewCfnTopicPolicy(scope, jsii.String(id+"Policy"), &awssns.CfnTopicPolicyProps{
		Topics:         jsii.Strings(*topic.Ref()),
		PolicyDocument: Policy(append(statements, OnlyTLS("sns:Publish", *topic.Ref()))...),
	})
	return topic
}

// Publish is what a role needs to publish to a topic that is encrypted with that key.
func Publish(topicARN, keyARN string) []Statement {
	return []Statement{
		{Sid: "Wake", Actions: []string{"sns:Publish"}, Resources: []string{topicARN}},
		{Sid: "WakeKey", Actions: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resources: []string{keyARN}},
	}
}

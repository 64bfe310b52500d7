package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
)

// flowLogDays is for how long the VPC's flow logs are kept.
const flowLogDays = 90

// flowLogs records who spoke to whom in the VPC, in an encrypted bucket that outlives the stack.
func flowLogs(stack awscdk.Stack, vpc string) {
	bucket := awss3.NewCfnBucket(stack, jsii.String("FlowLogBucket"), &awss3.CfnBucketProps{
		BucketEncryption: &awss3.CfnBucket_BucketEncryptionProperty{
			ServerSideEncryptionConfiguration: []any{&awss3.CfnBucket_ServerSideEncryptionRuleProperty{
				ServerSideEncryptionByDefault: &awss3.CfnBucket_ServerSideEncryptionByDefaultProperty{SseAlgorithm: jsii.String("AES256")},
			}},
		},
		PublicAccessBlockConfiguration: &awss3.CfnBucket_PublicAccessBlockConfigurationProperty{
			BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true,
		},
		LifecycleConfiguration: &awss3.CfnBucket_LifecycleConfigurationProperty{
			Rules: []any{&awss3.CfnBucket_RuleProperty{
				Id: jsii.String("expire"), Status: jsii.String("Enabled"), ExpirationInDays: jsii.Number(flowLogDays),
			}},
		},
	})
	bucket.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	constructs.Justify(bucket, constructs.Finding{Rule: "AwsSolutions-S1", Reason: "The bucket holds logs itself; only log delivery writes to it and CloudTrail records who reads."})
	policy := awss3.NewCfnBucketPolicy(stack, jsii.String("FlowLogBucketPolicy"), &awss3.CfnBucketPolicyProps{
		Bucket: *bucket.Ref(), PolicyDocument: constructs.Policy(deliverLogs(*bucket.AttrArn())...),
	})
	log := awsec2.NewCfnFlowLog(stack, jsii.String("FlowLog"), &awsec2.CfnFlowLogProps{
		ResourceId: vpc, ResourceType: jsii.String("VPC"), TrafficType: jsii.String("ALL"),
		LogDestinationType: jsii.String("s3"), LogDestination: *bucket.AttrArn(),
	})
	log.AddResourceDependency(policy, nil)
}

// deliverLogs lets AWS's log delivery write to the bucket, and nobody do anything without TLS.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html
func deliverLogs(bucket string) []constructs.Statement {
	write := constructs.Equal("aws:SourceAccount", *awscdk.Aws_ACCOUNT_ID(), "s3:x-amz-acl", "bucket-owner-full-control")
	delivery := constructs.Service("delivery.logs.amazonaws.com")
	return []constructs.Statement{
		{Sid: "Write", Principal: delivery, Actions: []string{"s3:PutObject"}, Resources: []string{bucket + "/AWSLogs/" + *awscdk.Aws_ACCOUNT_ID() + "/*"}, Conditions: write},
		{Sid: "Check", Principal: delivery, Actions: []string{"s3:GetBucketAcl"}, Resources: []string{bucket}, Conditions: constructs.ThisAccount()},
		constructs.OnlyTLS("s3:*", bucket, bucket+"/*"),
	}
}

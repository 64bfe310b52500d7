package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// BucketProps is what differs between the fleet's buckets.
type BucketProps struct {
	Rules     []any                           // lifecycle rules
	Versioned bool                            // keeps what was overwritten or deleted until a rule ends it
	LogsTo    string                          // the bucket that gets the access logs; empty for a bucket of logs
	Senders   func(bucket string) []Statement // who may write beside those whom IAM allows; nil for nobody
}

// accessLogs begins the key of every access log.
const accessLogs = "access/"

// NewBucket makes a private bucket that outlives its stack. It has no name of its own, so that what was kept does not
// stand in the way of the next deployment. S3's own keys encrypt it: whoever may read an object then needs no key, and
// no lost key loses everything. Nobody may do anything without TLS.
func NewBucket(scope constructs.Construct, id string, p BucketProps) awss3.CfnBucket {
	props := &awss3.CfnBucketProps{
		BucketEncryption: &awss3.CfnBucket_BucketEncryptionProperty{
			ServerSideEncryptionConfiguration: []any{&awss3.CfnBucket_ServerSideEncryptionRuleProperty{
				ServerSideEncryptionByDefault: &awss3.CfnBucket_ServerSideEncryptionByDefaultProperty{SseAlgorithm: jsii.String("AES256")},
			}},
		},
		PublicAccessBlockConfiguration: &awss3.CfnBucket_PublicAccessBlockConfigurationProperty{
			BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true,
		},
		OwnershipControls: &awss3.CfnBucket_OwnershipControlsProperty{
			Rules: []any{&awss3.CfnBucket_OwnershipControlsRuleProperty{ObjectOwnership: jsii.String("BucketOwnerEnforced")}},
		},
		LifecycleConfiguration: &awss3.CfnBucket_LifecycleConfigurationProperty{Rules: p.Rules},
	}
	if p.Versioned {
		props.VersioningConfiguration = &awss3.CfnBucket_VersioningConfigurationProperty{Status: jsii.String("Enabled")}
	}
	if p.LogsTo != "" {
		props.LoggingConfiguration = &awss3.CfnBucket_LoggingConfigurationProperty{DestinationBucketName: jsii.String(p.LogsTo), LogFilePrefix: jsii.String(accessLogs)}
	}
	bucket := awss3.NewCfnBucket(scope, jsii.String(id), props)
	bucket.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	var senders []Statement
	if p.Senders != nil {
		senders = p.Senders(*bucket.AttrArn())
	}
	awss3.NewCfnBucketPolicy(scope, jsii.String(id+"Policy"), &awss3.CfnBucketPolicyProps{
		Bucket: *bucket.Ref(), PolicyDocument: Policy(append(senders, OnlyTLS("s3:*", *bucket.AttrArn(), *bucket.AttrArn()+"/*"))...),
	})
	return bucket
}

// NewLogBucket is a bucket for the access logs of this account's buckets, which S3 itself writes.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
func NewLogBucket(scope constructs.Construct, id string, days float64) awss3.CfnBucket {
	bucket := NewBucket(scope, id, BucketProps{
		Rules: []any{&awss3.CfnBucket_RuleProperty{Id: jsii.String("expire"), Status: jsii.String("Enabled"), ExpirationInDays: jsii.Number(days)}},
		Senders: func(bucket string) []Statement {
			return []Statement{{
				Sid: "AccessLogs", Principal: Service("logging.s3.amazonaws.com"), Actions: []string{"s3:PutObject"},
				Resources: []string{bucket + "/" + accessLogs + "*"}, Conditions: ThisAccount(),
			}}
		},
	})
	Justify(bucket, Finding{"AwsSolutions-S1", "The bucket holds logs itself; only S3's log delivery writes to it and CloudTrail records who reads."})
	return bucket
}

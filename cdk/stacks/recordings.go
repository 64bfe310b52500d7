package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

const (
	// accessLogDays is for how long the recordings' access logs are kept.
	accessLogDays = 90
	// noncurrentDays is for how long a recording that was overwritten or deleted can be had back.
	noncurrentDays = 30
	// unfinishedDays is after how long the parts of an upload that nobody completed are deleted. A recorder that comes
	// back later begins anew.
	unfinishedDays = 7
	// announcementTries, at one in six time limits of the Lambda, is most of a day: longer than an outage should last.
	announcementTries = 250
)

// kept is where recordings end up, and how the Lambda recordings hears of them.
type kept struct {
	bucket  awss3.CfnBucket
	objects string // ARN of all recordings in it
	queue   *constructs.Queue
}

// recordings is the bucket, the catalogue, and the Lambda that checks what recorders announce.
func (f Fleet) recordings(stack awscdk.Stack) kept {
	names := f.names()
	bucket := f.recordingsBucket(stack)
	catalogue := f.catalogue(stack)
	key := constructs.Import(names.Stack(control), keyARN)
	topic := constructs.NewTopic(stack, "RecordingsTopic", names.Recordings(), key)

	environment := f.RecordingsEnv()
	environment.Bucket, environment.Catalogue, environment.TopicARN = *bucket.Ref(), *catalogue.Ref(), *topic.Ref()
	variables, err := settings.EncodeEnv(environment)
	if err != nil {
		panic(fmt.Sprintf("the env contract of recordings cannot be written: %v", err))
	}
	k := kept{bucket: bucket, objects: *bucket.AttrArn() + "/" + settings.RecordingsPrefix + "*"}
	may := rights{f, stack, *catalogue.AttrArn()}
	function := constructs.NewFunction(stack, constructs.FunctionProps{
		Names: names, Name: "recordings", Description: "Verifies recordings in S3, catalogues and announces them",
		Code: f.Built.Lambda("recordings"), MemoryMiB: 256, Environment: variables,
		Statements: append(may.recordings(*bucket.AttrArn(), k.objects), constructs.Publish(*topic.Ref(), key)...),
	})
	undelivered := constructs.NewDeadQueue(stack, "Undelivered", names.Undelivered())
	k.queue = constructs.NewQueue(stack, "RecordingsQueue", names.Recordings(), undelivered, constructs.FunctionTimeout)
	k.queue.Keep(announcementTries, undelivered)
	function.OnQueue("Announcements", k.queue)
	k.queue.Close(stack, "RecordingsQueuePolicy")
	undelivered.Close(stack, "UndeliveredPolicy")
	function.EveryMinute()
	function.Close()
	return k
}

// recordingsBucket keeps the recordings, in cheaper storage and for as long as the operator says.
func (f Fleet) recordingsBucket(stack awscdk.Stack) awss3.CfnBucket {
	logs := constructs.NewLogBucket(stack, "AccessLogBucket", accessLogDays)
	bucket := constructs.NewBucket(stack, "RecordingsBucket", constructs.BucketProps{
		Versioned: true, LogsTo: *logs.Ref(), Rules: f.recordingsRules(),
	})
	awscdk.NewCfnOutput(stack, jsii.String("BucketName"), &awscdk.CfnOutputProps{
		Value: bucket.Ref(), Description: jsii.String("Bucket with the recordings; it is kept when the stack is deleted"),
	})
	return bucket
}

// recordingsRules are the bucket's lifecycle. An expired recording is a deleted one: its last version stays for
// noncurrentDays.
func (f Fleet) recordingsRules() []any {
	rules := []any{
		&awss3.CfnBucket_RuleProperty{
			Id: jsii.String("unfinished"), Status: jsii.String("Enabled"),
			AbortIncompleteMultipartUpload: &awss3.CfnBucket_AbortIncompleteMultipartUploadProperty{DaysAfterInitiation: jsii.Number(unfinishedDays)},
		},
		&awss3.CfnBucket_RuleProperty{
			Id: jsii.String("noncurrent"), Status: jsii.String("Enabled"), ExpiredObjectDeleteMarker: true,
			NoncurrentVersionExpiration: &awss3.CfnBucket_NoncurrentVersionExpirationProperty{NoncurrentDays: jsii.Number(noncurrentDays)},
		},
	}
	if days := f.Recordings.CheaperAfterDays; days > 0 {
		rules = append(rules, &awss3.CfnBucket_RuleProperty{
			Id: jsii.String("cheaper"), Status: jsii.String("Enabled"), Prefix: jsii.String(settings.RecordingsPrefix),
			Transitions: []any{&awss3.CfnBucket_TransitionProperty{StorageClass: jsii.String("STANDARD_IA"), TransitionInDays: jsii.Number(float64(days))}},
		})
	}
	if days := f.Recordings.ExpireAfterDays; days > 0 {
		rules = append(rules, &awss3.CfnBucket_RuleProperty{
			Id: jsii.String("expire"), Status: jsii.String("Enabled"), Prefix: jsii.String(settings.RecordingsPrefix), ExpirationInDays: jsii.Number(float64(days)),
		})
	}
	return rules
}

// catalogue has one entry for each recording, by the day on which it began. Like the bucket it outlives the stack and has
// no name of its own: the Lambda is told, and ./scripts/recordings asks the Lambda.
func (f Fleet) catalogue(stack awscdk.Stack) awsdynamodb.CfnTable {
	key := func(name, kind string) (attribute, element any) {
		return &awsdynamodb.CfnTable_AttributeDefinitionProperty{AttributeName: jsii.String(name), AttributeType: jsii.String("S")},
			&awsdynamodb.CfnTable_KeySchemaProperty{AttributeName: jsii.String(name), KeyType: jsii.String(kind)}
	}
	day, byDay := key("day", "HASH")
	id, byID := key("id", "RANGE")
	table := awsdynamodb.NewCfnTable(stack, jsii.String("Catalogue"), &awsdynamodb.CfnTableProps{
		DeletionProtectionEnabled: true,
		BillingMode:               jsii.String("PAY_PER_REQUEST"),
		AttributeDefinitions:      []any{day, id},
		KeySchema:                 []any{byDay, byID},
		SseSpecification:          &awsdynamodb.CfnTable_SSESpecificationProperty{SseEnabled: true},
		PointInTimeRecoverySpecification: &awsdynamodb.CfnTable_PointInTimeRecoverySpecificationProperty{
			PointInTimeRecoveryEnabled: true,
		},
	})
	table.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	return table
}

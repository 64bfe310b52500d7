//go:build !race

package templates

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// recorders is the group of recorders and the role that they have.
func (a assembly) recorders(t *testing.T) (nodes, role resource) {
	for g := range a.of(group) {
		if tags(t, g)[fleet.TagRole] == string(fleet.RoleJibri) {
			role = a.templates[g.Stack].Resources[a.nodeRole(t, g)]
			role.Stack = g.Stack
			return g, role
		}
	}
	require.Fail(t, "no group of recorders")
	return resource{}, resource{}
}

func TestAFleetWithoutRecordersDeploysNothingOfThem(t *testing.T) {
	for stack, template := range unrecorded.raw {
		for _, word := range []string{"ibri", "ecorder", "ecordings"} {
			clean := strings.NewReplacer("recordings' keys", "", "JIBRI_", "", "Recordings, ", "").Replace(template)
			assert.NotContains(t, clean, word, stack)
		}
	}
	assert.NotContains(t, unrecorded.templates, "jitsi-jibri")
	assert.NotContains(t, unrecorded.raw["jitsi-shard-shard-1"], "RECORDER_SECRET")
}

func TestARecorderMayBringAndAnnounceRecordingsAndNeitherReadNorDeleteThem(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		_, role := a.recorders(t)
		assert.Equal(t, recording.Prefix, settings.RecordingsPrefix)
		bucket := role.Stack + ".RecordingsBucket.Arn"
		may := func(action, on string) bool { return a.roleMay(role.Stack, role, action, on) }
		assert.True(t, may("s3:PutObject", bucket+"/recordings/2026/11/22/tenant/room/file.mp4"))
		assert.True(t, may("s3:AbortMultipartUpload", bucket+"/recordings/2026/11/22/tenant/room/file.mp4"))
		assert.False(t, may("s3:PutObject", bucket+"/elsewhere"))
		for _, action := range []string{"s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucket"} {
			assert.False(t, may(action, bucket+"/recordings/2026/11/22/tenant/room/file.mp4"), action)
			assert.False(t, may(action, bucket), action)
		}
		name := "arn:aws:sqs:eu-central-1:123456789012:" + a.settings.Fleet
		assert.True(t, may("sqs:SendMessage", name+"-recordings"))
		assert.False(t, may("sqs:SendMessage", name+"-jibris"))
		parameters := "arn:aws:ssm:eu-central-1:123456789012:parameter"
		assert.True(t, may("ssm:GetParameter", parameters+settings.ShardsParameter(a.settings.Fleet)))
		assert.False(t, may("ssm:GetParameter", parameters+settings.RuntimeParameter(a.settings.Fleet)))
		topics := "arn:aws:sns:eu-central-1:123456789012:" + a.settings.Fleet
		assert.True(t, may("sns:Publish", topics+"-jibri-wake"))
		assert.False(t, may("sns:Publish", topics+"-wake"), "recorders have a topic of their own")
	})
}

func TestRecordersAreToldOfAllShardsByAParameterAndNotByTheirUserData(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		p, ok := a.parameters()[settings.ShardsParameter(a.settings.Fleet)]
		require.True(t, ok)
		var want []string
		g, _ := a.recorders(t)
		for _, s := range a.settings.Shards {
			want = append(want, settings.SignalName(a.settings.Fleet, s.Name))
			assert.NotContains(t, a.userData(g), settings.SignalName(a.settings.Fleet, s.Name), "a new shard would make every recorder an old one")
		}
		assert.Equal(t, strings.Join(want, ","), p.Properties["Value"])
	})
	one, _ := deployed.recorders(t)
	other, _ := oneMoreShard.recorders(t)
	assert.Equal(t, deployed.userData(one), oneMoreShard.userData(other))
}

func TestSignalNodesAndRecordersAreToldWhereTheRecordersPasswordsAre(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		for g := range a.of(group) {
			role := tags(t, g)[fleet.TagRole]
			told := role == string(fleet.RoleSignal) || role == string(fleet.RoleJibri)
			for _, line := range []string{"export JIBRI_SECRET='" + a.settings.Fleet + "/jibri'\n", "export RECORDER_SECRET='" + a.settings.Fleet + "/recorder'\n"} {
				assert.Equal(t, told, strings.Contains(a.userData(g), line), "%s: %s", g.name(), line)
			}
		}
		g, _ := a.recorders(t)
		assert.Contains(t, a.userData(g), "export DOMAIN='"+a.settings.Domain+"'\n")
		assert.True(t, strings.HasSuffix(a.userData(g), "exec bash /opt/jitsi-fleet/jibri.sh\n"))
	})
}

func TestARecordersDiskIsAsLargeAsTheSettingsSay(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		g, _ := a.recorders(t)
		id := at(g.Properties, "MixedInstancesPolicy", "LaunchTemplate", "LaunchTemplateSpecification", "LaunchTemplateId", "Ref").(string)
		data := at(a.templates[g.Stack].Resources[id].Properties, "LaunchTemplateData")
		assert.EqualValues(t, a.settings.Jibris.VolumeGiB, at(data, "BlockDeviceMappings", 0, "Ebs", "VolumeSize"))
		assert.Contains(t, at(data, "ImageId"), string(settings.ArchitectureOf(a.settings.Jibris.InstanceTypes[0])))
		for _, subnet := range list(g.Properties["VPCZoneIdentifier"]) {
			assert.Contains(t, a.resolve(g.Stack, subnet), ".PrivateSubnet")
		}
	})
}

func TestWakeUpsOfRecordersReachTheLambdaJibrisThroughItsQueue(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		topic := "arn:aws:sns:eu-central-1:123456789012:" + a.settings.Fleet + "-jibri-wake"
		queue := "arn:aws:sqs:eu-central-1:123456789012:" + a.settings.Fleet + "-jibris"
		function := "arn:aws:lambda:eu-central-1:123456789012:function:" + a.settings.Fleet + "-jibris"
		var subscribed, fed, follows bool
		for s := range a.of("AWS::SNS::Subscription") {
			subscribed = subscribed || s.Properties["Protocol"] == "sqs" && a.resolve(s.Stack, s.Properties["TopicArn"]) == topic && a.resolve(s.Stack, s.Properties["Endpoint"]) == queue
		}
		for m := range a.of("AWS::Lambda::EventSourceMapping") {
			fed = fed || a.resolve(m.Stack, m.Properties["EventSourceArn"]) == queue && a.resolve(m.Stack, m.Properties["FunctionName"]) == a.settings.Fleet+"-jibris"
		}
		for r := range a.of("AWS::Events::Rule") {
			follows = follows || at(r.Properties, "EventPattern", "detail", "name", 0) == settings.RuntimeParameter(a.settings.Fleet) &&
				a.resolve(r.Stack, at(r.Properties, "Targets", 0, "Arn")) == function
		}
		assert.True(t, subscribed, "the queue is not subscribed")
		assert.True(t, a.queueAllows(queue, "sns.amazonaws.com", topic), "the queue's policy")
		assert.True(t, fed, "the function is not fed")
		assert.True(t, follows, "no rule follows the run-time parameter")
	})
}

func TestTheRecordingsQueueOutlastsAnOutage(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		q, ok := a.find(queueType, "arn:aws:sqs:eu-central-1:123456789012:"+a.settings.Fleet+"-recordings")
		require.True(t, ok)
		tries, visibility := at(q.Properties, "RedrivePolicy", "maxReceiveCount").(float64), q.Properties["VisibilityTimeout"].(float64)
		assert.Greater(t, tries*visibility, 12*3600.0, "seconds in which it tries")
		assert.Greater(t, q.Properties["MessageRetentionPeriod"], tries*visibility, "it would be dropped before it is given up")
		assert.Equal(t, "arn:aws:sqs:eu-central-1:123456789012:"+a.settings.Fleet+"-recordings-undelivered",
			a.resolve(q.Stack, at(q.Properties, "RedrivePolicy", "deadLetterTargetArn")), "apart from failed runs, so that it can be redriven")
	})
}

// rule is one of a bucket's lifecycle rules, by its id.
func rule(t *testing.T, bucket resource, id string) map[string]any {
	for _, r := range list(at(bucket.Properties, "LifecycleConfiguration", "Rules")) {
		if at(r, "Id") == id {
			assert.Equal(t, "Enabled", at(r, "Status"))
			return r.(map[string]any)
		}
	}
	return nil
}

func TestRecordingsAreKeptAsTheSettingsSay(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		stack := a.settings.Fleet + "-jibri"
		bucket := a.templates[stack].Resources["RecordingsBucket"]
		assert.NotContains(t, bucket.Properties, "BucketName", "a name of its own would stop a deployment after a deletion")
		assert.Equal(t, "Enabled", at(bucket.Properties, "VersioningConfiguration", "Status"))
		assert.EqualValues(t, 7, at(rule(t, bucket, "unfinished"), "AbortIncompleteMultipartUpload", "DaysAfterInitiation"))
		assert.EqualValues(t, 30, at(rule(t, bucket, "noncurrent"), "NoncurrentVersionExpiration", "NoncurrentDays"))
		assert.EqualValues(t, a.settings.Recordings.CheaperAfterDays, at(rule(t, bucket, "cheaper"), "Transitions", 0, "TransitionInDays"))
		if days := a.settings.Recordings.ExpireAfterDays; days > 0 {
			assert.EqualValues(t, days, at(rule(t, bucket, "expire"), "ExpirationInDays"))
		} else {
			assert.Nil(t, rule(t, bucket, "expire"), "recordings are kept for ever")
		}
		logs := at(bucket.Properties, "LoggingConfiguration", "DestinationBucketName", "Ref").(string)
		prefix := at(bucket.Properties, "LoggingConfiguration", "LogFilePrefix").(string)
		assert.Positive(t, at(rule(t, a.templates[stack].Resources[logs], "expire"), "ExpirationInDays"))
		for p := range a.of("AWS::S3::BucketPolicy") {
			if p.Stack != stack || at(p.Properties, "Bucket", "Ref") != logs {
				continue
			}
			conditions, ok := allows(a.statements(stack, p.Properties["PolicyDocument"]), "logging.s3.amazonaws.com", "s3:PutObject", stack+"."+logs+".Arn/"+prefix+"2026")
			assert.True(t, ok, "S3 may not write the access logs")
			assert.Equal(t, pseudo["AWS::AccountId"], conditions["StringEquals"]["aws:SourceAccount"])
		}
	})
}

func TestTheLambdaRecordingsMayTellFoundFromMissing(t *testing.T) {
	every(t, func(t *testing.T, a assembly) {
		role, ok := a.functionRole("arn:aws:lambda:eu-central-1:123456789012:function:" + a.settings.Fleet + "-recordings")
		require.True(t, ok)
		bucket := role.Stack + ".RecordingsBucket.Arn"
		assert.True(t, a.roleMay(role.Stack, role, "s3:GetObject", bucket+"/recordings/2026/11/22/tenant/room/file.mp4"))
		assert.True(t, a.roleMay(role.Stack, role, "s3:ListBucket", bucket))
		for _, action := range []string{"s3:PutObject", "s3:DeleteObject"} {
			assert.False(t, a.roleMay(role.Stack, role, action, bucket+"/recordings/2026/11/22/tenant/room/file.mp4"), action)
		}
		raw, err := json.Marshal(role.Properties)
		require.NoError(t, err)
		assert.NotContains(t, string(raw), "autoscaling:", "it changes no group")
	})
}

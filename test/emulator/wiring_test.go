package emulator

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	r53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
)

// asInstance is the configuration of a client on an instance.
func asInstance(t *testing.T, w *world) aws.Config {
	t.Helper()
	eventually(t, "there is an instance", func() bool { return len(w.Instances()) > 0 })
	env, err := w.InstanceEnv(w.Instances()[0].ID)
	require.NoError(t, err)
	values := map[string]string{}
	for _, pair := range env {
		key, value, _ := strings.Cut(pair, "=")
		values[key] = value
	}
	cfg := operator(w.Cloud)
	cfg.Credentials = credentials.NewStaticCredentialsProvider(values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"], "")
	return cfg
}

func TestASchedulesTicksReachItsFunction(t *testing.T) {
	w := shared
	eventually(t, "the function saw a tick of the rule", func() bool {
		return w.sawLine(`"detail-type":"Scheduled Event"`, "rule/probe-minute", `"source":"aws.events"`)
	})
	schedules := w.Schedules()
	require.Len(t, schedules, 1)
	assert.InDelta(t, 60, schedules[0].TicksPerHour, 0.001)
	assert.Positive(t, schedules[0].Ticks)
}

func TestAFunctionGetsTheTemplatesEnvironmentAsTheCallerChangedIt(t *testing.T) {
	answer, failed := shared.tell(t, map[string]any{"do": "env"})
	require.False(t, failed)
	assert.Contains(t, answer, "GROUP=probe-group", "a Ref is resolved")
	assert.Contains(t, answer, "WAIT=0.5s", "the caller's change is in")
	assert.Contains(t, answer, "AWS_ENDPOINT_URL="+shared.Endpoint())
}

func TestAFunctionMayChangeOnlyGroupsThatItsTagConditionNames(t *testing.T) {
	w := shared
	_, failed := w.tell(t, map[string]any{"do": "size", "group": "probe-group", "desired": 2})
	assert.False(t, failed)
	answer, failed := w.tell(t, map[string]any{"do": "size", "group": "probe-other", "desired": 1})
	assert.True(t, failed)
	assert.Contains(t, answer, "AccessDenied")
	assert.Contains(t, answer, "is not authorized to perform: autoscaling:SetDesiredCapacity")
	assert.True(t, w.sawProblem("probe-worker", "autoscaling:SetDesiredCapacity", "probe-other"))
	assert.Positive(t, w.Calls()["probe-worker autoscaling:SetDesiredCapacity"])
}

func TestAQueuesMessagesReachTheFunctionAndOnlyThePoisonousOnesDie(t *testing.T) {
	w := shared
	client := sqs.NewFromConfig(operator(w.Cloud))
	send := func(body string) {
		url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("probe-work")})
		require.NoError(t, err)
		_, err = client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: url.QueueUrl, MessageBody: aws.String(body)})
		require.NoError(t, err)
	}
	before := w.waiting(t, "probe-work-dead")
	send("good one")
	send("bad one")
	eventually(t, "the good message was handled", func() bool { return w.sawLine(`"body":"good one"`, `"eventSource":"aws:sqs"`) })
	eventually(t, "the bad message is in the dead letter queue after two attempts", func() bool {
		return w.waiting(t, "probe-work-dead") == before+1
	})
	assert.Zero(t, w.waiting(t, "probe-work"))
	eventually(t, "the alarm on the dead letter queue fires", func() bool { return state(t, w, "probe-dead-not-empty") == metrics.InAlarm })
}

func TestAnInstancePublishesToTheEncryptedTopicAndNowhereElse(t *testing.T) {
	w := shared
	client := sns.NewFromConfig(asInstance(t, w))
	before := w.waiting(t, "probe-dead")
	_, err := client.Publish(t.Context(), &sns.PublishInput{TopicArn: aws.String(topic("probe-wake")), Message: aws.String("wake up"), Subject: aws.String("hello")})
	require.NoError(t, err)
	eventually(t, "the function got the notification", func() bool { return w.sawLine(`"EventSource":"aws:sns"`, `"Message":"wake up"`) })
	eventually(t, "the mail is recorded", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, m := range w.mails {
			if m.To == "ops@example.org" && m.Body == "wake up" {
				return true
			}
		}
		return false
	})
	assert.True(t, w.sawProblem("sns.amazonaws.com", "probe-closed"), "a queue without a policy refuses the topic")
	eventually(t, "what the closed queue refused is in the subscription's dead letter queue", func() bool {
		return w.waiting(t, "probe-dead") > before
	})
	_, err = client.Publish(t.Context(), &sns.PublishInput{TopicArn: aws.String(topic("probe-mute")), Message: aws.String("hello")})
	assert.ErrorContains(t, err, "not authorized to perform: sns:Publish")
	_, err = ssm.NewFromConfig(asInstance(t, w)).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/probe/runtime")})
	assert.ErrorContains(t, err, "AccessDeniedException")
}

func TestAnAlarmActsOnChangesOnlyAndOnlyWhereTheTopicLetsIt(t *testing.T) {
	w := shared
	eventually(t, "no data that is not breaching is OK", func() bool { return state(t, w, "probe-load-high") == metrics.OK })
	status, err := w.Alarm("probe-load-high")
	require.NoError(t, err)
	before := len(status.History)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = w.Invoke(context.WithoutCancel(t.Context()), "probe-worker", []byte(`{"do":"metric","metric":7}`))
				time.Sleep(100 * time.Millisecond)
			}
		}
	}()
	eventually(t, "the alarm fires", func() bool { return state(t, w, "probe-load-high") == metrics.InAlarm })
	eventually(t, "the function got the alarm's notification", func() bool {
		return w.sawLine(`"EventSource":"aws:sns"`, `\"AlarmName\":\"probe-load-high\"`, `\"NewStateValue\":\"ALARM\"`)
	})
	time.Sleep(4 * time.Minute / factor)
	close(stop)
	<-done
	status, err = w.Alarm("probe-load-high")
	require.NoError(t, err)
	assert.Len(t, status.History, before+1, "an alarm that goes on is no change")
	eventually(t, "the alarm ends", func() bool { return state(t, w, "probe-load-high") == metrics.OK })
	assert.True(t, w.sawProblem("probe-load-mute", "cloudwatch.amazonaws.com", "sns:Publish"),
		"a topic policy of only a deny lets no alarm publish")
	assert.Equal(t, metrics.InAlarm, state(t, w, "probe-load-silent"), "missing data breaches")
}

func TestAChangedParameterWakesItsRule(t *testing.T) {
	w := shared
	client := ssm.NewFromConfig(operator(w.Cloud))
	before := 0
	w.see(func() { before = len(w.events) })
	for _, name := range []string{"/probe/runtime", "/probe/other"} {
		_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String(name), Value: aws.String("{}"), Type: "String", Overwrite: aws.Bool(true)})
		require.NoError(t, err)
	}
	eventually(t, "the function got the rule's input", func() bool { return w.sawLine(`{"do":"changed"}`) })
	w.see(func() {
		require.Len(t, w.events, before+2, "both changes are events; one matched a rule")
		assert.Equal(t, "Parameter Store Change", w.events[before].DetailType)
		assert.Contains(t, string(w.events[before].Detail), `"name":"/probe/runtime"`)
	})
}

func TestAnEventWhoseTargetLacksPermissionIsLostLoudly(t *testing.T) {
	w := shared
	out, err := eventbridge.NewFromConfig(operator(w.Cloud)).PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{
		{Source: aws.String("probe"), DetailType: aws.String("Test"), Detail: aws.String(`{"n":1}`)},
		{Source: aws.String("probe"), DetailType: aws.String("Test"), Detail: aws.String(`{"n":`)},
	}})
	require.NoError(t, err)
	assert.EqualValues(t, 1, out.FailedEntryCount)
	assert.True(t, w.sawProblem("events.amazonaws.com", "rule/probe-own", "lambda:InvokeFunction"))
	assert.True(t, w.sawProblem("dead letter", "rule/probe-own", "is lost"))
}

func TestConditionsOnEventsAndRecordsAreHeld(t *testing.T) {
	w := shared
	cfg := asInstance(t, w)
	put := func(source string) error {
		_, err := eventbridge.NewFromConfig(cfg).PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{
			{Source: aws.String(source), DetailType: aws.String("Test"), Detail: aws.String(`{}`)}}})
		return err
	}
	require.NoError(t, put("node"))
	assert.ErrorContains(t, put("probe"), "is not authorized to perform: events:PutEvents")
	zones, err := route53.NewFromConfig(operator(w.Cloud)).ListHostedZones(t.Context(), &route53.ListHostedZonesInput{})
	require.NoError(t, err)
	require.NoError(t, setRecord(t, cfg, zones.HostedZones[0].Id, "own.probe.internal.", "127.16.16.9"))
	assert.ErrorContains(t, setRecord(t, cfg, zones.HostedZones[0].Id, "shard-1.probe.internal", "127.16.16.9"),
		"is not authorized to perform: route53:ChangeResourceRecordSets")
}

// setRecord sets an A record.
func setRecord(t *testing.T, cfg aws.Config, zone *string, name, address string) error {
	t.Helper()
	_, err := route53.NewFromConfig(cfg).ChangeResourceRecordSets(t.Context(), &route53.ChangeResourceRecordSetsInput{HostedZoneId: zone,
		ChangeBatch: &r53types.ChangeBatch{Changes: []r53types.Change{{Action: r53types.ChangeActionUpsert, ResourceRecordSet: &r53types.ResourceRecordSet{
			Name: aws.String(name), Type: r53types.RRTypeA, TTL: aws.Int64(5),
			ResourceRecords: []r53types.ResourceRecord{{Value: aws.String(address)}}}}}}})
	return err
}

func TestTheResolverAnswersForThePrivateZone(t *testing.T) {
	w := shared
	server, err := w.Resolver("127.0.53.1:0") // no client has a port there
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Close()) }()
	client := route53.NewFromConfig(operator(w.Cloud))
	zones, err := client.ListHostedZones(t.Context(), &route53.ListHostedZonesInput{})
	require.NoError(t, err)
	require.Len(t, zones.HostedZones, 1)
	for _, network := range []string{"udp", "tcp"} {
		lookup := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server.Addr())
		}}
		address := map[string]string{"udp": "127.16.16.7", "tcp": "127.16.16.8"}[network]
		require.NoError(t, setRecord(t, operator(w.Cloud), zones.HostedZones[0].Id, "shard-1.probe.internal", address))
		require.Eventually(t, func() bool {
			found, err := lookup.LookupHost(t.Context(), "shard-1.probe.internal")
			return err == nil && len(found) == 1 && found[0] == address
		}, time.Second, 50*time.Millisecond, "a change is seen within a second over %s", network)
		_, err = lookup.LookupHost(t.Context(), "nobody.probe.internal")
		var missing *net.DNSError
		require.ErrorAs(t, err, &missing)
		assert.True(t, missing.IsNotFound)
		_, err = lookup.LookupHost(t.Context(), "example.org")
		assert.Error(t, err)
	}
}

func state(t *testing.T, w *world, alarm string) metrics.State {
	t.Helper()
	status, err := w.Alarm(alarm)
	require.NoError(t, err)
	return status.State
}

func topic(name string) string { return "arn:aws:sns:us-east-1:123456789012:" + name }

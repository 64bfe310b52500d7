package event

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sample reads an event, or the body of a message, composed after AWS's documentation.
func sample(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return strings.TrimSpace(string(raw))
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

type object = map[string]any

// sqs is an SQS event of Lambda with these bodies, whose ids are "m-0", "m-1" and so on.
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
func sqs(t testing.TB, bodies ...string) string {
	t.Helper()
	records := []object{}
	for i, body := range bodies {
		records = append(records, object{
			"messageId": "m-" + string(rune('0'+i)), "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a", "body": body,
			"attributes":        object{"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183", "SenderId": "AIDAIENQZJOLO23YVJ4VO", "ApproximateFirstReceiveTimestamp": "1545082649185"},
			"messageAttributes": object{}, "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3", "eventSource": "aws:sqs",
			"eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:jitsi-lifecycle", "awsRegion": "eu-central-1",
		})
	}
	return asJSON(t, object{"Records": records})
}

// sns is an SNS event of Lambda with one message.
// https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
func sns(t testing.TB, message string) string {
	t.Helper()
	return asJSON(t, object{"Records": []object{{
		"EventVersion": "1.0", "EventSubscriptionArn": "arn:aws:sns:eu-central-1:123456789012:jitsi-bridges:21be56ed", "EventSource": "aws:sns",
		"Sns": object{
			"SignatureVersion": "1", "Timestamp": "2026-03-02T12:45:07.000Z", "Signature": "tcc6faL2yUC6dgZdmrwh1Y4cGa", "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
			"Message": message, "MessageAttributes": object{}, "Type": "Notification", "TopicArn": "arn:aws:sns:eu-central-1:123456789012:jitsi-bridges", "Subject": "",
		},
	}}})
}

// inSNS is the envelope that SNS puts around a message to SQS.
// https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
func inSNS(t testing.TB, message string) string {
	t.Helper()
	return asJSON(t, object{
		"Type": "Notification", "MessageId": "63a3f6b6-d533-4a47-aef9-fcf5cf758c76", "TopicArn": "arn:aws:sns:eu-central-1:123456789012:jitsi-wake",
		"Message": message, "Timestamp": "2026-03-02T12:45:07.000Z", "SignatureVersion": "1",
	})
}

func TestDocumentedEventsAreKnown(t *testing.T) {
	launching := Wakeup{Kind: Lifecycle, Group: "jitsi-shard-1-bridges", Instance: "i-0a1b2c3d4e5f60718"}
	terminating := Wakeup{Kind: Lifecycle, Group: "jitsi-shard-2-bridges", Instance: "i-0ffffffffffffffff"}
	node := Wakeup{Kind: Node, Shard: "shard-1", Instance: "i-0a1b2c3d4e5f60718"}
	from := func(w Wakeup, message string) Wakeup { w.Message = message; return w }
	for _, c := range []struct {
		name string
		raw  string
		want []Wakeup
	}{
		{"a schedule of EventBridge", sample(t, "eventbridge_schedule.json"), []Wakeup{{Kind: Schedule}}},
		{"a changed parameter", sample(t, "eventbridge_parameter.json"), []Wakeup{{Kind: Parameter}}},
		{"a lifecycle action of EventBridge", sample(t, "eventbridge_lifecycle.json"), []Wakeup{launching}},
		{"a CloudWatch alarm that invokes the function itself", sample(t, "alarm_direct.json"), []Wakeup{{Kind: Alarm}}},
		{"an operator's empty object", sample(t, "manual.json"), []Wakeup{{Kind: Manual}}},
		{"an agent's wake-up through SNS", sns(t, sample(t, "agent.body")), []Wakeup{node}},
		{"an alarm through SNS names its shard", sns(t, sample(t, "alarm_sns.body")), []Wakeup{{Kind: Alarm, Shard: "shard-1"}}},
		{"an alarm on metric math names no shard", sns(t, sample(t, "alarm_math.body")), []Wakeup{{Kind: Alarm}}},
		{"a launch in SQS", sqs(t, sample(t, "lifecycle_launching.body")), []Wakeup{from(launching, "m-0")}},
		{"a termination in SQS", sqs(t, sample(t, "lifecycle_terminating.body")), []Wakeup{from(terminating, "m-0")}},
		{"an agent's wake-up through SNS and SQS", sqs(t, inSNS(t, sample(t, "agent.body"))), []Wakeup{from(node, "m-0")}},
		{"a recorder's wake-up, which serves all shards", sqs(t, inSNS(t, `{"instance":"i-0a1b2c3d4e5f60718","sequence":7}`)), []Wakeup{from(Wakeup{Kind: Node, Instance: "i-0a1b2c3d4e5f60718"}, "m-0")}},
		{"an agent's wake-up through SNS with raw delivery to SQS", sqs(t, sample(t, "agent.body")), []Wakeup{from(node, "m-0")}},
		{"an alarm through SNS and SQS", sqs(t, inSNS(t, sample(t, "alarm_sns.body"))), []Wakeup{from(Wakeup{Kind: Alarm, Shard: "shard-1"}, "m-0")}},
		{"an event of EventBridge in SQS", sqs(t, sample(t, "eventbridge_lifecycle.json")), []Wakeup{from(launching, "m-0")}},
		{"a batch keeps its order and its duplicates", sqs(t, sample(t, "lifecycle_launching.body"), sample(t, "lifecycle_terminating.body"), sample(t, "lifecycle_launching.body")),
			[]Wakeup{from(launching, "m-0"), from(terminating, "m-1"), from(launching, "m-2")}},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, Parse([]byte(c.raw))) })
	}
}

func TestWhatIsIgnoredSaysWhy(t *testing.T) {
	for _, c := range []struct{ name, raw, because string }{
		{"nothing", "", "no JSON object"},
		{"garbage", "\x00\xff{", "no JSON object"},
		{"a list", "[1]", "no JSON object"},
		{"null", "null", "not known"},
		{"an event of another service", `{"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification","detail":{}}`, `"aws.ec2"`},
		{"another event of Systems Manager", `{"source":"aws.ssm","detail-type":"Maintenance Window State-change Notification"}`, "not known"},
		{"an empty list of records", `{"Records":[]}`, "not known"},
		{"a record of another source", `{"Records":[{"eventSource":"aws:s3"}]}`, `"aws:s3"`},
		{"a message that is no JSON", sqs(t, "Hello from SNS!"), "no JSON object"},
		{"a message of no known kind", sqs(t, `{"hello":"world"}`), "no known kind"},
		{"a wake-up without a sequence number", sqs(t, `{"instance":"i-1"}`), "no known kind"},
		{"a lifecycle transition of no instance", sqs(t, `{"LifecycleTransition":"autoscaling:OTHER"}`), "no known kind"},
		{"the test notification", sqs(t, sample(t, "test_notification.body")), "test notification"},
		{"the test notification in the form of a transition", sqs(t, sample(t, "test_transition.body")), "test notification"},
		{"the test notification in an SNS envelope", sqs(t, inSNS(t, sample(t, "test_notification.body"))), "test notification"},
		{"an SNS envelope in an SNS envelope", sqs(t, inSNS(t, inSNS(t, sample(t, "agent.body")))), "inside an SNS envelope"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Parse([]byte(c.raw))
			require.Len(t, got, 1)
			assert.Equal(t, Ignored, got[0].Kind)
			assert.Contains(t, got[0].Because, c.because)
		})
	}
}

func TestAnIgnoredMessageKeepsItsIDAndSparesTheOthers(t *testing.T) {
	got := Parse([]byte(sqs(t, "garbage", sample(t, "lifecycle_launching.body"))))
	require.Len(t, got, 2)
	assert.Equal(t, []Kind{Ignored, Lifecycle}, []Kind{got[0].Kind, got[1].Kind})
	assert.Equal(t, []string{"m-0", "m-1"}, []string{got[0].Message, got[1].Message})
}

// TestDeepNestingIsNotFollowed: each level would be read anew, which a message of 256 KB could make last for minutes.
func TestDeepNestingIsNotFollowed(t *testing.T) {
	const depth = 3000
	body := strings.Repeat(`{"detail-type":"x","detail":`, depth) + "{}" + strings.Repeat("}", depth)
	got := Parse([]byte(sqs(t, body)))
	require.Len(t, got, 1)
	assert.Equal(t, Ignored, got[0].Kind)
	assert.Contains(t, got[0].Because, "inside an event of EventBridge")
}

func FuzzParse(f *testing.F) {
	files, err := os.ReadDir("testdata")
	require.NoError(f, err)
	for _, file := range files {
		if file.IsDir() {
			continue
		}
		raw := sample(f, file.Name())
		f.Add([]byte(raw))
		f.Add([]byte(sqs(f, raw, raw)))
		f.Add([]byte(sns(f, raw)))
		f.Add([]byte(sqs(f, inSNS(f, raw))))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		wakeups := Parse(raw)
		want := 1
		var e struct{ Records []json.RawMessage }
		if json.Unmarshal(raw, &e) == nil && wakeups[0].Message != "" {
			want = len(e.Records)
		}
		if len(wakeups) < want {
			t.Fatalf("%d wake-ups of %d records", len(wakeups), want)
		}
		for _, w := range wakeups {
			switch w.Kind {
			case Ignored:
				if w.Because == "" {
					t.Fatal("ignored without a reason")
				}
			case Schedule, Alarm, Node, Parameter, Lifecycle, Manual:
				if w.Because != "" {
					t.Fatalf("%+v has a reason to be ignored and is not", w)
				}
			default:
				t.Fatalf("%+v is of no kind", w)
			}
		}
	})
}

package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/functions"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

// stage is a bus among stand-ins of the Lambda service, of SQS and of policies, and what they saw.
type stage struct {
	*Bus
	mu       sync.Mutex
	refused  map[string]bool // resources whose policy refuses
	answer   functions.Result
	failing  error
	invoked  []string
	waiting  int // events that functions have
	queues   map[string][]Message
	hidden   []int // seconds for which messages were hidden when they were received
	deleted  []string
	events   []Event
	mails    []Mail
	problems []error
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{refused: map[string]bool{}, queues: map[string][]Message{}}
	s.Bus = New(Options{Clock: pace.Clock{Factor: 600}, Account: "123456789012", Region: "us-east-1", Access: s, Functions: s,
		Queues: s, LeastTick: 20 * time.Millisecond,
		OnEvent: func(e Event) { s.see(func() { s.events = append(s.events, e) }) },
		OnMail:  func(m Mail) { s.see(func() { s.mails = append(s.mails, m) }) },
		Problem: func(err error) { s.see(func() { s.problems = append(s.problems, err) }) }})
	return s
}

func (s *stage) see(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *stage) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

func (s *stage) Service(service, action, resource, source string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused[resource] {
		return fmt.Errorf("%s may not %s on %s for %s", service, action, resource, source)
	}
	return nil
}

func (s *stage) Name(arn string) (string, bool) { return arn, strings.Contains(arn, ":function:") }

func (s *stage) InvokeAsync(_ string, payload []byte) error {
	s.see(func() { s.invoked = append(s.invoked, string(payload)) })
	return nil
}

func (s *stage) Waiting(string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

func (s *stage) Invoke(_ context.Context, _ string, payload []byte) (functions.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.invoked = append(s.invoked, string(payload))
	return s.answer, s.failing
}

func (s *stage) Send(_ context.Context, queue, body string, attributes map[string]string) error {
	s.see(func() {
		s.queues[queue] = append(s.queues[queue], Message{ID: strconv.Itoa(len(s.queues[queue])), Receipt: body, Body: body, Texts: attributes})
	})
	return nil
}

func (s *stage) Receive(_ context.Context, queue string, n, hidden int) ([]Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden = append(s.hidden, hidden)
	n = min(n, len(s.queues[queue]))
	batch := slices.Clone(s.queues[queue][:n])
	s.queues[queue] = s.queues[queue][n:]
	return batch, nil
}

func (s *stage) Delete(_ context.Context, _ string, receipts []string) error {
	s.see(func() { s.deleted = append(s.deleted, receipts...) })
	return nil
}

func (s *stage) await(t *testing.T, what string, held func() bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return held()
	}, 5*time.Second, 2*time.Millisecond, what)
}

const (
	topic    = "arn:aws:sns:us-east-1:123456789012:t"
	function = "arn:aws:lambda:us-east-1:123456789012:function:f"
	queue    = "arn:aws:sqs:us-east-1:123456789012:q"
	dead     = "arn:aws:sqs:us-east-1:123456789012:dead"
	rule     = "arn:aws:events:us-east-1:123456789012:rule/r"
)

func TestANoticeReachesEachKindOfSubscription(t *testing.T) {
	s := newStage(t)
	for _, one := range []Subscription{{ARN: "1", Protocol: "lambda", Endpoint: function}, {ARN: "2", Protocol: "sqs", Endpoint: queue},
		{ARN: "3", Protocol: "sqs", Endpoint: dead, Raw: true}, {ARN: "4", Protocol: "email", Endpoint: "a@example.org"}} {
		one.Topic = topic
		require.NoError(t, s.Subscribe(one))
		require.NoError(t, s.Subscribe(one), "again, as after another deployment")
	}
	assert.ErrorContains(t, s.Subscribe(Subscription{Protocol: "sms"}), `protocol "sms" is not known`)
	require.NoError(t, s.PublishAs(t.Context(), "cloudwatch.amazonaws.com", "arn:alarm", Notice{Topic: topic, Subject: "hello",
		Body: "wake", Texts: map[string]string{"kind": "test"}}))
	var sns events.SNSEvent
	require.Len(t, s.invoked, 1)
	require.NoError(t, json.Unmarshal([]byte(s.invoked[0]), &sns))
	assert.Equal(t, "wake", sns.Records[0].SNS.Message)
	assert.Equal(t, "hello", sns.Records[0].SNS.Subject)
	assert.WithinDuration(t, time.Now(), sns.Records[0].SNS.Timestamp, time.Minute)
	var envelope map[string]any
	require.NoError(t, json.Unmarshal([]byte(s.queues[queue][0].Body), &envelope))
	assert.Equal(t, "Notification", envelope["Type"])
	assert.Equal(t, "wake", envelope["Message"])
	assert.Equal(t, "wake", s.queues[dead][0].Body, "raw delivery")
	assert.Equal(t, "a@example.org", s.mails[0].To)
}

func TestATopicRefusesWhomItsPolicyDoesNotName(t *testing.T) {
	s := newStage(t)
	s.refused[topic] = true
	require.NoError(t, s.Subscribe(Subscription{ARN: "1", Topic: topic, Protocol: "lambda", Endpoint: function}))
	assert.ErrorContains(t, s.PublishAs(t.Context(), "cloudwatch.amazonaws.com", "arn:alarm", Notice{Topic: topic}), "may not sns:Publish")
	assert.Empty(t, s.invoked)
}

func TestADeliveryThatIsRefusedGoesToTheDeadLetterQueue(t *testing.T) {
	s := newStage(t)
	s.refused[function] = true
	require.NoError(t, s.Subscribe(Subscription{ARN: "1", Topic: topic, Protocol: "lambda", Endpoint: function, DeadLetter: dead}))
	s.Add(Rule{Name: "r", ARN: rule, Enabled: true, Pattern: Pattern{"source": []any{"probe"}}, Targets: []Target{{ARN: function, DeadLetter: dead}}})
	s.Publish(t.Context(), Notice{Topic: topic, Body: "wake"})
	s.Emit(t.Context(), Event{Source: "probe", Detail: json.RawMessage(`{}`)})
	assert.Len(t, s.problems, 2)
	require.Len(t, s.queues[dead], 2)
	assert.Equal(t, "wake", s.queues[dead][0].Body)
	assert.NotEmpty(t, s.queues[dead][1].Texts["ERROR_MESSAGE"])
	s.refused[dead] = true
	s.Publish(t.Context(), Notice{Topic: topic, Body: "wake"})
	assert.ErrorContains(t, s.problems[len(s.problems)-1], "is lost")
}

func TestAnEventReachesTheTargetsOfTheRulesThatItMatches(t *testing.T) {
	s := newStage(t)
	for name, pattern := range map[string]Pattern{"match": {"source": []any{"probe"}}, "other": {"source": []any{"else"}}} {
		s.Add(Rule{Name: name, ARN: rule, Enabled: true, Pattern: pattern, Targets: []Target{
			{ARN: function, Input: `{"rule":"` + name + `"}`}, {ARN: queue}, {ARN: topic}, {ARN: "arn:aws:states:us-east-1:1:x"}}})
	}
	s.Add(Rule{Name: "off", ARN: rule, Pattern: Pattern{"source": []any{"probe"}}, Targets: []Target{{ARN: function}}})
	require.NoError(t, s.Subscribe(Subscription{ARN: "1", Topic: topic, Protocol: "email", Endpoint: "a@example.org"}))
	s.Emit(t.Context(), Event{Source: "probe", DetailType: "Test", Detail: json.RawMessage(`{"n":1}`)})
	assert.Equal(t, []string{`{"rule":"match"}`}, s.invoked)
	var event events.EventBridgeEvent
	require.NoError(t, json.Unmarshal([]byte(s.queues[queue][0].Body), &event))
	assert.Equal(t, "Test", event.DetailType)
	assert.JSONEq(t, `{"n":1}`, string(event.Detail))
	assert.Len(t, s.mails, 1)
	assert.Len(t, s.events, 1)
	require.Len(t, s.problems, 1)
	assert.ErrorContains(t, s.problems[0], `service "states" is not known`)
}

func TestAPatientScheduleWaitsForTheEventBefore(t *testing.T) {
	s := newStage(t)
	s.options.Patient, s.waiting = true, 1
	s.Add(Rule{Name: "minute", ARN: "arn:rule", Every: time.Minute, Enabled: true, Targets: []Target{{ID: "f", ARN: "arn:aws:lambda:us-east-1:123456789012:function:f"}}})
	s.run(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // of three ticks
	defer cancel()
	<-ctx.Done()
	s.see(func() {
		assert.Empty(t, s.invoked)
		s.waiting = 0
	})
	s.await(t, "a tick", func() bool { return len(s.invoked) > 0 })
}

func TestAScheduleTicksAtItsScaledIntervalOrTheLeast(t *testing.T) {
	s := newStage(t)
	s.Add(Rule{Name: "minute", ARN: rule, Enabled: true, Every: time.Minute, Targets: []Target{{ARN: function, Input: `"minute"`}}})
	s.Add(Rule{Name: "quick", ARN: rule, Enabled: true, Every: time.Second, Targets: []Target{{ARN: function, Input: `"quick"`}}})
	s.Add(Rule{Name: "off", ARN: rule, Every: time.Minute, Targets: []Target{{ARN: function, Input: `"off"`}}})
	s.run(t)
	s.await(t, "five ticks", func() bool { return len(s.invoked) >= 12 })
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]int{}
	for _, one := range s.invoked {
		counts[one]++
	}
	assert.Positive(t, counts[`"minute"`])
	assert.Greater(t, counts[`"quick"`], counts[`"minute"`])
	assert.Zero(t, counts[`"off"`])
	for _, schedule := range s.Schedules() {
		want := map[string]float64{"minute": 60, "quick": 300, "off": 60}[schedule.Rule]
		assert.InDelta(t, want, schedule.TicksPerHour, 0.01, schedule.Rule)
	}
}

func TestRatesAreReadAsEventBridgeReadsThem(t *testing.T) {
	for text, want := range map[string]time.Duration{"rate(1 minute)": time.Minute, "rate(5 minutes)": 5 * time.Minute,
		"rate(1 hour)": time.Hour, "rate(2 days)": 48 * time.Hour} {
		got, err := ParseRate(text)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"rate(1 minutes)", "rate(5 minute)", "rate(0 minutes)", "rate(1 second)", "cron(0 * * * ? *)", ""} {
		_, err := ParseRate(text)
		assert.Error(t, err, text)
	}
}

func TestEventPatterns(t *testing.T) {
	event := Event{Source: "aws.ssm", DetailType: "Parameter Store Change", Detail: json.RawMessage(`{"name":"/a/b","n":3,"list":["x","y"]}`)}
	for text, want := range map[string]bool{
		`{"source":["aws.ssm"]}`:                                           true,
		`{"source":["aws.ec2","aws.ssm"],"detail":{"n":[3]}}`:              true,
		`{"source":["aws.ssm"],"detail":{"n":[4]}}`:                        false,
		`{"detail":{"name":[{"prefix":"/a"}]}}`:                            true,
		`{"detail":{"name":[{"suffix":"/a"}]}}`:                            false,
		`{"detail":{"name":[{"anything-but":["/a/b"]}]}}`:                  false,
		`{"detail":{"name":[{"anything-but":"/c"}]}}`:                      true,
		`{"detail":{"name":[{"equals-ignore-case":"/A/B"}]}}`:              true,
		`{"detail":{"other":[{"exists":false}],"name":[{"exists":true}]}}`: true,
		`{"detail":{"other":[{"prefix":"x"}]}}`:                            false,
		`{"detail":{"list":["y"]}}`:                                        true,
		`{"detail":{"inner":{"deep":["x"]}}}`:                              false,
	} {
		var v map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &v))
		p, err := ParsePattern(v)
		require.NoError(t, err, text)
		assert.Equal(t, want, p.Matches(event), text)
	}
	for _, v := range []map[string]any{nil, {"source": "aws.ssm"}, {"detail": map[string]any{"n": []any{map[string]any{"numeric": []any{">", 3}}}}}} {
		_, err := ParsePattern(v)
		assert.Error(t, err)
	}
}

func TestABatchIsDeletedByWhatTheFunctionAnswers(t *testing.T) {
	batch := []Message{{ID: "1", Receipt: "a"}, {ID: "2", Receipt: "b"}, {ID: "3", Receipt: "c"}}
	for name, c := range map[string]struct {
		partial bool
		answer  functions.Result
		failing error
		want    []string
	}{
		"without a report all are done":                     {false, functions.Result{Payload: []byte(`{"batchItemFailures":[{"itemIdentifier":"2"}]}`)}, nil, []string{"a", "b", "c"}},
		"with a report those that failed stay":              {true, functions.Result{Payload: []byte(`{"batchItemFailures":[{"itemIdentifier":"2"}]}`)}, nil, []string{"a", "c"}},
		"an empty report means that all are done":           {true, functions.Result{Payload: []byte(`{"batchItemFailures":[]}`)}, nil, []string{"a", "b", "c"}},
		"null means that all are done":                      {true, functions.Result{Payload: []byte(`null`)}, nil, []string{"a", "b", "c"}},
		"an unknown id fails the whole batch":               {true, functions.Result{Payload: []byte(`{"batchItemFailures":[{"itemIdentifier":"9"}]}`)}, nil, nil},
		"an absent id fails the whole batch":                {true, functions.Result{Payload: []byte(`{"batchItemFailures":[{}]}`)}, nil, nil},
		"an answer that is no report fails the whole batch": {true, functions.Result{Payload: []byte(`"ok"`)}, nil, nil},
		"a failing function leaves the whole batch":         {true, functions.Result{FunctionError: "Unhandled"}, nil, nil},
		"a function that is throttled leaves the batch":     {true, functions.Result{}, errors.New("throttled"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.answer, s.failing = c.answer, c.failing
			s.process(t.Context(), Mapping{Queue: queue, Function: function, Partial: c.partial}, batch)
			assert.ElementsMatch(t, c.want, s.deleted)
			require.Len(t, s.invoked, 1)
			var event events.SQSEvent
			require.NoError(t, json.Unmarshal([]byte(s.invoked[0]), &event))
			assert.Equal(t, "2", event.Records[1].MessageId)
		})
	}
}

func TestMessagesAreHiddenForTheQueuesTimeAndNoLessThanTheFunctionMayTake(t *testing.T) {
	for name, c := range map[string]struct {
		visibility, least time.Duration
		want              int
	}{
		"the queue's time is divided by the factor":        {time.Hour, 0, 6},
		"less than a second is a second":                   {time.Minute, 0, 1},
		"a function that may take longer is let be":        {time.Minute, 15 * time.Second, 15},
		"a function that may take less counts for nothing": {time.Hour, 2 * time.Second, 6},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.options.LeastHidden = c.least
			s.Map(Mapping{Queue: queue, Function: function, Batch: 1, Visibility: c.visibility})
			s.run(t)
			s.await(t, "the queue is asked", func() bool { return len(s.hidden) > 0 })
			s.mu.Lock()
			defer s.mu.Unlock()
			assert.Equal(t, c.want, s.hidden[0])
		})
	}
}

func TestAQueueIsReadInBatches(t *testing.T) {
	s := newStage(t)
	s.Map(Mapping{Queue: queue, Function: function, Batch: 4, Window: time.Second})
	s.Map(Mapping{Queue: queue, Function: function, Batch: 4, Window: time.Second})
	for n := range 6 {
		require.NoError(t, s.Send(t.Context(), queue, strconv.Itoa(n), nil))
	}
	s.run(t)
	s.Ring(queue)
	s.await(t, "all are handled", func() bool { return len(s.deleted) == 6 })
	s.see(func() { assert.Len(t, s.invoked, 2) })
}

package functions

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

// probe is the built function; see internal/probe.
var probe string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "functions")
	if err == nil {
		probe = filepath.Join(dir, "bootstrap")
		var out []byte
		if out, err = exec.Command("go", "build", "-tags", "lambda.norpc", "-o", probe, "../internal/probe").CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL: probe is not built:", err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// lab is a host with one function "f" and what its callbacks saw.
type lab struct {
	*Host
	mu       sync.Mutex
	lines    []string
	counts   map[string]float64
	sent     map[string][]string
	problems []error
}

func newLab(t *testing.T, edit func(*Function)) *lab {
	t.Helper()
	l := &lab{counts: map[string]float64{}, sent: map[string][]string{}}
	see := func(f func()) {
		l.mu.Lock()
		defer l.mu.Unlock()
		f()
	}
	l.Host = New(Options{Clock: pace.Clock{Factor: 600}, LeastTimeout: 300 * time.Millisecond, Environments: 3,
		Line:    func(_, line string) { see(func() { l.lines = append(l.lines, line) }) },
		Count:   func(_, metric string, v float64) { see(func() { l.counts[metric] += v }) },
		Problem: func(err error) { see(func() { l.problems = append(l.problems, err) }) },
		Send: func(_ context.Context, _ Function, target string, body []byte, _ map[string]string) error {
			see(func() { l.sent[target] = append(l.sent[target], string(body)) })
			return nil
		}})
	t.Cleanup(l.Close)
	f := Function{Name: "f", ARN: "arn:f", Binary: probe, Env: []string{"COLOUR=blue"}, Timeout: 3 * time.Second, Memory: 128,
		Retries: 2, DeadLetter: "arn:dlq", Concurrency: -1}
	if edit != nil {
		edit(&f)
	}
	l.Deploy(f)
	return l
}

func (l *lab) call(t *testing.T, payload string) Result {
	t.Helper()
	result, err := l.Invoke(t.Context(), "f", []byte(payload))
	require.NoError(t, err)
	return result
}

func (l *lab) count(metric string) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[metric]
}

// starts is how many lines tell of events with this text: how often the function was run for it.
func (l *lab) starts(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.lines {
		if strings.HasPrefix(line, "event ") && strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func TestAFunctionAnswersWithItsEnvironmentAndDeadline(t *testing.T) {
	l := newLab(t, nil)
	assert.Contains(t, string(l.call(t, `{"do":"env"}`).Payload), "COLOUR=blue")
	var seconds float64
	require.NoError(t, json.Unmarshal(l.call(t, `{"do":"deadline"}`).Payload, &seconds))
	assert.InDelta(t, 0.25, seconds, 0.1, "the least timeout holds, for 3 s at factor 600 are 5 ms")
}

func TestAFailedInvocationIsUnhandledAndTheNextOneWorks(t *testing.T) {
	for name, c := range map[string]struct{ payload, want string }{
		"an error that the function returns":  {`{"do":"fail"}`, "told to fail"},
		"a process that exits":                {`{"do":"exit"}`, "Runtime exited with error: exit status 3"},
		"a function that runs into its limit": {`{"do":"sleep"}`, "Task timed out after 3.00 seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, nil)
			result := l.call(t, c.payload)
			assert.Equal(t, "Unhandled", result.FunctionError)
			assert.Contains(t, string(result.Payload), c.want)
			assert.False(t, l.call(t, `{}`).Failed())
			assert.InDelta(t, 1, l.count("Errors"), 0)
			assert.InDelta(t, 2, l.count("Invocations"), 0)
		})
	}
}

func TestConcurrentInvocationsHaveTheirOwnProcessesUpToTheCap(t *testing.T) {
	l := newLab(t, nil)
	var wait sync.WaitGroup
	var mu sync.Mutex
	throttled := 0
	for range 5 {
		wait.Go(func() {
			if _, err := l.Invoke(context.Background(), "f", []byte(`{"do":"sleep"}`)); err != nil {
				mu.Lock()
				defer mu.Unlock()
				throttled++
				assert.ErrorIs(t, err, ErrThrottled{"f"})
			}
		})
	}
	wait.Wait()
	assert.Equal(t, 2, throttled)
	assert.InDelta(t, 2, l.count("Throttles"), 0)
	_, err := l.Invoke(t.Context(), "g", nil)
	assert.ErrorContains(t, err, "Function not found: g")
}

func TestAnAsynchronousEventIsRetriedTwiceAndThenDead(t *testing.T) {
	l := newLab(t, func(f *Function) { f.OnFailure = "arn:destination" })
	require.NoError(t, l.InvokeAsync("f", []byte(`{"do":"fail","group":"asynchronous"}`)))
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.sent["arn:dlq"]) == 1 && len(l.sent["arn:destination"]) == 1
	}, 5*time.Second, 5*time.Millisecond)
	assert.Equal(t, 3, l.starts("asynchronous"))
	l.mu.Lock()
	defer l.mu.Unlock()
	assert.JSONEq(t, `{"do":"fail","group":"asynchronous"}`, l.sent["arn:dlq"][0], "a dead letter is the event itself")
	var record struct {
		RequestContext struct {
			Condition              string
			ApproximateInvokeCount int
		}
		RequestPayload  map[string]any
		ResponsePayload map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(l.sent["arn:destination"][0]), &record))
	assert.Equal(t, "RetriesExhausted", record.RequestContext.Condition)
	assert.Equal(t, 3, record.RequestContext.ApproximateInvokeCount)
	assert.Equal(t, "asynchronous", record.RequestPayload["group"])
	assert.Equal(t, "told to fail", record.ResponsePayload["errorMessage"])
}

func TestAnEventWaitsUntilItIsDoneOrDead(t *testing.T) {
	l := newLab(t, func(f *Function) { f.OnFailure = "arn:destination" })
	assert.Zero(t, l.Waiting("f"))
	require.NoError(t, l.InvokeAsync("f", []byte(`{"do":"fail","group":"waiting"}`)))
	assert.Equal(t, 1, l.Waiting("f"), "its retries are to come")
	require.Eventually(t, func() bool { return l.Waiting("f") == 0 }, 5*time.Second, 5*time.Millisecond)
	assert.Equal(t, 3, l.starts("waiting"))
	assert.Zero(t, l.Waiting("g"), "there is none of that name")
}

func TestAnAsynchronousEventWithoutADeadLetterQueueIsLostLoudly(t *testing.T) {
	l := newLab(t, func(f *Function) { f.DeadLetter = ""; f.Retries = 0 })
	require.NoError(t, l.InvokeAsync("f", []byte(`{"do":"fail"}`)))
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.problems) == 1
	}, 5*time.Second, 5*time.Millisecond)
	assert.Equal(t, 1, l.starts("fail"))
	assert.Error(t, l.InvokeAsync("g", nil))
}

func TestAnEventThatIsThrottledForTooLongIsDead(t *testing.T) {
	l := newLab(t, func(f *Function) { f.Concurrency = 0; f.MaxAge = 10 * time.Second })
	require.NoError(t, l.InvokeAsync("f", []byte(`{}`)))
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.sent["arn:dlq"]) == 1
	}, 5*time.Second, 5*time.Millisecond)
	assert.Zero(t, l.starts("{}"))
}

func TestAReplacedFunctionTakesTheNextEvent(t *testing.T) {
	l := newLab(t, nil)
	l.call(t, `{}`)
	l.Deploy(Function{Name: "f", ARN: "arn:f", Binary: probe, Env: []string{"COLOUR=red"}, Timeout: time.Second, Concurrency: -1})
	assert.Contains(t, string(l.call(t, `{"do":"env"}`).Payload), "COLOUR=red")
	name, ok := l.Name("arn:f")
	assert.True(t, ok)
	assert.Equal(t, "f", name)
	_, ok = l.Name("arn:g")
	assert.False(t, ok)
}

func TestARunThatTakesHalfOfItsTimeOnTheWallTakesHalfOfItsTimeLimit(t *testing.T) {
	l := newLab(t, nil) // 3 s, which are 300 ms on the wall
	l.Starve("f", 150*time.Millisecond)
	result, err := l.Invoke(t.Context(), "f", []byte(`{"do":"nothing"}`))
	require.NoError(t, err)
	require.False(t, result.Failed(), string(result.Payload))
	assert.GreaterOrEqual(t, l.count("Duration"), 1500.0)
}

// Package functions is a Lambda service: it runs built binaries behind the Lambda Runtime API on loopback, one
// process for each concurrent invocation, with timeouts, asynchronous retries and destinations.
//
// It must not know what a function does, nor who may invoke it.
package functions

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

// Function is one deployed function.
type Function struct {
	Name    string
	ARN     string
	Binary  string // path of its bootstrap
	Env     []string
	Timeout time.Duration // simulated time
	Memory  int           // MiB
	// Retries is how often an asynchronous invocation that failed is tried again: 0 to 2.
	Retries int
	// MaxAge is how long an asynchronous event may wait for its function. 0 is the default of 6 h.
	MaxAge time.Duration
	// DeadLetter and OnFailure are ARNs of where an asynchronous event goes that failed for good.
	DeadLetter, OnFailure string
	// Concurrency is the reserved concurrency; negative is none, 0 throttles everything.
	Concurrency int
}

// Result is what an invocation gave.
type Result struct {
	RequestID string
	Payload   []byte
	// FunctionError is "Unhandled" when the function failed, and Payload is then the error as JSON.
	FunctionError string
}

// Failed reports whether the function failed.
func (r Result) Failed() bool { return r.FunctionError != "" }

// Options is what a host needs from outside.
type Options struct {
	Clock pace.Clock
	// LeastTimeout is the shortest wall time that a function gets, however large the factor is: its code is not
	// faster for it. 0 is 5 s.
	LeastTimeout time.Duration
	// Environments is the largest number of processes of one function. 0 is 10.
	Environments int
	// Line takes each line that a function writes, to stdout or stderr.
	Line func(function, line string)
	// Count takes the metrics of AWS/Lambda.
	Count func(function, metric string, value float64)
	// Send delivers a failed asynchronous event to a dead letter queue or destination, as the function's role.
	Send func(ctx context.Context, f Function, target string, body []byte, attributes map[string]string) error
	// Throttle is whether a function gets no process now, as while the service is in trouble; nil is never.
	Throttle func(function string) bool
	// Problem is told of what AWS would refuse or lose.
	Problem func(error)
}

// ErrThrottled is why an invocation got no process.
type ErrThrottled struct{ Function string }

func (e ErrThrottled) Error() string { return "TooManyRequestsException: Rate Exceeded: " + e.Function }

// failure is an error as the Runtime API and the service word it.
type failure struct {
	ErrorMessage string `json:"errorMessage"`
	ErrorType    string `json:"errorType"`
}

func failed(requestID, kind, message string) Result {
	payload, _ := json.Marshal(failure{message, kind}) // two texts always encode
	return Result{RequestID: requestID, Payload: payload, FunctionError: "Unhandled"}
}

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// patience is how long a function may take to start; AWS gives it ten seconds.
const patience = 10 * time.Second

// start runs a function's binary with its env contract and returns the time from the start of the process to its
// first request for work, when it is ended. It listens to the Lambda Runtime API
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), and answers the one call to AWS that a function
// makes before it asks: the secret that signs its orders to agents.
func start(ctx context.Context, binary string, env map[string]string) (time.Duration, error) {
	ctx, end := context.WithTimeout(ctx, patience)
	defer end()
	asked, failed := make(chan time.Time, 1), make(chan error, 1)
	report := func(err error) {
		select {
		case failed <- err:
		default: // the first error is the cause
		}
	}
	runtimeAPI := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/invocation/next") {
			text, _ := io.ReadAll(r.Body)
			report(fmt.Errorf("it failed: %s", text))
			return
		}
		asked <- time.Now()
		<-ctx.Done()
	}))
	defer runtimeAPI.Close()
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if call := r.Header.Get("X-Amz-Target"); call != "secretsmanager.GetSecretValue" {
			report(fmt.Errorf("it called AWS for %s %s", r.URL.Path, call))
			w.WriteHeader(http.StatusNotImplemented)
			return
		}
		_, _ = io.WriteString(w, `{"SecretString":"0123456789abcdef0123456789abcdef"}`)
	}))
	defer cloud.Close()
	defer end() // before the servers close, which wait for their requests

	process := exec.CommandContext(ctx, binary)
	process.Env = append(slices.Clone(surroundings), "AWS_LAMBDA_RUNTIME_API="+runtimeAPI.Listener.Addr().String(), "AWS_ENDPOINT_URL="+cloud.URL)
	for name, value := range env {
		process.Env = append(process.Env, name+"="+value)
	}
	var said strings.Builder
	process.Stdout, process.Stderr = &said, &said
	began := time.Now()
	if err := process.Start(); err != nil {
		return 0, fmt.Errorf("it does not start: %w", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- process.Wait() }()
	defer func() { end(); <-exited }()
	select {
	case at := <-asked:
		return at.Sub(began), nil
	case err := <-failed:
		return 0, err
	case err := <-exited:
		exited <- err
		return 0, fmt.Errorf("it ended: %w: %s", err, said.String())
	case <-ctx.Done():
		return 0, fmt.Errorf("it did not ask for work within %s", patience)
	}
}

// surroundings are what the Lambda runtime sets for every function.
var surroundings = []string{
	"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=measured", "AWS_SESSION_TOKEN=measured",
	"AWS_LAMBDA_FUNCTION_NAME=measured", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
	"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023", "AWS_LAMBDA_LOG_FORMAT=JSON", "_HANDLER=bootstrap", "TZ=:UTC",
}

package functions

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// environment is one process of a function, with its own Runtime API: it has one invocation at a time.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type environment struct {
	function Function
	process  *exec.Cmd
	server   *http.Server
	work     chan work
	answers  chan Result
	// exited is closed when the process has ended.
	exited chan struct{}
	lines  sync.WaitGroup
}

type work struct {
	requestID string
	payload   []byte
	deadline  time.Time
}

// start runs a function's binary and waits for nothing: its first request for work blocks until there is some.
func (h *Host) start(f Function) (*environment, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("runtime API of %s cannot listen: %w", f.Name, err)
	}
	e := &environment{function: f, work: make(chan work), answers: make(chan Result, 1), exited: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", e.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", e.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", e.failure)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", e.failure)
	e.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = e.server.Serve(listener) }()

	e.process = exec.Command(f.Binary)
	e.process.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(f.Memory),
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023", "_HANDLER=bootstrap", "TZ=:UTC", "PATH=/usr/bin:/bin",
	}, f.Env...)
	// The process ends with the emulator, also when that is killed.
	e.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, input := io.Pipe()
	e.process.Stdout, e.process.Stderr = input, input
	if err := e.process.Start(); err != nil {
		_ = e.server.Close()
		return nil, fmt.Errorf("function %s does not start: %w", f.Name, err)
	}
	e.lines.Add(1)
	go h.read(f.Name, output, &e.lines)
	go func() {
		_ = e.process.Wait()
		_ = input.Close()
		close(e.exited)
	}()
	return e, nil
}

// read passes on what a function writes, line by line.
func (h *Host) read(function string, from io.Reader, done *sync.WaitGroup) {
	defer done.Done()
	scanner := bufio.NewScanner(from)
	scanner.Buffer(make([]byte, 64<<10), 1<<20)
	for scanner.Scan() {
		if line := strings.TrimSpace(scanner.Text()); line != "" {
			h.options.Line(function, line)
		}
	}
	_, _ = io.Copy(io.Discard, from) // a line too long for a log event must not block the function
}

func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case job := <-e.work:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", job.requestID)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(job.deadline.UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", e.function.ARN)
		w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
		_, _ = w.Write(job.payload)
	}
}

func (e *environment) response(w http.ResponseWriter, r *http.Request) {
	e.answer(w, r, "")
}

func (e *environment) failure(w http.ResponseWriter, r *http.Request) {
	e.answer(w, r, "Unhandled")
}

func (e *environment) answer(w http.ResponseWriter, r *http.Request, functionError string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 6<<20)) // the limit of a synchronous answer
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case e.answers <- Result{RequestID: r.PathValue("id"), Payload: body, FunctionError: functionError}:
	default:
	}
	w.WriteHeader(http.StatusAccepted)
}

var errDead = errors.New("environment is dead")

// invoke gives the process one event. A second result of false says that the process can take no more.
func (e *environment) invoke(ctx context.Context, job work) (Result, bool) {
	expired, cancel := context.WithDeadlineCause(ctx, job.deadline, errDead)
	defer cancel()
	select {
	case e.work <- job:
	case <-e.exited:
		return failed(job.requestID, "Runtime.ExitError", "RequestId: "+job.requestID+" Error: Runtime exited before its first request"), false
	case <-expired.Done():
		return e.late(job), false
	}
	select {
	case result := <-e.answers:
		result.RequestID = job.requestID
		select {
		case <-e.exited:
			return result, false
		default:
			return result, true
		}
	case <-e.exited:
		select {
		case result := <-e.answers:
			return result, false
		default:
		}
		return failed(job.requestID, "Runtime.ExitError",
			fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %v", job.requestID, e.process.ProcessState)), false
	case <-expired.Done():
		return e.late(job), false
	}
}

func (e *environment) late(job work) Result {
	return failed(job.requestID, "Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds",
		job.requestID, e.function.Timeout.Seconds()))
}

// stop kills the process and waits for it and its last lines.
func (e *environment) stop() {
	_ = e.process.Process.Kill()
	<-e.exited
	_ = e.server.Close()
	e.lines.Wait()
}

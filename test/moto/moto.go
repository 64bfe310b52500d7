// Package moto starts moto, the AWS API server that tests and the sandbox run against, on a free port of this
// machine. It knows nothing of what is asked of it.
package moto

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"syscall"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

// Server is one moto server that runs.
type Server struct {
	// Address is its endpoint, "http://localhost:12345". It has a name, not a number, because moto answers S3's
	// virtual hosts only under a name.
	Address string
	process *exec.Cmd
}

const (
	starts = 30 * time.Second // how long moto may take to answer
	asks   = 50 * time.Millisecond
)

// Start starts a program, moto_server or one that takes its options, and returns when it answers. What it logs goes
// to log; nil discards it. The process ends with the context, and with this process, also when that is killed.
func Start(ctx context.Context, program string, log io.Writer) (*Server, error) {
	found, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("moto is not started: %w: ./scripts/setup python installs it", err)
	}
	port, err := freePort()
	if err != nil {
		return nil, fmt.Errorf("moto is not started: %w", err)
	}
	s := &Server{Address: "http://localhost:" + port, process: exec.CommandContext(ctx, found, "-H", "127.0.0.1", "-p", port)}
	s.process.Stdout, s.process.Stderr = log, log
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("moto is not started: %w", err)
	}
	for range starts / asks {
		if s.answers(ctx) {
			return s, nil
		}
		if err := pace.Wait(ctx, asks); err != nil {
			s.Close()
			return nil, err
		}
	}
	s.Close()
	return nil, fmt.Errorf("moto does not answer at %s within %s", s.Address, starts)
}

// Close ends the server, and with it everything that was made on it.
func (s *Server) Close() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

func (s *Server) answers(ctx context.Context) bool {
	question, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Address+"/moto-api/", http.NoBody)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(question)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

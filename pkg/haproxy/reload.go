package haproxy

import (
	"context"
	"time"
)

// Servers asks for every server's state in the form that a server-state-file has, so that the next process begins
// with what this one knew.
func (a *Admin) Servers(ctx context.Context) (string, error) {
	answer, err := a.ask(ctx, "show servers state", maxStatBytes)
	return answer + "\n", err
}

// Master is the process that starts HAProxy's working processes and outlives them: its socket is the one of the
// command line's -S.
type Master struct {
	cli Admin
}

// NewMaster makes a client of the master's socket at a path. Each order is answered within timeout or fails.
func NewMaster(socket string, timeout time.Duration) *Master {
	return &Master{Admin{socket: socket, timeout: timeout, halfClosed: true}}
}

// Reload makes the master read its configuration again and start a process with it. The process before ends what it
// has and takes nothing new; it stays in force when the configuration is refused, which HAProxy 2.6 does not answer:
// who must know asks Process which one is there.
func (m *Master) Reload(ctx context.Context) error { return m.cli.tell(ctx, "reload") }

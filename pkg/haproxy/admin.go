// Package haproxy speaks with one running HAProxy over its runtime API, a UNIX socket: it reads how the process and
// its servers are, and forgets or places single rooms in its stick table.
//
// It knows HAProxy's words and no more: what a server's state means for a shard, and who may order what, is the
// node agent's to say. Formats are those of HAProxy 2.6, which Debian 12 has:
// https://docs.haproxy.org/2.6/management.html#9.3
package haproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"time"
)

var (
	// ErrGone says that nobody listens on the socket: the process is not there.
	ErrGone = errors.New("HAProxy is not there")
	// ErrAnswer says that HAProxy answered something else than is documented.
	ErrAnswer = errors.New("unusable answer of HAProxy")
)

// Bounds of what is read of an answer, in bytes. Fifty shards in two backends are some 40 kB of statistics.
const (
	maxStatBytes = 1 << 20
	maxTextBytes = 64 << 10
)

// Admin is HAProxy's runtime API with the level admin. Each question has a connection of its own, since HAProxy
// closes it after the answer.
type Admin struct {
	socket  string
	timeout time.Duration
	// halfClosed is how a question is ended where HAProxy would wait for more, as its master does.
	halfClosed bool
}

// NewAdmin makes a client of the socket at a path. Each question is answered within timeout or fails.
func NewAdmin(socket string, timeout time.Duration) *Admin {
	return &Admin{socket: socket, timeout: timeout}
}

// ask sends one command and reads the whole answer, at most limit bytes.
func (a *Admin) ask(ctx context.Context, command string, limit int64) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "unix", a.socket)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return "", fmt.Errorf("%w: nobody listens on %s", ErrGone, a.socket)
	case err != nil:
		return "", fmt.Errorf("HAProxy cannot be asked: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = connection.SetDeadline(time.Unix(1, 0)) })
	defer func() { stop(); _ = connection.Close() }()
	if _, err := io.WriteString(connection, command+"\n"); err != nil {
		return "", fmt.Errorf("HAProxy was not asked %q: %w", command, err)
	}
	if half, ok := connection.(*net.UnixConn); ok && a.halfClosed {
		if err := half.CloseWrite(); err != nil {
			return "", fmt.Errorf("HAProxy was not asked %q: %w", command, err)
		}
	}
	raw, err := io.ReadAll(io.LimitReader(connection, limit+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("HAProxy did not answer %q within %s: %w", command, a.timeout, err)
	case int64(len(raw)) > limit:
		return "", fmt.Errorf("%w: to %q it is longer than %d bytes", ErrAnswer, command, limit)
	}
	return strings.TrimSpace(string(raw)), nil
}

// tell gives a command whose success is silent.
func (a *Admin) tell(ctx context.Context, command string) error {
	answer, err := a.ask(ctx, command, maxTextBytes)
	if err != nil {
		return err
	}
	if answer != "" {
		return fmt.Errorf("HAProxy refused %q: %s", command, firstLine(answer))
	}
	return nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.ToValidUTF8(line[:min(len(line), 200)], "?")
}

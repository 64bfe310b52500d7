// Package jitsi asks Jitsi's components what they do: JVB, Jicofo, Prosody, Jibri and the web server, each over its
// own HTTP interface on loopback.
//
// It reads what they answer, within bounds, and judges nothing: what an answer means for a node is the node
// agent's to say. It knows no AWS, no phases and no orders. Facts and sources: reference/jitsi.md.
package jitsi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// How an answer can fail to come. They tell apart what a caller must: a process that is not there, one that is
// there and does not answer, one that answers what cannot be read, and one that says that it is not well.
var (
	// ErrRefused says that nobody listens: the process is not there.
	ErrRefused = errors.New("connection refused")
	// ErrTimeout says that the process is there and did not answer in time.
	ErrTimeout = errors.New("no answer in time")
	// ErrBadAnswer says that there was an answer that is not the documented one.
	ErrBadAnswer = errors.New("unusable answer")
	// ErrUnhealthy says that the component answered that it is not healthy.
	ErrUnhealthy = errors.New("unhealthy")
	// ErrNoHealth says that the component's health interface is switched off, which is Jicofo's default.
	ErrNoHealth = errors.New("health interface is off")
)

// Bounds of what is read of an answer, in bytes.
const (
	maxStatsBytes  = 1 << 20
	maxCensusBytes = 8 << 20
	maxTextBytes   = 4 << 10
)

// component is one HTTP interface of one process.
type component struct {
	name    string
	base    string
	host    string // the Host header; empty for the address's own
	timeout time.Duration
	client  *http.Client
}

// newComponent makes a client of the process at base, "http://127.0.0.1:8080". Each question is answered within
// timeout or fails.
func newComponent(name, base string, timeout time.Duration) component {
	return component{
		name:    name,
		base:    strings.TrimSuffix(base, "/"),
		timeout: timeout,
		client: &http.Client{
			Transport: &http.Transport{
				MaxIdleConns:           4,
				MaxConnsPerHost:        8,
				MaxResponseHeaderBytes: 16 << 10,
				DisableCompression:     true,
			},
			// A component never redirects; following one would let its answer choose whom the agent asks next.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// answer is a whole answer that was read within its bound.
type answer struct {
	status int
	body   []byte
}

// ask sends one request and reads at most limit bytes of the answer. A longer answer is ErrBadAnswer.
func (c component) ask(ctx context.Context, method, path, body string, limit int64) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("%s cannot be asked: %w", c.name, err)
	}
	// JVB's handler of /metrics fails without an Accept header; the others do not mind one.
	req.Header.Set("Accept", "application/json, text/plain;q=0.9, */*;q=0.5")
	req.Host = c.host
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return answer{}, c.failure(path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return answer{}, c.failure(path, err)
	}
	if int64(len(raw)) > limit {
		return answer{}, fmt.Errorf("%s %s: %w: longer than %d bytes", c.name, path, ErrBadAnswer, limit)
	}
	return answer{status: resp.StatusCode, body: raw}, nil
}

// get asks for a JSON document, which only comes with status 200.
func (c component) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	a, err := c.ask(ctx, http.MethodGet, path, "", limit)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, c.unexpected(path, a)
	}
	return a.body, nil
}

// post gives an order; any 2xx is its success.
func (c component) post(ctx context.Context, path, body string) error {
	a, err := c.ask(ctx, http.MethodPost, path, body, maxTextBytes)
	if err != nil {
		return err
	}
	if a.status < 200 || a.status > 299 {
		return c.unexpected(path, a)
	}
	return nil
}

// health asks GET /about/health: nil when healthy, else ErrUnhealthy, ErrNoHealth or why there was no answer.
func (c component) health(ctx context.Context) error {
	const path = "/about/health"
	a, err := c.ask(ctx, http.MethodGet, path, "", maxTextBytes)
	switch {
	case err != nil:
		return err
	case a.status == http.StatusOK:
		return nil
	case a.status == http.StatusNotFound:
		return fmt.Errorf("%s: %w: answered 404", c.name, ErrNoHealth)
	case a.status >= 500:
		return fmt.Errorf("%s is %w: %s", c.name, ErrUnhealthy, said(a))
	default:
		return c.unexpected(path, a)
	}
}

func (c component) unexpected(path string, a answer) error {
	return fmt.Errorf("%s %s: %w: %s", c.name, path, ErrBadAnswer, said(a))
}

// failure names the kind of a transport error.
func (c component) failure(path string, err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: %w", c.name, ErrRefused)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%s %s: %w (%s)", c.name, path, ErrTimeout, c.timeout)
	default:
		return fmt.Errorf("%s %s: %w: %w", c.name, path, ErrBadAnswer, err)
	}
}

// said is an answer in a few words for an error: the status and the beginning of the text, on one line.
func said(a answer) string {
	const most = 160
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(a.body), "?")), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	if text == "" {
		return fmt.Sprintf("status %d", a.status)
	}
	return fmt.Sprintf("status %d, %q", a.status, text)
}

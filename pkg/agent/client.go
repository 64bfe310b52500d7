package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Bounds of what is read of an agent's answer, in bytes. A census has some 200 bytes for each room.
const (
	maxStatusBytes = 64 << 10
	maxCensusBytes = 8 << 20
)

// ErrUnauthorized says that an agent does not know the caller's secret, or that the clocks are too far apart.
var ErrUnauthorized = errors.New("the agent refused the signature")

// Client asks node agents. It may be used by any number of goroutines; how many ask at once, and for how long each
// waits, is the caller's to bound, through the context.
type Client struct {
	secret []byte
	port   uint16
	clock  func() time.Time
	http   *http.Client
}

// NewClient makes a client of all agents that share a secret and a port. The clock signs the requests.
func NewClient(secret []byte, port int, clock func() time.Time) *Client {
	dialer := &net.Dialer{Timeout: 2 * time.Second, KeepAlive: 30 * time.Second}
	return &Client{
		secret: secret,
		port:   uint16(port), //nolint:gosec // a port of settings
		clock:  clock,
		http: &http.Client{
			Transport: &http.Transport{
				DialContext: dialer.DialContext,
				// Room for one idle connection to each of a thousand agents, kept for one schedule to the next.
				MaxIdleConns:           1024,
				MaxIdleConnsPerHost:    1,
				MaxConnsPerHost:        4,
				IdleConnTimeout:        90 * time.Second,
				ResponseHeaderTimeout:  10 * time.Second,
				MaxResponseHeaderBytes: maxHeaderBytes,
				DisableCompression:     true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Status asks the agent at an address how its node is. An address can have gone to another instance since it was
// looked up: the caller compares Status.Instance.
func (c *Client) Status(ctx context.Context, addr netip.Addr) (fleet.Status, error) {
	var status fleet.Status
	err := c.ask(ctx, http.MethodGet, addr, "status", nil, maxStatusBytes, &status)
	return status, err
}

// Census asks the agent at a signal node's address for the rooms of its shard. An agent that has none fails with
// *Refusal.
func (c *Client) Census(ctx context.Context, addr netip.Addr) (fleet.Census, error) {
	var census fleet.Census
	err := c.ask(ctx, http.MethodGet, addr, "census", nil, maxCensusBytes, &census)
	return census, err
}

// Order gives the agent at an address an order and returns the status after it. An order that the agent does not
// obey as things are fails with *Refusal.
func (c *Client) Order(ctx context.Context, addr netip.Addr, verb fleet.Verb, order fleet.Order) (fleet.Status, error) {
	body, err := json.Marshal(order)
	if err != nil {
		return fleet.Status{}, fmt.Errorf("the order cannot be written: %w", err)
	}
	var status fleet.Status
	err = c.ask(ctx, http.MethodPost, addr, string(verb), body, maxStatusBytes, &status)
	return status, err
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// ask sends one request and reads the answer, at most limit bytes, into document.
func (c *Client) ask(ctx context.Context, method string, addr netip.Addr, path string, body []byte, limit int64, document any) error {
	if !addr.IsValid() {
		return errors.New("the agent cannot be asked: its address is not known")
	}
	at := netip.AddrPortFrom(addr, c.port)
	req, err := http.NewRequestWithContext(ctx, method, "http://"+at.String()+"/"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("agent %s cannot be asked: %w", at, err)
	}
	// The verbs are idempotent: net/http may repeat one whose kept connection turned out to be dead. The empty
	// value is not sent.
	req.Header["Idempotency-Key"] = nil
	sign(req, c.secret, body, c.clock())
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("agent %s does not answer: %w", at, err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return fmt.Errorf("agent %s broke off its answer: %w", at, err)
	case int64(len(raw)) > limit:
		return fmt.Errorf("agent %s: its answer is longer than %d bytes", at, limit)
	}
	return read(at, resp.StatusCode, raw, document)
}

// read makes a document or an error of an answer.
func read(at netip.AddrPort, code int, raw []byte, document any) error {
	text := strings.ToValidUTF8(strings.TrimSpace(string(raw[:min(len(raw), 500)])), "?")
	switch code {
	case http.StatusOK:
		if err := json.Unmarshal(raw, document); err != nil {
			return fmt.Errorf("agent %s: its answer cannot be understood: %w", at, err)
		}
		return nil
	case http.StatusConflict:
		return fmt.Errorf("agent %s: %w", at, &Refusal{Why: text})
	case http.StatusLocked:
		return fmt.Errorf("agent %s: %w", at, &Refusal{Why: text, Occupied: true})
	case http.StatusUnauthorized:
		return fmt.Errorf("agent %s: %w", at, ErrUnauthorized)
	default:
		return fmt.Errorf("agent %s answered %d: %s", at, code, text)
	}
}

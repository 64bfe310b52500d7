package jitsi

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const patience = 2 * time.Second

// nowhere is an address where nothing listens.
const nowhere = "http://127.255.255.1:9"

// asked is what a component was asked.
type asked struct {
	method, path, body, accept, host string
}

// answering is a component that answers every question with one status and body.
func answering(t *testing.T, status int, body string) (url string, last *asked) {
	t.Helper()
	last = &asked{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		*last = asked{r.Method, r.URL.Path, string(sent), r.Header.Get("Accept"), r.Host}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL, last
}

func TestEachQuestionGoesWhereItIsDocumented(t *testing.T) {
	stats := string(sample(t, "colibri-stats.json"))
	jicofo := string(sample(t, "jicofo-stats.json"))
	debug := string(sample(t, "jicofo-debug.json"))
	census := string(sample(t, "room-census.json"))
	for _, c := range []struct {
		name, answer string
		ask          func(ctx context.Context, url string) error
		want         asked
	}{
		{"stats of a bridge", stats, func(ctx context.Context, url string) error {
			_, err := NewBridge(url, patience).Stats(ctx)
			return err
		}, asked{method: "GET", path: "/colibri/stats"}},
		{"health of a bridge", "", func(ctx context.Context, url string) error { return NewBridge(url, patience).Health(ctx) },
			asked{method: "GET", path: "/about/health"}},
		{"drain mode", `{"drain": false}`, func(ctx context.Context, url string) error {
			_, err := NewBridge(url, patience).Drain(ctx)
			return err
		}, asked{method: "GET", path: "/colibri/drain"}},
		{"draining", "", func(ctx context.Context, url string) error { return NewBridge(url, patience).SetDrain(ctx, true) },
			asked{method: "POST", path: "/colibri/drain/enable"}},
		{"undraining", "", func(ctx context.Context, url string) error { return NewBridge(url, patience).SetDrain(ctx, false) },
			asked{method: "POST", path: "/colibri/drain/disable"}},
		{"graceful shutdown", "", func(ctx context.Context, url string) error { return NewBridge(url, patience).Shutdown(ctx, true) },
			asked{method: "POST", path: "/colibri/shutdown", body: `{"graceful-shutdown": true}`}},
		{"forced shutdown", "", func(ctx context.Context, url string) error { return NewBridge(url, patience).Shutdown(ctx, false) },
			asked{method: "POST", path: "/colibri/shutdown", body: `{"graceful-shutdown": false}`}},
		{"stats of Jicofo", jicofo, func(ctx context.Context, url string) error {
			_, err := NewJicofo(url, patience).Stats(ctx)
			return err
		}, asked{method: "GET", path: "/stats"}},
		{"health of Jicofo", "OK", func(ctx context.Context, url string) error { return NewJicofo(url, patience).Health(ctx) },
			asked{method: "GET", path: "/about/health"}},
		{"Jicofo's views", debug, func(ctx context.Context, url string) error {
			_, err := NewJicofo(url, patience).Views(ctx)
			return err
		}, asked{method: "GET", path: "/debug"}},
		{"health of a recorder", `{"status": {"busyStatus": "IDLE", "health": {"healthStatus": "HEALTHY"}}}`, func(ctx context.Context, url string) error {
			_, err := NewJibri(url, nowhere, patience).Health(ctx)
			return err
		}, asked{method: "GET", path: "/jibri/api/v1.0/health"}},
		{"the end of a recorder", "", func(ctx context.Context, url string) error {
			return NewJibri(nowhere, url, patience).GracefulShutdown(ctx)
		}, asked{method: "POST", path: "/jibri/api/internal/v1.0/gracefulShutdown"}},
		{"the census", census, func(ctx context.Context, url string) error {
			_, err := NewProsody(url, patience).Census(ctx, "meet.example.org")
			return err
		}, asked{method: "GET", path: "/room-census", host: "meet.example.org"}},
		{"life of Prosody", "It works!", func(ctx context.Context, url string) error { return NewProsody(url, patience).Alive(ctx) },
			asked{method: "GET", path: "/http-bind"}},
		{"life of web", "", func(ctx context.Context, url string) error { return NewWeb(url+"/", patience).Alive(ctx) },
			asked{method: "GET", path: "/config.js"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, last := answering(t, http.StatusOK, c.answer)
			require.NoError(t, c.ask(t.Context(), url))
			assert.NotEmpty(t, last.accept, "JVB's metrics handler fails without it")
			if c.want.host == "" {
				last.host = ""
			}
			last.accept = ""
			assert.Equal(t, c.want, *last)
		})
	}
}

func TestHealthTellsTheKindsOfIllnessApart(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   error
	}{
		{"a hard failure", 500, "No valid IP addresses available for harvesting.", ErrUnhealthy},
		{"a soft failure", 503, "", ErrUnhealthy},
		{"a switched off interface", 404, "", ErrNoHealth},
		{"a redirect", 302, "", ErrBadAnswer},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, _ := answering(t, c.status, c.body)
			err := NewBridge(url, patience).Health(t.Context())
			require.ErrorIs(t, err, c.want)
			assert.ErrorContains(t, err, c.body)
		})
	}
}

func TestFiguresThatComeWithAnErrorStatusAreNotRead(t *testing.T) {
	url, _ := answering(t, http.StatusServiceUnavailable, `{"stress_level": 0, "local_endpoints": 0}`)
	_, err := NewBridge(url, patience).Stats(t.Context())
	require.ErrorIs(t, err, ErrBadAnswer)
	require.ErrorIs(t, NewBridge(url, patience).SetDrain(t.Context(), true), ErrBadAnswer)
	require.ErrorIs(t, NewWeb(url, patience).Alive(t.Context()), ErrUnhealthy)
}

func TestNobodyListeningIsARefusal(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	_, err = NewBridge("http://"+listener.Addr().String(), patience).Stats(t.Context())
	require.ErrorIs(t, err, ErrRefused)
}

func TestNoAnswerIsATimeout(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	_, err := NewJicofo(server.URL, 20*time.Millisecond).Stats(t.Context())
	require.ErrorIs(t, err, ErrTimeout)
}

func TestAnswerThatDripsIsATimeout(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"stress_level":`)
		w.(http.Flusher).Flush()
		<-release
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	_, err := NewBridge(server.URL, 20*time.Millisecond).Stats(t.Context())
	require.ErrorIs(t, err, ErrTimeout)
}

func TestAnswersBeyondTheBoundAreRefused(t *testing.T) {
	url, _ := answering(t, http.StatusOK, `{"local_endpoints": 0, "stress_level": 0, "x": "`+strings.Repeat("a", maxStatsBytes)+`"}`)
	_, err := NewBridge(url, patience).Stats(t.Context())
	require.ErrorIs(t, err, ErrBadAnswer)
	require.ErrorContains(t, err, "longer than 1048576 bytes")
	url, _ = answering(t, http.StatusOK, `{"room_census": [], "x": "`+strings.Repeat("a", maxCensusBytes)+`"}`)
	_, err = NewProsody(url, patience).Census(t.Context(), "meet.example.org")
	require.ErrorIs(t, err, ErrBadAnswer)
	require.ErrorContains(t, err, "longer than 8388608 bytes")
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	target, last := answering(t, http.StatusOK, `{"stress_level": 0, "local_endpoints": 0}`)
	server := httptest.NewServer(http.RedirectHandler(target, http.StatusFound))
	t.Cleanup(server.Close)
	_, err := NewBridge(server.URL, patience).Stats(t.Context())
	require.ErrorIs(t, err, ErrBadAnswer)
	assert.Empty(t, last.path)
}

func TestErrorsQuoteTheBeginningOfAnAnswerOnOneLine(t *testing.T) {
	url, _ := answering(t, http.StatusInternalServerError, "first\n\tsecond "+strings.Repeat("ä", 200)+"\xff")
	err := NewBridge(url, patience).Health(t.Context())
	require.ErrorContains(t, err, "first second ä")
	assert.Less(t, len(err.Error()), 300)
	assert.NotContains(t, err.Error(), "\n")
}

package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Limits of the agent's HTTP server. Its only callers are the control plane's few Lambdas.
const (
	maxOrderBytes   = 4 << 10
	maxHeaderBytes  = 8 << 10
	maxConnections  = 256
	maxAtOnce       = 32 // requests; more are answered 503
	readTimeout     = 5 * time.Second
	writeTimeout    = 15 * time.Second
	idleTimeout     = 150 * time.Second // longer than a client keeps its side
	shutdownTimeout = 3 * time.Second
)

// Subject is what the server serves; *Agent is one.
type Subject interface {
	Status() fleet.Status
	Obey(ctx context.Context, verb fleet.Verb, order fleet.Order) (fleet.Status, error)
	Census(ctx context.Context) (fleet.Census, error)
}

// Handler is the agent's HTTP API:
//
//	GET  /healthz   "ok" for anybody: the agent runs
//	GET  /status    fleet.Status
//	GET  /census    fleet.Census, from signal nodes; 409 from others
//	POST /<verb>    fleet.Order -> fleet.Status after it; 409 with a sentence when it is refused
//
// All but /healthz is 401 unless signed with the secret.
func Handler(subject Subject, secret []byte, clock func() time.Time, log *slog.Logger) http.Handler {
	s := &server{subject: subject, secret: secret, clock: clock, log: log, slots: make(chan struct{}, maxAtOnce)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	mux.HandleFunc("GET /status", s.guarded(s.status))
	mux.HandleFunc("GET /census", s.guarded(s.census))
	for _, verb := range verbs {
		mux.HandleFunc("POST /"+string(verb), s.guarded(s.order(verb)))
	}
	return mux
}

var verbs = []fleet.Verb{fleet.VerbAdmit, fleet.VerbDrain, fleet.VerbUndrain, fleet.VerbRetire, fleet.VerbMove, fleet.VerbForget, fleet.VerbPlace}

// Serve answers on the listener until the context ends, then lets running requests finish for a moment.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(netutil.LimitListener(listener, maxConnections)) }()
	select {
	case err := <-failed:
		return fmt.Errorf("the agent's server ended: %w", err)
	case <-ctx.Done():
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(limited); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}

type server struct {
	subject Subject
	secret  []byte
	clock   func() time.Time
	log     *slog.Logger
	slots   chan struct{}
}

// guarded bounds what comes in, reads the body and checks the signature before it lets a request through.
func (s *server) guarded(next func(http.ResponseWriter, *http.Request, []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		default:
			http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrderBytes))
		if err != nil {
			http.Error(w, "the body cannot be read or is too long", http.StatusRequestEntityTooLarge)
			return
		}
		if err := verify(r, s.secret, body, s.clock()); err != nil {
			s.log.Warn("request refused", "from", r.RemoteAddr, "path", r.URL.Path, "why", err)
			http.Error(w, "not signed with the fleet secret", http.StatusUnauthorized)
			return
		}
		next(w, r, body)
	}
}

func (s *server) status(w http.ResponseWriter, _ *http.Request, _ []byte) {
	s.answer(w, s.subject.Status())
}

func (s *server) order(verb fleet.Verb) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		var order fleet.Order
		if err := json.Unmarshal(body, &order); err != nil {
			http.Error(w, "the body is no order: "+err.Error(), http.StatusBadRequest)
			return
		}
		status, err := s.subject.Obey(r.Context(), verb, order)
		if err != nil {
			s.fail(w, string(verb), err)
			return
		}
		s.answer(w, status)
	}
}

func (s *server) census(w http.ResponseWriter, r *http.Request, _ []byte) {
	census, err := s.subject.Census(r.Context())
	if err != nil {
		s.fail(w, "census", err)
		return
	}
	s.answer(w, census)
}

// fail answers 423 to what is refused since somebody is on the node, 409 to what else is refused, 500 to what failed.
func (s *server) fail(w http.ResponseWriter, asked string, err error) {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		code := http.StatusConflict
		if refusal.Occupied {
			code = http.StatusLocked
		}
		http.Error(w, refusal.Why, code)
		return
	}
	s.log.Error("request failed", "asked", asked, "why", err)
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

func (s *server) answer(w http.ResponseWriter, document any) {
	raw, err := json.Marshal(document)
	if err != nil {
		http.Error(w, "the answer cannot be written: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(raw)
}

package standin

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// process is the listening side of a component: while it listens it is there, once it has ended connections are
// refused.
type process struct{ ends []func() error }

func (p *process) listen(at netip.AddrPort, handler http.Handler) error {
	listener, err := net.Listen("tcp", at.String())
	if err != nil {
		return fmt.Errorf("the stand-in cannot listen: %w", err)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	// The listener is closed by itself too: a server that has not begun to serve yet does not know it.
	p.ends = append(p.ends, listener.Close, server.Close)
	go func() { _ = server.Serve(listener) }()
	return nil
}

// end closes everything at once, running answers too.
func (p *process) end() {
	for _, end := range p.ends {
		_ = end()
	}
	p.ends = nil
}

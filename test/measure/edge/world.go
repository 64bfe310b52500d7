package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// world is what the HAProxy nodes see: shards that answer at once, and agents that say that they are ready.
type world struct {
	responder *Node
	agents    []net.Listener
}

// newWorld starts the shards on one core of their own, when one is named.
func newWorld(ctx context.Context, dir, core string) (*world, error) {
	w := &world{}
	var text strings.Builder
	fmt.Fprintf(&text, "global\n    nbthread 1\n    stats socket \"${ADMIN_SOCKET}\"\ndefaults\n    mode http\n    timeout client 90s\n    timeout server 90s\n    timeout connect 5s\n")
	for _, s := range shards {
		at := net.JoinHostPort(s.Host, strconv.Itoa(webPort))
		fmt.Fprintf(&text, "frontend %s\n    bind %s\n    http-request return status 200 content-type text/plain string %q hdr X-Served %s\n",
			s.Name, at, strings.Repeat("x", 200), s.Name)
	}
	responder, err := launch(ctx, dir, "shards", core, text.String())
	if err != nil {
		return nil, err
	}
	w.responder = responder
	hosts := make([]string, 0, len(shards))
	for _, s := range shards {
		hosts = append(hosts, s.Host)
	}
	for index := range contenders {
		for self := range names {
			hosts = append(hosts, Setting{Index: index, Self: self}.Address().String())
		}
	}
	for _, host := range hosts {
		if err := w.agent(host); err != nil {
			w.stop()
			return nil, err
		}
	}
	err = responder.await(ctx, func() bool {
		var dialer net.Dialer
		connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(shards[0].Host, strconv.Itoa(webPort)))
		return err == nil && connection.Close() == nil
	})
	if err != nil {
		w.stop()
		return nil, err
	}
	return w, nil
}

// agent answers HAProxy's agent-check on an address.
func (w *world) agent(host string) error {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(checkPort)))
	if err != nil {
		return fmt.Errorf("no agent: %w", err)
	}
	w.agents = append(w.agents, l)
	go func() {
		for {
			connection, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(connection, "up ready\n")
			_ = connection.Close()
		}
	}()
	return nil
}

func (w *world) stop() {
	for _, l := range w.agents {
		_ = l.Close()
	}
	w.responder.stop()
}

package collector

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
)

// maxPageBytes bounds HAProxy's statistics. A thousand servers are some 500 kB.
const maxPageBytes = 4 << 20

// lookAtProxy asks HAProxy's runtime API; the level "user" is enough.
func lookAtProxy(admin *haproxy.Admin, backend string) func(context.Context, *Node) error {
	return func(ctx context.Context, n *Node) error {
		process, err := admin.Process(ctx)
		if err != nil {
			return err
		}
		stat, err := admin.Stat(ctx)
		if err != nil {
			return err
		}
		n.Proxy = proxy(stat, backend)
		n.Proxy.Connections = &process.Connections
		n.Status.Version, n.Status.Phase = process.Version, fleet.PhaseServing
		if process.Stopping {
			n.Status.Phase = fleet.PhaseRetiring
		}
		return nil
	}
}

// lookAtPage asks HAProxy's statistics page for its CSV.
func lookAtPage(page, backend string) func(context.Context, *Node) error {
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConns: 1, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context, n *Node) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, page+";csv", http.NoBody)
		if err != nil {
			return fmt.Errorf("HAProxy cannot be asked: %w", err)
		}
		answer, err := client.Do(request)
		if err != nil {
			return fmt.Errorf("HAProxy does not answer: %w", err)
		}
		defer func() { _ = answer.Body.Close() }()
		raw, err := io.ReadAll(io.LimitReader(answer.Body, maxPageBytes+1))
		switch {
		case err != nil:
			return fmt.Errorf("HAProxy broke off its answer: %w", err)
		case answer.StatusCode != http.StatusOK:
			return fmt.Errorf("HAProxy answered %d", answer.StatusCode)
		case len(raw) > maxPageBytes:
			return fmt.Errorf("HAProxy's answer is longer than %d bytes", maxPageBytes)
		}
		stat, err := haproxy.ParseStat(string(raw))
		if err != nil {
			return err
		}
		n.Proxy, n.Status.Phase = proxy(stat, backend), fleet.PhaseServing
		return nil
	}
}

// proxy sums the servers of one backend, or of all when it is empty. One that drains serves what it has, and is up.
func proxy(stat haproxy.Stat, backend string) *Proxy {
	p := Proxy{RequestRate: stat.RequestRate}
	for _, server := range stat.Servers {
		if backend != "" && server.Backend != backend {
			continue
		}
		p.Total++
		p.Sessions += server.Sessions
		if server.Status == haproxy.Up || server.Status == haproxy.Drain {
			p.Up++
		}
	}
	return &p
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/agent"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/spool"
)

// recorder is what a recorder's agent looks after: Jibri, and the recordings on the disk.
type recorder struct {
	jibri *agent.Jibri
	spool *spool.Spool
}

// systemctlTimeout bounds one question to systemd, and reachTimeout one connection to a Prosody.
const (
	systemctlTimeout = 2 * time.Second
	reachTimeout     = 500 * time.Millisecond
)

// newRecorder puts together what a recorder's node says. The spool outlives Jibri's container and any session.
func newRecorder(n settings.Node, aws *cloud, log *slog.Logger) (*recorder, error) {
	r, c := &recorder{}, n.Recorder
	var err error
	r.spool, err = spool.New(spool.Config{
		Folder: c.Spool, Instance: fleet.InstanceID(n.Instance), Store: aws.objects, Queue: aws.queue,
		Busy:  func(session string) bool { return r.jibri.Writes(session) },
		Floor: c.DiskFloor, Poll: n.Poll.D(), Quiet: max(c.JoinLimit, c.FinalizeLimit).D(), Now: time.Now, Log: log,
	})
	if err != nil {
		return nil, err
	}
	r.jibri, err = agent.NewJibri(agent.JibriConfig{
		API:     jitsi.NewJibri(c.External, c.Internal, agent.QuestionLimit(n.Poll.D())),
		Service: agent.Systemd{Unit: c.Unit, Timeout: systemctlTimeout},
		Proc:    os.DirFS(c.Proc), Folder: c.Spool, Spool: r.spool, Environment: c.Environment,
		Limits: agent.JibriLimits{
			Silence: n.SickAfter.D(), Join: c.JoinLimit.D(), Finalize: c.FinalizeLimit.D(),
			Stall: c.StallLimit.D(), Recording: c.RecordingLimit.D(),
		},
		List: aws.shardList.Read, ListPoll: n.StatePoll.D(), Poll: n.Poll.D(),
		Network: agent.Network{Resolve: asking(c.Resolver), Reach: reach}, Clock: time.Now,
	})
	return r, err
}

// assemble is what a node's agent looks after, and what must run beside it; nothing must on most nodes.
func assemble(n settings.Node, aws *cloud, log *slog.Logger) (agent.Component, func(context.Context) error, error) {
	if fleet.Role(n.Role) != fleet.RoleJibri {
		component, err := componentOf(n)
		return component, func(context.Context) error { return nil }, err
	}
	r, err := newRecorder(n, aws, log)
	if err != nil {
		return nil, nil, err
	}
	return r.jibri, r.run, nil
}

// run follows the shards and brings recordings to S3 until the context ends.
func (r *recorder) run(ctx context.Context) error {
	var all errgroup.Group
	all.Go(func() error { r.jibri.Run(ctx); return nil })
	all.Go(func() error { r.spool.Run(ctx); return nil })
	return all.Wait()
}

// asking is how names are resolved at a server of their own.
func asking(server string) func(context.Context, string) ([]netip.Addr, error) {
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server)
	}}
	return func(ctx context.Context, host string) ([]netip.Addr, error) {
		return resolver.LookupNetIP(ctx, "ip4", host)
	}
}

func reach(ctx context.Context, far netip.AddrPort) bool {
	dialer := net.Dialer{Timeout: reachTimeout}
	connection, err := dialer.DialContext(ctx, "tcp", far.String())
	if err != nil {
		return false
	}
	_ = connection.Close()
	return true
}

// checkRecorder says what a recorder's configuration lacks; other roles have none.
func checkRecorder(path string, n settings.Node) error {
	if fleet.Role(n.Role) != fleet.RoleJibri {
		return nil
	}
	c := n.Recorder
	if c == nil {
		return fmt.Errorf("%s: recorder is missing", path)
	}
	var problems []error
	for name, value := range map[string]string{
		"external": c.External, "internal": c.Internal, "unit": c.Unit, "environment": c.Environment, "shardsParameter": c.ShardsParameter, "resolver": c.Resolver,
		"spool": c.Spool, "proc": c.Proc, "bucket": c.Bucket, "queueUrl": c.QueueURL,
	} {
		if value == "" {
			problems = append(problems, fmt.Errorf("%s: recorder.%s is empty", path, name))
		}
	}
	if min(c.JoinLimit, c.FinalizeLimit, c.StallLimit, c.RecordingLimit, n.StatePoll) <= 0 {
		problems = append(problems, fmt.Errorf("%s: a recorder's limits and statePoll must be above zero", path))
	}
	return errors.Join(problems...)
}

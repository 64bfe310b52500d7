// Command agent is the node agent: it runs on every node of a fleet, says how the node is, obeys the control
// plane, and publishes wake-ups. What it does is in pkg/agent; here it is put together from the node's
// configuration file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/agent"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func main() {
	path := flag.String("config", settings.NodePath, "the node's configuration, a JSON `file`")
	flag.Usage = func() {
		_, _ = fmt.Fprint(flag.CommandLine.Output(), "agent looks after one node of a Jitsi fleet: GET /status and, on signal nodes, /census, and the orders\n"+
			"admit, drain, undrain, retire, move, forget-room and place-room, signed with the fleet's secret. On signal and edge\n"+
			"nodes it answers HAProxy's agent-check; on a recorder it looks after Jibri's container and brings recordings to S3. Region and credentials come from AWS's usual chain.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	err := run(ctx, *path, log)
	stop()
	if err != nil {
		log.Error("the agent ended", "why", err)
		os.Exit(1)
	}
}

// run is the agent from its configuration to the end of the context.
func run(ctx context.Context, path string, log *slog.Logger) error {
	node, err := readNode(path)
	if err != nil {
		return err
	}
	log = log.With("fleet", node.Fleet, "role", node.Role, "shard", node.Shard, "instance", node.Instance)
	aws, err := connect(ctx, node)
	if err != nil {
		return err
	}
	secret, ok := aws.secret(ctx, log)
	if !ok {
		return nil // told to end before it could begin
	}
	component, beside, err := assemble(node, aws, log)
	if err != nil {
		return err
	}
	config, err := configure(node, component, log)
	if err != nil {
		return err
	}
	config.Waker = aws
	if edge, is := config.Component.(*agent.Edge); is {
		edge.Slot = aws.slot(node, log)
	}
	if node.ShardParameter != "" {
		config.State = aws.shardState.Read
	}
	a, err := agent.New(config)
	if err != nil {
		return err
	}
	following, end := context.WithCancel(ctx)
	var follower sync.WaitGroup
	defer func() { end(); follower.Wait() }()
	if edge, is := config.Component.(*agent.Edge); is {
		follower.Go(func() { edge.Follow(following) })
	}
	return serve(ctx, a, beside, node, secret, log)
}

// serve runs the agent, what runs beside it, and its two doors. When the context ends, an edge node first leaves the load balancer.
func serve(ctx context.Context, a *agent.Agent, beside func(context.Context) error, node settings.Node, secret []byte, log *slog.Logger) error {
	listener, err := net.Listen("tcp", node.Listen)
	if err != nil {
		return fmt.Errorf("the agent cannot listen: %w", err)
	}
	defer func() { _ = listener.Close() }()
	working, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	left := context.AfterFunc(ctx, func() { leave(a, node); end() })
	defer left()
	var all errgroup.Group
	all.Go(func() error { a.Run(working); return nil })
	all.Go(func() error { return beside(working) })
	all.Go(func() error {
		defer end()
		return agent.Serve(working, listener, agent.Handler(a, secret, time.Now, log))
	})
	if node.CheckListen != "" {
		a.Look(working) // HAProxy is told nothing before there is something to tell
		checks, err := net.Listen("tcp", node.CheckListen)
		if err != nil {
			end()
			return errors.Join(fmt.Errorf("agent-checks cannot be answered: %w", err), all.Wait())
		}
		all.Go(func() error {
			defer end()
			return agent.ServeChecks(working, checks, a.Check, log)
		})
	}
	log.Info("the agent serves", "listen", node.Listen, "checks", node.CheckListen)
	return all.Wait()
}

// leave lets an edge node go on serving until the load balancer has found out that it leaves.
func leave(a *agent.Agent, node settings.Node) {
	if fleet.Role(node.Role) == fleet.RoleEdge {
		a.Leave()
		time.Sleep(node.LeaveWait.D())
	}
}

// Command agent is the node agent: it runs on every node of a fleet, says how the node is, obeys the control
// plane, and publishes wake-ups. What it does is in pkg/agent; here it is put together from the node's
// configuration file.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/agent"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func main() {
	path := flag.String("config", settings.NodePath, "the node's configuration, a JSON `file`")
	flag.Usage = func() {
		_, _ = fmt.Fprint(flag.CommandLine.Output(), "agent looks after one node of a Jitsi fleet: GET /status, and the orders admit, drain, undrain, retire\n"+
			"and move, signed with the fleet's secret. Region and credentials come from AWS's usual chain.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
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
	config, err := configure(node, log)
	if err != nil {
		return err
	}
	config.Waker = aws
	a, err := agent.New(config)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", node.Listen)
	if err != nil {
		return fmt.Errorf("the agent cannot listen: %w", err)
	}
	log.Info("the agent serves", "listen", node.Listen)
	ctx, cancel := context.WithCancel(ctx)
	ran := make(chan struct{})
	go func() { defer close(ran); a.Run(ctx) }()
	err = agent.Serve(ctx, listener, agent.Handler(a, secret, time.Now, log))
	cancel()
	<-ran
	return err
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/delivery"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
	"github.com/jitsi-fleet/jitsi-fleet/test/moto"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/assembly"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/page"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/visit"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

const (
	account = "123456789012"
	region  = "us-east-1"
	// leastTick is the shortest time between two runs of a schedule, for a Lambda is no faster because a day is.
	leastTick = time.Second
	// leastPoll and leastSick bound what an agent does all the time, for the same reason.
	leastPoll  = 200 * time.Millisecond
	leastStale = time.Second
	// leastWarmUp is how long HAProxy's own lesson from its peers takes at least: it counts whole seconds.
	leastWarmUp = 6 * time.Second
	// readyWait and readyTime bound how long a fleet may take to serve: on the wall, and in the fleet's own time.
	readyWait = 90 * time.Second
	readyTime = 10 * time.Minute
	dnsPort   = 53
)

// stage is everything that runs.
type stage struct {
	options  options
	settings settings.Settings
	clock    pace.Clock
	cloud    *emulator.Cloud
	world    *standin.World
	shards   *book
	machines *machines
	journal  *journal
	logs     page.Logs
	page     string // its address, while a scenario is played and after
	door     *visit.Door
	moto     string    // its address
	adopted  time.Time // when schedules and alarms began
	ticks    float64   // of the one-minute schedules in a simulated hour
	serves   atomic.Bool

	mu     sync.Mutex
	states map[string]fleet.ShardState // as the operator wrote them
	// recordings is the environment of the Lambda recordings.
	recordings settings.RecordingsEnv

	ctx    context.Context
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// raise sets everything up, from moto to a fleet that serves.
func raise(ctx context.Context, o options, chosen settings.Settings, out *progress) (*stage, error) {
	s := &stage{options: o, settings: chosen, clock: pace.Clock{Factor: o.factor}, journal: newJournal(),
		states: map[string]fleet.ShardState{}}
	s.ctx, s.cancel = context.WithCancel(ctx)
	for _, part := range []func(context.Context, *progress) error{s.claim, s.clear, s.startMoto, s.startCloud, s.deploy, s.startFleet, s.awaitFleet} {
		if err := part(s.ctx, out); err != nil {
			return s, err
		}
	}
	return s, nil
}

// fall ends everything that raise began.
func (s *stage) fall() {
	s.cancel()
	if s.cloud != nil {
		_ = s.cloud.Close()
	}
	if s.machines != nil {
		s.machines.wait()
	}
	s.ended.Wait()
}

// claim makes sure that the VPC's addresses are not in use, as by another sandbox on this machine.
func (s *stage) claim(context.Context, *progress) error {
	resolver := net.JoinHostPort(s.settings.Network.Resolver().String(), strconv.Itoa(dnsPort))
	conn, err := net.ListenPacket("udp", resolver)
	if err != nil {
		return fmt.Errorf("%s is not to be had: %w: another sandbox may be running, or this user may not listen on port %d", resolver, err, dnsPort)
	}
	return conn.Close()
}

// marker is a file in every folder of the sandbox's own.
const marker = ".jitsi-fleet-sandbox"

// clear empties the sandbox's folder, and no other.
func (s *stage) clear(context.Context, *progress) error {
	dir := s.options.dir
	inside, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, marker)); err != nil && len(inside) > 0 {
		return fmt.Errorf("%s holds something that is not the sandbox's: name an empty folder, or one that is not there yet", dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, marker), nil, 0o600)
}

func (s *stage) startMoto(ctx context.Context, out *progress) error {
	log, err := os.Create(filepath.Join(s.options.dir, "moto.log"))
	if err != nil {
		return err
	}
	program, err := filepath.Abs(s.options.moto)
	if err != nil {
		return err
	}
	server, err := moto.Start(ctx, program, log)
	if err != nil {
		return errors.Join(err, log.Close())
	}
	s.ended.Go(func() { <-ctx.Done(); server.Close(); _ = log.Close() })
	s.moto = server.Address
	out.step("moto, the AWS API server, answers at %s", s.moto)
	return nil
}

func (s *stage) startCloud(ctx context.Context, out *progress) error {
	out.step("starting what moto lacks in front of it: lifecycle hooks, alarms, deliveries, permissions, the Lambda runtime, DNS")
	shards := &book{known: map[string]netip.Addr{}}
	s.world = standin.New(standin.Options{Clock: time.Now, Factor: s.options.factor, Domain: settings.XMPPDomain, Resolve: shards.resolve, Log: s.journal.standins()})
	s.shards = shards
	s.ended.Go(func() { s.world.Run(ctx) })
	cloud, err := emulator.Start(emulator.Options{
		Moto: s.moto, Account: account, Region: region, Clock: s.clock, LeastTick: s.leastTick(), LeastTimeout: s.leastTimeout(), Patient: s.options.records,
		Binary: s.binary,
		Env:    s.scaleEnv,
		Skip:   s.options.skip, SpreadAlarms: s.options.spreadAlarms,
		OnLaunch:    func(i machine) { s.machines.launch(i) },
		OnTerminate: func(id string) { s.machines.terminate(id) },
		Log:         s.lambdaLine,
		OnAlarm:     s.journal.alarmChanged,
		OnEvent:     s.journal.event,
		OnMail:      func(m delivery.Mail) { s.journal.mail(m) },
		OnProblem:   func(err error) { s.journal.note("problem", "%v", err) },
	})
	if err != nil {
		return err
	}
	s.cloud = cloud
	cfg, err := s.aws(ctx)
	if err != nil {
		return err
	}
	s.machines = newMachines(s, ec2.NewFromConfig(cfg))
	return nil
}

func (s *stage) aws(ctx context.Context) (aws.Config, error) {
	return config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithBaseEndpoint(s.cloud.Endpoint()),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("operator", "operator", "")))
}

// binary is the build of a Lambda for the machine at hand; the template's asset is the one for arm64.
func (s *stage) binary(f emulator.FunctionSource) (string, error) {
	name := strings.TrimPrefix(f.Name, s.settings.Fleet+"-")
	return filepath.Abs(filepath.Join("build", "lambda", runtime.GOARCH, name, "bootstrap"))
}

func (s *stage) synthesized() string { return filepath.Join(s.options.dir, "cdk.out") }
func (s *stage) edited() string      { return filepath.Join(s.options.dir, "cdk.out.moto") }

func (s *stage) deploy(ctx context.Context, out *progress) error {
	out.step("npx cdk synth: the templates that AWS would get")
	if err := s.cdk(ctx, "synth", "--quiet", "--context", "settings="+s.options.settings, "--output", s.synthesized()); err != nil {
		return err
	}
	applied, err := assembly.Copy(s.synthesized(), s.edited())
	if err != nil {
		return err
	}
	out.step("edits of a copy that moto needs: %d", len(applied))
	for _, a := range applied {
		out.line("%s", a)
	}
	out.step("npx cdk bootstrap")
	if err := s.cdk(ctx, "bootstrap", "aws://"+account+"/"+region); err != nil {
		return err
	}
	out.step("npx cdk deploy --all")
	if err := s.cdk(ctx, "deploy", "--all", "--app", s.edited(), "--method=direct", "--require-approval", "never", "--progress", "events"); err != nil {
		return err
	}
	return s.fill(ctx, out)
}

// cdk runs the CDK CLI against the emulated account. What it prints is shown when it fails.
func (s *stage) cdk(ctx context.Context, args ...string) error {
	command := exec.CommandContext(ctx, s.options.cdk, args...)
	command.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+s.cloud.Endpoint(), "AWS_ACCESS_KEY_ID=operator", "AWS_SECRET_ACCESS_KEY=operator",
		"AWS_REGION="+region, "AWS_DEFAULT_REGION="+region, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1", "CDK_DISABLE_CLI_TELEMETRY=true")
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		return fmt.Errorf("cdk %s: %w:\n%s", args[0], err, output.String())
	}
	return nil
}

// fill stands in for what moto's CloudFormation passed over.
func (s *stage) fill(ctx context.Context, out *progress) error {
	cfg, err := s.aws(ctx)
	if err != nil {
		return err
	}
	missing, err := assembly.Missing(ctx, cloudformation.NewFromConfig(cfg), s.edited())
	if err != nil {
		return err
	}
	if unknown := assembly.Unknown(missing); len(unknown) > 0 {
		return fmt.Errorf("moto passed over resources of types that the sandbox has no substitute for: %s", strings.Join(unknown, ", "))
	}
	out.step("what moto's CloudFormation passed over:")
	for _, t := range slices.Sorted(maps.Keys(missing)) {
		out.line("%d of %s: %s (%s)", len(missing[t]), t, assembly.PassedOver[t].How, assembly.PassedOver[t].Detail)
	}
	_, err = assembly.MakeSecrets(ctx, secretsmanager.NewFromConfig(cfg), missing)
	return err
}

func (s *stage) startFleet(ctx context.Context, out *progress) error {
	out.step("booting the fleet: agents, stand-ins of Jitsi, HAProxy %s", s.settings.Network.CIDR)
	if err := s.cloud.Adopt(ctx, s.edited()); err != nil {
		return err
	}
	s.adopted = time.Now()
	dns, err := s.cloud.Resolver(netip.AddrPortFrom(s.settings.Network.Resolver(), dnsPort).String())
	if err != nil {
		return err
	}
	s.ended.Go(func() { <-ctx.Done(); _ = dns.Close() })
	s.ended.Go(func() { s.shards.follow(ctx, s.settings) })
	for _, schedule := range s.cloud.Schedules() {
		s.ticks = max(s.ticks, schedule.TicksPerHour)
	}
	if err := s.makeReady(ctx, out); err != nil {
		return err
	}
	out.step("factor %g: an hour takes %s and the one-minute schedules tick %.0f times in it", s.options.factor,
		s.clock.Scale(time.Hour).Round(time.Second), s.ticks)
	out.line("not divided, for code is no faster because a day is: ticks below %s, agents' polls below %s, figures' age below %s, agents' timeout",
		s.leastTick(), leastPoll, leastStale)
	var nodes []netip.AddrPort
	for slot := range s.settings.Edge.Slots {
		nodes = append(nodes, netip.AddrPortFrom(s.settings.SlotAddress(slot), settings.EdgePort))
	}
	s.door = visit.NewDoor(nodes)
	return nil
}

// makeReady does what an operator does with a new shard, which is born in drain.
func (s *stage) makeReady(ctx context.Context, out *progress) error {
	for _, shard := range s.settings.Shards {
		if err := s.setState(ctx, shard.Name, fleet.ShardReady); err != nil {
			return err
		}
		out.line("%s is ready for rooms; a shard is born in drain", shard.Name)
	}
	return nil
}

// awaitFleet waits until the minimum of bridges serves and HAProxy lets people in.
func (s *stage) awaitFleet(ctx context.Context, out *progress) error {
	want := 0
	for _, shard := range s.settings.Shards {
		low, _ := s.settings.ShardBridges(shard)
		want += low
	}
	err := until(ctx, max(readyWait, s.clock.Scale(readyTime)), fmt.Sprintf("%d bridges serve behind HAProxy, and %d recorders are free", want, s.settings.Jibris.Free), func() bool {
		return s.look().Running >= want && s.freeRecorders() >= s.settings.Jibris.Free && s.door.Open(ctx)
	})
	if err != nil {
		return errors.Join(err, s.explain())
	}
	s.serves.Store(true)
	out.step("the fleet serves")
	return nil
}

// explain is what is known when something did not come about.
func (s *stage) explain() error {
	var instances strings.Builder
	for _, i := range s.cloud.Instances() {
		_, _ = fmt.Fprintf(&instances, "  %s of %s at %s: %s\n", i.ID, i.Group, i.Address, i.State)
	}
	return fmt.Errorf("now: %+v\n%sproblems: %w\nlast decisions and happenings:\n%s", s.look(), instances.String(), errors.Join(s.cloud.Problems()...), s.journal.tail(30))
}

func until(ctx context.Context, limit time.Duration, what string, done func() bool) error {
	return lookUntil(ctx, 100*time.Millisecond, limit, what, done)
}

// lookUntil asks whether it is done in steps, and gives up at the limit.
func lookUntil(ctx context.Context, step, limit time.Duration, what string, done func() bool) error {
	deadline := time.Now().Add(limit)
	for !done() {
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %s: %s", limit, what)
		}
		if err := pace.Wait(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

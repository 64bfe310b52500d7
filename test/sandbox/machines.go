package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/agent"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
)

type machine = scaling.Instance

// machines are the instances' insides: what the user data of each says is written and started, as its boot script
// would, on the instance's own loopback address.
type machines struct {
	stage *stage
	ec2   *ec2.Client

	mu        sync.Mutex
	running   map[string]*running
	stillborn fleet.Role // new machines of this role stop in the middle of their boot
	all       sync.WaitGroup
}

// running is one booted machine.
type running struct {
	cancel  context.CancelFunc
	process *os.Process // the agent or HAProxy; nil while it boots
	agent   *os.Process
	role    fleet.Role

	proxy       string      // the admin socket of its HAProxy; empty where there is none
	environment []string    // of the agent, beyond what every agent has
	killed      atomic.Bool // its agent was, and is to be started again
}

func newMachines(s *stage, client *ec2.Client) *machines {
	return &machines{stage: s, ec2: client, running: map[string]*running{}}
}

func (m *machines) launch(i machine) {
	ctx, cancel := context.WithCancel(m.stage.ctx)
	r := &running{cancel: cancel, role: fleet.Role(i.Tags[fleet.TagRole])}
	m.mu.Lock()
	m.running[i.ID] = r
	m.mu.Unlock()
	m.all.Go(func() {
		if err := m.boot(ctx, i, r); err != nil && ctx.Err() == nil {
			m.stage.journal.note("problem", "instance %s does not boot: %v", i.ID, err)
		}
	})
}

func (m *machines) terminate(id string) {
	m.mu.Lock()
	r := m.running[id]
	delete(m.running, id)
	m.mu.Unlock()
	m.stage.world.StopNode(fleet.InstanceID(id))
	if r != nil {
		r.cancel()
	}
}

func (m *machines) wait() { m.all.Wait() }

// boot is a machine's life from power to the end of its context.
func (m *machines) boot(ctx context.Context, i machine, r *running) error {
	data, err := m.userData(ctx, i)
	if err != nil {
		return err
	}
	address, err := netip.ParseAddr(i.Address)
	if err != nil {
		return err
	}
	switch r.role {
	case fleet.RoleEdge:
		return m.proxy(ctx, i, address, data, r)
	case fleet.RoleJibri:
		return m.recorder(ctx, i, address, data, r)
	}
	node, err := m.node(i, address, data)
	if err != nil {
		return err
	}
	boot := m.bootTime(i, r.role)
	if err := m.born(ctx, r.role, boot/2); err != nil {
		return err
	}
	m.all.Go(func() { _ = m.component(ctx, boot/2, i, node, address) })
	return m.agent(ctx, i, node, r)
}

// born waits until a machine's system runs, which it never does while its role's image is broken.
func (m *machines) born(ctx context.Context, role fleet.Role, after time.Duration) error {
	m.mu.Lock()
	broken := role == m.stillborn
	m.mu.Unlock()
	if broken {
		<-ctx.Done()
	}
	return pace.Wait(ctx, after)
}

// breakImage lets no machine of a role that is launched from now on boot; the empty role is none.
func (m *machines) breakImage(role fleet.Role) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stillborn = role
}

// leastSuccession is the shortest boot of a signal node that succeeds another. HAProxy, whose own time is not divided,
// takes up to 6 s to find the first one dead (fall 3, inter 2 s), and a real node never boots within that.
const leastSuccession = 9 * time.Second

// bootTime is the settings' boot time, a tenth more or less by the instance's id.
func (m *machines) bootTime(i machine, role fleet.Role) time.Duration {
	boot := m.spreadBootTime(i)
	if role == fleet.RoleSignal && m.stage.serves.Load() {
		return max(boot, leastSuccession)
	}
	return boot
}

func (m *machines) spreadBootTime(i machine) time.Duration {
	return time.Duration(float64(m.stage.clock.Scale(m.stage.settings.Bridges.BootTime.D())) * bootSpread(i))
}

// bootSpread is 0.9 to 1.1 by the instance's id.
func bootSpread(i machine) float64 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(i.ID))
	return 0.9 + 0.2*float64(hash.Sum32()%1000)/1000
}

func (m *machines) component(ctx context.Context, after time.Duration, i machine, node settings.Node, address netip.Addr) error {
	if err := pace.Wait(ctx, after); err != nil {
		return err
	}
	id := fleet.InstanceID(i.ID)
	if node.Role == string(fleet.RoleSignal) {
		return m.stage.world.StartSignal(id, node.Shard, address)
	}
	return m.stage.world.StartBridge(id, node.Shard, address)
}

func (m *machines) userData(ctx context.Context, i machine) (string, error) {
	out, err := m.ec2.DescribeLaunchTemplateVersions(ctx, &ec2.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateId: aws.String(i.Template.ID), Versions: []string{i.Template.Version},
	})
	if err != nil {
		return "", err
	}
	if len(out.LaunchTemplateVersions) != 1 || out.LaunchTemplateVersions[0].LaunchTemplateData == nil {
		return "", fmt.Errorf("launch template %s has no version %s", i.Template.ID, i.Template.Version)
	}
	data, err := base64.StdEncoding.DecodeString(aws.ToString(out.LaunchTemplateVersions[0].LaunchTemplateData.UserData))
	return string(data), err
}

// heredoc is what user data writes to a file between <<'WORD' and WORD.
func heredoc(data, word string) (string, error) {
	_, after, ok := strings.Cut(data, "<<'"+word+"'\n")
	text, _, ended := strings.Cut(after, "\n"+word+"\n")
	if !ok || !ended {
		return "", fmt.Errorf("the user data has no document %s", word)
	}
	return text + "\n", nil
}

// node is the agent's configuration as the user data gives it, with what differs on loopback: several machines
// share this one, so each has its components on its own address, and durations are divided by the factor.
func (m *machines) node(i machine, address netip.Addr, data string) (settings.Node, error) {
	text, err := heredoc(data, "NODE")
	if err != nil {
		return settings.Node{}, err
	}
	text = strings.NewReplacer("@INSTANCE@", i.ID, "@ADDRESS@", i.Address).Replace(text)
	var node settings.Node
	if err := json.Unmarshal([]byte(text), &node); err != nil {
		return settings.Node{}, fmt.Errorf("the user data's node configuration: %w", err)
	}
	for _, component := range []*string{&node.Bridge, &node.Jicofo, &node.Prosody, &node.Web} {
		*component = strings.Replace(*component, "127.0.0.1", address.String(), 1)
	}
	divide(&node, m.stage.options.factor)
	node.Poll = settings.Duration(max(node.Poll.D(), leastPoll))
	node.SickAfter = settings.Duration(max(node.SickAfter.D(), leastStale))
	node.StatePoll = settings.Duration(max(node.StatePoll.D(), m.stage.leastStatePoll()))
	node.WarmUp = settings.Duration(max(node.WarmUp.D(), leastWarmUp))
	node.StateFile = filepath.Join(m.dir(i), "state.json")
	if m.stage.options.configure != nil {
		m.stage.options.configure(&node)
	}
	return node, nil
}

func (m *machines) dir(i machine) string {
	return filepath.Join(m.stage.options.dir, "instances", i.ID)
}

func (m *machines) agent(ctx context.Context, i machine, node settings.Node, r *running) error {
	raw, err := json.MarshalIndent(node, "", "  ")
	if err != nil {
		return err
	}
	path, err := m.write(i, "node.json", string(raw))
	if err != nil {
		return err
	}
	env, err := m.stage.cloud.InstanceEnv(i.ID)
	if err != nil {
		return err
	}
	m.mu.Lock()
	env = append(env, r.environment...)
	m.mu.Unlock()
	return m.run(ctx, i, r, env, filepath.Join("build", "agent", runtime.GOARCH, "agent"), "-config", path)
}

func (m *machines) proxy(ctx context.Context, i machine, address netip.Addr, data string, r *running) error {
	node, err := m.node(i, address, data)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(m.dir(i))
	if err != nil {
		return err
	}
	for _, path := range []*string{&node.HAProxy, &node.Master, &node.Servers, &node.Configuration} {
		*path = filepath.Join(dir, filepath.Base(*path))
	}
	m.mu.Lock()
	r.proxy = node.HAProxy
	m.mu.Unlock()
	m.all.Go(func() {
		if err := m.agent(ctx, i, node, r); err != nil && ctx.Err() == nil {
			m.stage.journal.note("problem", "the agent of instance %s: %v", i.ID, err)
		}
	})
	env := []string{routing.SocketVariable + "=" + node.HAProxy, routing.StateVariable + "=" + node.Servers}
	for ctx.Err() == nil {
		// Its unit starts it again whenever it ends. The agent writes the configuration when it has it.
		if _, err := os.Stat(node.Configuration); err == nil {
			err = m.run(ctx, i, r, env, "haproxy", "-W", "-db", "-S", node.Master+",mode,600", "-f", node.Configuration)
			if err != nil {
				m.stage.journal.note("problem", "HAProxy of instance %s: %v", i.ID, err)
			}
		}
		_ = pace.Wait(ctx, restartPause)
	}
	return nil
}

// answerTime bounds one question to a HAProxy, which answers at once.
const answerTime = time.Second

// everyProxyUses reports whether all HAProxy nodes send requests to a shard.
func (m *machines) everyProxyUses(ctx context.Context, shard string) bool {
	m.mu.Lock()
	var sockets []string
	for _, r := range m.running {
		if r.proxy != "" {
			sockets = append(sockets, r.proxy)
		}
	}
	m.mu.Unlock()
	return len(sockets) > 0 && !slices.ContainsFunc(sockets, func(socket string) bool {
		stat, err := haproxy.NewAdmin(socket, answerTime).Stat(ctx)
		return err != nil || !slices.ContainsFunc(stat.Servers, func(s haproxy.Server) bool {
			return s.Backend == agent.RoomsBackend && s.Name == shard && s.Status == haproxy.Up
		})
	})
}

// restartPause is how long the unit of HAProxy waits before it starts it again.
const restartPause = 200 * time.Millisecond

func (m *machines) write(i machine, name, text string) (string, error) {
	if err := os.MkdirAll(m.dir(i), 0o750); err != nil {
		return "", err
	}
	path := filepath.Join(m.dir(i), name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// run runs a machine's program until the machine ends.
func (m *machines) run(ctx context.Context, i machine, r *running, env []string, program string, args ...string) error {
	log, err := os.OpenFile(filepath.Join(m.dir(i), filepath.Base(program)+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	command := exec.CommandContext(ctx, program, args...)
	command.Env = append(os.Environ(), env...)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return err
	}
	m.mu.Lock()
	r.process = command.Process
	if filepath.Base(program) == "agent" {
		r.agent = command.Process
	}
	m.mu.Unlock()
	err = command.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(fmt.Errorf("%s ended", program), err)
}

// hangAgent stops or continues one instance's agent.
func (m *machines) hangAgent(id string, on bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.running[id]
	if r == nil || r.agent == nil {
		return fmt.Errorf("the agent of %s does not run", id)
	}
	if on {
		return r.agent.Signal(syscall.SIGSTOP)
	}
	return r.agent.Signal(syscall.SIGCONT)
}

// hang stops or continues every agent's process: a stopped one takes connections and never answers.
func (m *machines) hang(on bool) error {
	signal := syscall.SIGCONT
	if on {
		signal = syscall.SIGSTOP
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var failed []error
	for _, r := range m.running {
		if r.role != fleet.RoleEdge && r.process != nil {
			failed = append(failed, r.process.Signal(signal))
		}
	}
	return errors.Join(failed...)
}

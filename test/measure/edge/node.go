package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// patience is how long a process may take to serve.
const patience = 20 * time.Second

// Node is a running HAProxy.
type Node struct {
	setting Setting
	command *exec.Cmd
	socket  string
	said    string // the file with what it said
}

// launch starts an HAProxy on some of the machine's cores ("0-1"; any, when empty) with a configuration.
func launch(ctx context.Context, dir, name, cores, configuration string) (*Node, error) {
	n := &Node{socket: filepath.Join(dir, name+".sock"), said: filepath.Join(dir, name+".log")}
	file, state := filepath.Join(dir, name+".cfg"), filepath.Join(dir, name+".state")
	if err := errors.Join(os.WriteFile(file, []byte(configuration), 0o600), os.WriteFile(state, []byte("1\n"), 0o600)); err != nil {
		return nil, fmt.Errorf("%s is not configured: %w", name, err)
	}
	said, err := os.Create(n.said)
	if err != nil {
		return nil, fmt.Errorf("%s has no log: %w", name, err)
	}
	defer func() { _ = said.Close() }()
	arguments := []string{"haproxy", "-db", "-f", file}
	if cores != "" {
		arguments = append([]string{"taskset", "-c", cores}, arguments...)
	}
	n.command = exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	n.command.Env = append(os.Environ(), "ADMIN_SOCKET="+n.socket, "SERVER_STATE="+state)
	n.command.Stderr = said // its standard output is a line for each request: it goes nowhere
	if err := n.command.Start(); err != nil {
		return nil, fmt.Errorf("%s does not start: %w", name, err)
	}
	return n, nil
}

// start runs a contender's HAProxy and waits until all shards are ready for it.
func start(ctx context.Context, dir, cores string, s Setting) (*Node, error) {
	text, err := s.render()
	if err != nil {
		return nil, err
	}
	n, err := launch(ctx, dir, fmt.Sprintf("contender-%d-%d", s.Index, s.Self), cores, text)
	if err != nil {
		return nil, err
	}
	n.setting = s
	if err := n.await(ctx, func() bool { return n.ready(ctx) == len(shards) }); err != nil {
		n.stop()
		return nil, fmt.Errorf("%s: %w", s.Contender, err)
	}
	return n, nil
}

// await asks every 20 ms whether something is so.
func (n *Node) await(ctx context.Context, so func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			said, _ := os.ReadFile(n.said)
			return fmt.Errorf("HAProxy does not serve within %s: %s", patience, said)
		}
	}
	return nil
}

// ready is how many shards take rooms, to this node's knowledge.
func (n *Node) ready(ctx context.Context) (up int) {
	answer, err := n.ask(ctx, "show servers state rooms")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(answer) {
		// be_id be_name srv_id srv_name srv_addr srv_op_state ...: 2 is running.
		if f := strings.Fields(line); len(f) > 5 && f[1] == "rooms" && f[5] == "2" {
			up++
		}
	}
	return up
}

// ask gives the commands to the admin socket and returns the whole answer.
func (n *Node) ask(ctx context.Context, commands ...string) (string, error) {
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "unix", n.socket)
	if err != nil {
		return "", fmt.Errorf("HAProxy cannot be asked: %w", err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := connection.Write([]byte(strings.Join(commands, ";") + "\n")); err != nil {
		return "", fmt.Errorf("HAProxy was not asked: %w", err)
	}
	var answer strings.Builder
	if _, err := bufio.NewReader(connection).WriteTo(&answer); err != nil {
		return "", fmt.Errorf("HAProxy did not answer: %w", err)
	}
	return answer.String(), nil
}

// stop ends the process and waits for its end.
func (n *Node) stop() {
	_ = n.command.Process.Kill()
	_ = n.command.Wait()
}

// processor is how much time of processors the process has used, of user and system (proc(5)).
func (n *Node) processor() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("HAProxy's processor time is not read: %w", err)
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("HAProxy's processor time is not read: %q", raw)
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2) // a hundred ticks a second on Linux
}

// resident is the process's memory in bytes (proc(5), VmRSS).
func (n *Node) resident() (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("HAProxy's memory is not read: %w", err)
	}
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kilobytes, err := strconv.ParseInt(f[1], 10, 64)
			return kilobytes * 1024, err
		}
	}
	return 0, errors.New("HAProxy's memory is not read: no VmRSS")
}

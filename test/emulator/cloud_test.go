package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/delivery"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
)

// factor makes a minute half a second.
const factor = 120

// world is one cloud with the assembly in testdata deployed, and what its callbacks saw.
type world struct {
	*Cloud
	moto string

	mu       sync.Mutex
	launched []scaling.Instance
	ended    []string
	events   []delivery.Event
	mails    []delivery.Mail
	lines    []string
}

var shared *world

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "emulator")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	address, stop, err := startMoto()
	if err != nil {
		return 1, err
	}
	defer stop()
	probe := filepath.Join(dir, "bootstrap")
	if out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", probe, "./internal/probe").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("probe is not built: %w: %s", err, out)
	}
	w, err := newWorld(address, probe)
	if err != nil {
		return 1, err
	}
	shared = w
	defer func() { _ = w.Close() }()
	return m.Run(), nil
}

// startMoto starts a moto server of its own: MOTO_SERVER names the program, or it is found on the path.
func startMoto() (string, func(), error) {
	program := os.Getenv("MOTO_SERVER")
	if program == "" {
		var err error
		if program, err = exec.LookPath("moto_server"); err != nil {
			return "", nil, fmt.Errorf("the contract tests need moto: set MOTO_SERVER to its moto_server program (%w)", err)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	_ = free.Close()
	server := exec.Command(program, "-H", "127.0.0.1", "-p", port)
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := server.Start(); err != nil {
		return "", nil, fmt.Errorf("moto does not start: %w", err)
	}
	stop := func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}
	address := "http://localhost:" + port
	for range 300 {
		if answer, err := http.Get(address + "/moto-api/"); err == nil {
			_ = answer.Body.Close()
			return address, stop, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	return "", nil, fmt.Errorf("moto does not answer at %s", address)
}

func newWorld(moto, probe string) (*world, error) {
	w := &world{moto: moto}
	cloud, err := Start(Options{Moto: moto, Clock: pace.Clock{Factor: factor}, LeastTimeout: 500 * time.Millisecond,
		Binary:      func(FunctionSource) (string, error) { return probe, nil },
		Env:         func(_ string, env map[string]string) map[string]string { env["WAIT"] = "0.5s"; return env },
		OnLaunch:    func(i scaling.Instance) { w.see(func() { w.launched = append(w.launched, i) }) },
		OnTerminate: func(id string) { w.see(func() { w.ended = append(w.ended, id) }) },
		OnEvent:     func(e delivery.Event) { w.see(func() { w.events = append(w.events, e) }) },
		OnMail:      func(m delivery.Mail) { w.see(func() { w.mails = append(w.mails, m) }) },
		Log:         func(_, line string) { w.see(func() { w.lines = append(w.lines, line) }) },
	})
	if err != nil {
		return nil, err
	}
	w.Cloud = cloud
	if err := deploy(cloud, "net", "app"); err != nil {
		return nil, err
	}
	return w, cloud.Adopt(context.Background(), "testdata/assembly")
}

// deploy creates the stacks through the proxy, as the CDK's command does.
func deploy(c *Cloud, stacks ...string) error {
	client := cloudformation.NewFromConfig(operator(c))
	for _, name := range stacks {
		body, err := os.ReadFile("testdata/assembly/" + name + ".template.json")
		if err != nil {
			return err
		}
		if _, err := client.CreateStack(context.Background(), &cloudformation.CreateStackInput{StackName: aws.String(name),
			TemplateBody: aws.String(string(body)), OnFailure: "DO_NOTHING"}); err != nil {
			return fmt.Errorf("stack %s is not made: %w", name, err)
		}
	}
	return nil
}

// operator is the configuration of a client that is no function and no instance.
func operator(c *Cloud) aws.Config {
	return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(c.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider("operator", "secret", "")}
}

func (w *world) see(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// sawLine reports whether a function wrote a line with all these parts.
func (w *world) sawLine(parts ...string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range w.lines {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(line, part)
		}
		if all {
			return true
		}
	}
	return false
}

func (w *world) sawProblem(parts ...string) bool {
	for _, p := range w.Problems() {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(p.Error(), part)
		}
		if all {
			return true
		}
	}
	return false
}

func eventually(t *testing.T, what string, held func() bool) {
	t.Helper()
	require.Eventually(t, held, 15*time.Second, 20*time.Millisecond, what)
}

// tell invokes the probe and waits for it.
func (w *world) tell(t *testing.T, order map[string]any) (string, bool) {
	t.Helper()
	payload, err := json.Marshal(order)
	require.NoError(t, err)
	result, err := w.Invoke(t.Context(), "probe-worker", payload)
	require.NoError(t, err)
	return string(result.Payload), result.Failed()
}

// in lists the ids of a group's instances in a state.
func (w *world) in(group, state string) []string {
	var ids []string
	for _, i := range w.Instances() {
		if i.Group == group && i.State == state {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

// waiting is how many messages a queue holds that can be received.
func (w *world) waiting(t *testing.T, queue string) int {
	t.Helper()
	n, err := w.Cloud.moto.visible(t.Context(), queue)
	require.NoError(t, err)
	return n
}

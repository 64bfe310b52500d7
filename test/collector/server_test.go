package collector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server is a real OpenSearch on loopback, which can be killed and started again on the same data.
type server struct {
	home   string
	folder string // its configuration, data and logs
	port   int
	url    string

	process *exec.Cmd
	ended   chan struct{} // closed once the process has ended
}

// startServer starts an OpenSearch, or skips the test where there is none: OPENSEARCH_HOME names the folder of a server
// (scripts/opensearch fetches one from Maven Central).
func startServer(t *testing.T) *server {
	t.Helper()
	home := os.Getenv("OPENSEARCH_HOME")
	if home == "" {
		t.Skip("OPENSEARCH_HOME is not set: ./scripts/test search sets it")
	}
	folder, err := os.MkdirTemp("", "opensearch") //nolint:usetesting // another user cannot enter the parents of t.TempDir
	require.NoError(t, err)
	s := &server{home: home, folder: folder, port: freePort(t)}
	s.url = fmt.Sprintf("http://127.0.0.1:%d", s.port)
	t.Cleanup(func() {
		s.kill(t)
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(folder, "out"))
			t.Logf("the server said:\n%s", log)
		}
		require.NoError(t, os.RemoveAll(folder))
	})
	s.configure(t)
	s.start(t)
	return s
}

func freePort(t *testing.T) int {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return listener.Addr().(*net.TCPAddr).Port
}

// configure writes the server's configuration. OpenSearch refuses to run as root: it then runs as nobody.
func (s *server) configure(t *testing.T) {
	t.Helper()
	require.NoError(t, os.CopyFS(filepath.Join(s.folder, "config"), os.DirFS(filepath.Join(s.home, "config"))))
	text := strings.Join([]string{
		"cluster.name: collector-test", "discovery.type: single-node", "network.host: 127.0.0.1",
		"http.port: " + strconv.Itoa(s.port), "transport.port: " + strconv.Itoa(freePort(t)),
		"path.data: " + filepath.Join(s.folder, "data"), "path.logs: " + filepath.Join(s.folder, "logs"),
		// A disk that is nearly full is not what is tested.
		"cluster.routing.allocation.disk.threshold_enabled: false",
	}, "\n")
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "config", "opensearch.yml"), []byte(text), 0o644))
	// Java's own log is below the server's folder else, which another user cannot write.
	require.NoError(t, os.Mkdir(filepath.Join(s.folder, "logs"), 0o755))
	options := filepath.Join(s.folder, "config", "jvm.options")
	raw, err := os.ReadFile(options)
	require.NoError(t, err)
	require.Contains(t, string(raw), "file=logs/")
	require.NoError(t, os.WriteFile(options, []byte(strings.ReplaceAll(string(raw), "file=logs/", "file="+s.folder+"/logs/")), 0o644))
	if os.Geteuid() == 0 {
		require.NoError(t, filepath.Walk(s.folder, func(path string, _ os.FileInfo, err error) error {
			return errors.Join(err, os.Chown(path, nobody, nobody))
		}))
	}
}

const nobody = 65534

func (s *server) start(t *testing.T) {
	t.Helper()
	out, err := os.OpenFile(filepath.Join(s.folder, "out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer func() { require.NoError(t, out.Close()) }()
	s.process = exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(s.home, "bin", "opensearch"))
	s.process.Stdout, s.process.Stderr = out, out
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		s.process.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	s.process.Dir = s.folder
	s.process.Env = append(os.Environ(), "OPENSEARCH_PATH_CONF="+filepath.Join(s.folder, "config"), "OPENSEARCH_JAVA_HOME="+javaHome(t),
		"OPENSEARCH_JAVA_OPTS=-Xms512m -Xmx512m", "HOME="+s.folder, "TMPDIR="+s.folder, "OPENSEARCH_TMPDIR="+s.folder)
	require.NoError(t, s.process.Start())
	s.ended = make(chan struct{})
	go func(process *exec.Cmd, ended chan struct{}) {
		_ = process.Wait() // killed, as it is told, or it failed and said why
		close(ended)
	}(s.process, s.ended)
	limit := time.After(2 * time.Minute)
	poll := time.NewTicker(200 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-poll.C:
			if status, _ := s.try(t, http.MethodGet, "/_cluster/health?wait_for_status=yellow&timeout=1s", ""); status == http.StatusOK {
				return
			}
		case <-s.ended:
			require.Fail(t, "the server ended")
		case <-limit:
			require.Fail(t, "the server does not come up within two minutes")
		}
	}
}

func javaHome(t *testing.T) string {
	t.Helper()
	java, err := exec.LookPath("java")
	require.NoError(t, err, "OpenSearch 2 needs Java 11 or later")
	java, err = filepath.EvalSymlinks(java)
	require.NoError(t, err)
	return filepath.Dir(filepath.Dir(java))
}

// kill ends the server as a crash does.
func (s *server) kill(t *testing.T) {
	t.Helper()
	if s.process == nil || s.ended == nil {
		return
	}
	_ = syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL) // it may have ended by itself
	<-s.ended
	s.process = nil
}

// try asks the server, with status 0 when it does not answer.
func (s *server) try(t *testing.T, method, path, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	got, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = got.Body.Close() }()
	raw, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	return got.StatusCode, string(raw)
}

// ask asks the server and wants success.
func (s *server) ask(t *testing.T, method, path, body string) string {
	t.Helper()
	status, answer := s.try(t, method, path, body)
	require.Less(t, status, 300, "%s %s: %s", method, path, answer)
	require.NotZero(t, status, answer)
	return answer
}

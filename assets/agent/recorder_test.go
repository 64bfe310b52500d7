package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/agent"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// machine is what a recorder's agent finds: systemd's word on the container, Jibri, and the kernel's.
type machine struct {
	t      *testing.T
	folder string

	mu     sync.Mutex
	busy   string
	leaves int
}

// systemctl keeps a service's state in a file beside it and writes down what it is told.
const systemctl = `#!/bin/sh
here=$(dirname "$0")
case $1 in
  show) printf 'LoadState=loaded\nActiveState=%s\n' "$(cat "$here/state")" ;;
  start|restart) cat "$here/shards.env" >> "$here/told"; echo active > "$here/state" ;;
  stop) echo inactive > "$here/state" ;;
esac
`

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, folder: t.TempDir(), busy: "IDLE"}
	m.write("systemctl", systemctl)
	m.write("state", "inactive\n")
	t.Setenv("PATH", m.folder+":"+os.Getenv("PATH"))
	require.NoError(t, os.MkdirAll(filepath.Join(m.folder, "proc", "40", "net"), 0o700))
	return m
}

func (m *machine) write(name, text string) {
	m.t.Helper()
	require.NoError(m.t, os.WriteFile(filepath.Join(m.folder, name), []byte(text), 0o700))
}

// ServeHTTP is Jibri: told to end, it ends at once when it is idle.
func (m *machine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Method == http.MethodPost {
		m.leaves++
		m.write("state", "failed\n")
		return
	}
	_, _ = fmt.Fprintf(w, `{"status": {"busyStatus": %q, "health": {"healthStatus": "HEALTHY", "details": {}}}}`, m.busy)
}

func (m *machine) says(busy string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy = busy
}

// join connects Jibri to a Prosody in the kernel's eyes.
func (m *machine) join(prosody netip.AddrPort) {
	m.write("proc/40/cmdline", "java\x00-jar\x00/opt/jitsi/jibri/jibri.jar\x00")
	a := prosody.Addr().As4()
	m.write("proc/40/net/tcp", fmt.Sprintf(" 0: 0A0011AC:D431 %02X%02X%02X%02X:%04X 01 0\n", a[3], a[2], a[1], a[0], prosody.Port()))
}

func (m *machine) node(jibri string) settings.Node {
	n := whole(m.t)
	n.Role, n.Shard, n.Listen = "jibri", "", "127.222.0.5:17070"
	n.Poll, n.SickAfter, n.StatePoll = settings.Duration(20*time.Millisecond), settings.Duration(time.Second), settings.Duration(time.Second)
	n.Recorder = &settings.RecorderNode{
		External: jibri, Internal: jibri, Unit: "jibri.service", Environment: filepath.Join(m.folder, "shards.env"),
		ShardsParameter: "/f/jibri/shards", Resolver: "127.255.255.1:53", Spool: filepath.Join(m.folder, "spool"), Proc: filepath.Join(m.folder, "proc"),
		Bucket: "b", QueueURL: "http://127.255.255.1:9/queue", DiskFloor: 1,
		JoinLimit: settings.Duration(time.Minute), FinalizeLimit: settings.Duration(time.Minute),
		StallLimit: settings.Duration(time.Minute), RecordingLimit: settings.Duration(time.Hour),
	}
	return n
}

// takes is a Prosody that takes connections.
func takes(t *testing.T) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, connection)
			_ = connection.Close()
		}
	}()
	return netip.MustParseAddrPort(listener.Addr().String())
}

func TestARecordersAgentFromBootToItsEnd(t *testing.T) {
	const secret = "0123456789abcdef"
	m, prosody := newMachine(t), takes(t)
	pointAt(t, 200, fmt.Sprintf(`{"SecretString": %q, "Parameter": {"Value": %q}}`, secret, prosody))
	jibri := httptest.NewServer(m)
	defer jibri.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended, path := make(chan error, 1), written(t, m.node(jibri.URL))
	go func() { ended <- run(ctx, path, slog.New(slog.DiscardHandler)) }()

	at := netip.MustParseAddr("127.222.0.5")
	client := agent.NewClient([]byte(secret), 17070, time.Now)
	defer client.Close()
	until := func(what string, reached func(fleet.Status) bool) (s fleet.Status) {
		t.Helper()
		require.Eventually(t, func() bool {
			got, err := client.Status(t.Context(), at)
			s = got
			return err == nil && reached(got)
		}, 10*time.Second, 10*time.Millisecond, "never %s", what)
		return s
	}
	until("standby", func(s fleet.Status) bool { return s.Phase == fleet.PhaseStandby })
	order := fleet.Order{Instance: "i-1", Loop: "lifecycle", Fence: 1}
	_, err := client.Order(t.Context(), at, fleet.VerbAdmit, order)
	require.NoError(t, err)
	until("not free for want of its shard", func(s fleet.Status) bool {
		return s.Jibri.ShardsWanted == 1 && s.Jibri.Activity == fleet.ActivityIdle && !s.Jibri.Free
	})
	m.join(prosody)
	until("free", func(s fleet.Status) bool { return s.Phase == fleet.PhaseServing && s.Jibri.Free && s.Jibri.Shards == 1 })
	told, err := os.ReadFile(filepath.Join(m.folder, "told"))
	require.NoError(t, err)
	assert.Equal(t, "XMPP_SERVER="+prosody.String(), strings.TrimSpace(string(told)), "started once, with its shard")

	m.says("BUSY")
	s := until("joining", func(s fleet.Status) bool { return s.Jibri.Activity == fleet.ActivityJoining })
	assert.EqualValues(t, 1, s.Jibri.Starts)
	_, err = client.Order(t.Context(), at, fleet.VerbRetire, order)
	require.ErrorContains(t, err, "a recording or a stream is on")
	m.says("IDLE")
	until("free again", func(s fleet.Status) bool { return s.Jibri.Free })
	_, err = client.Order(t.Context(), at, fleet.VerbRetire, order)
	require.NoError(t, err)
	s = until("gone", func(s fleet.Status) bool { return s.Phase == fleet.PhaseGone })
	assert.Equal(t, fleet.ActivityOff, s.Jibri.Activity)
	assert.Zero(t, s.Jibri.Spool.Recordings)
	cancel()
	require.NoError(t, <-ended)
}

func TestARecordersConfigurationThatIsNotWholeIsRefused(t *testing.T) {
	n := newMachine(t).node("http://127.0.0.1:1")
	_, err := readNode(written(t, n))
	require.NoError(t, err)
	n.Recorder.Bucket, n.Recorder.Proc, n.Recorder.StallLimit = "", "", 0
	_, err = readNode(written(t, n))
	require.ErrorContains(t, err, "recorder.bucket is empty")
	require.ErrorContains(t, err, "recorder.proc is empty")
	require.ErrorContains(t, err, "limits and statePoll must be above zero")
	n.Recorder = nil
	_, err = readNode(written(t, n))
	require.ErrorContains(t, err, "recorder is missing")
}

package agent

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cmdline is a command line as the kernel tells it.
func cmdline(argv ...string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(strings.Join(argv, "\x00") + "\x00")}
}

func content(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

const tcpHead = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

// containerProcesses is the processes of a recorder that records: 10.64.1.7 and 10.64.2.9 are Prosodies.
func containerProcesses() fstest.MapFS {
	return fstest.MapFS{
		"1/cmdline":    cmdline("/usr/lib/systemd/systemd"),
		"2/cmdline":    content(""), // a thread of the kernel
		"self/cmdline": cmdline("ffmpeg", "-i", "x", "/never"),
		"40/cmdline":   cmdline("/usr/bin/java", "-Dconfig.file=/run/jibri/config/jibri.conf", "-jar", "/opt/jitsi/jibri/jibri.jar"),
		"40/net/tcp": content(tcpHead +
			"   0: 0A0011AC:D431 0701400A:1466 01 00000000:00000000 02:000AAE13 00000000  1000 0 1 2 0 20 4 30 10 -1\n" +
			"   1: 0A0011AC:D432 0901400A:1466 06 00000000:00000000 00:00000000 00000000  1000 0 1 2 0 20 4 30 10 -1\n"),
		"40/net/tcp6": content(tcpHead +
			"   0: 0000000000000000FFFF00000A0011AC:D433 0000000000000000FFFF00000902400A:1466 01 0 0 0 0 0\n" +
			"   1: 00000000000000000000000000000000:08AE 00000000000000000000000000000000:0000 0A 0 0 0 0 0\n"),
		"77/cmdline": cmdline("ffmpeg", "-y", "-v", "info", "-f", "x11grab", "-i", ":0.0+0,0", "-f", "mp4", "/storage/recordings/abc/standup_2026-11-22-09-03-12.mp4"),
		"77/stat":    content("77 (ffmpeg) S 40 77 77 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 100 0 0"),
	}
}

func TestJibrisProcessesAreFoundAmongAll(t *testing.T) {
	found, err := readProcesses(containerProcesses())
	require.NoError(t, err)
	assert.Equal(t, encoderProcess{pid: 77, output: "/storage/recordings/abc/standup_2026-11-22-09-03-12.mp4", ticks: 300}, found.encoder)
	assert.Equal(t, map[netip.AddrPort]bool{
		netip.MustParseAddrPort("10.64.1.7:5222"): true, netip.MustParseAddrPort("10.64.2.9:5222"): true,
	}, found.connected, "established ones, of both kinds of sockets")
}

func TestWhatIsNoEncoder(t *testing.T) {
	for name, argv := range map[string][]string{
		"it tells its version":           {"ffmpeg", "-version"},
		"it tells its formats":           {"ffmpeg", "-i", "x", "-formats"},
		"it has no input":                {"ffmpeg", "out.mp4"},
		"it is a shell that names it":    {"/bin/sh", "-c", "ffmpeg -i x out.mp4"},
		"it is another with such a name": {"/usr/bin/ffmpeg-watch", "-i", "x", "out.mp4"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := readProcesses(fstest.MapFS{"9/cmdline": cmdline(argv...)})
			require.NoError(t, err)
			assert.Zero(t, found.encoder)
		})
	}
}

func TestAnOutputIsAServiceOrAFile(t *testing.T) {
	for _, output := range []string{"rtmp://a.rtmp.youtube.com/live2/key", "RTMPS://live.example.org/key"} {
		assert.True(t, streams(output), output)
	}
	for _, output := range []string{"/storage/recordings/abc/x.mp4", "file:///x.mp4", "rtmp.mp4", ""} {
		assert.False(t, streams(output), output)
	}
}

func TestAProcWithoutProcessesIsAnErrorAndAnEndedProcessIsNone(t *testing.T) {
	found, err := readProcesses(fstest.MapFS{"9/stat": content("9 (ffmpeg) Z")})
	require.NoError(t, err)
	assert.Zero(t, found.encoder)
	_, err = readProcesses(os.DirFS(filepath.Join(t.TempDir(), "absent")))
	require.ErrorContains(t, err, "processes cannot be listed")
}

func TestCPUTimeIsReadBehindAnyName(t *testing.T) {
	ticks, err := cpuTime([]byte("9 (a) b) (c) R 1 1 1 0 -1 0 0 0 0 0 7 5 0 0"))
	require.NoError(t, err)
	assert.EqualValues(t, 12, ticks)
	for _, raw := range []string{"", "9 ffmpeg R", "9 (ffmpeg) R 1 2", "9 (f) R 1 1 1 0 -1 0 0 0 0 0 x 5", "9 (f) R 1 1 1 0 -1 0 0 0 0 0 -1 5"} {
		_, err := cpuTime([]byte(raw))
		require.Error(t, err, raw)
	}
}

func FuzzProcessFiles(f *testing.F) {
	f.Add("   0: 0A0011AC:D431 0701400A:1466 01 0", []byte("77 (ffmpeg) S 40 77 77 0 -1 4194560 100 0 0 0 250 50 0"))
	f.Add("0: 0:0 0000000000000000FFFF00000902400A:1466 01", []byte(")"))
	f.Fuzz(func(t *testing.T, line string, stat []byte) {
		if far, ok := established(line); ok && !far.IsValid() {
			t.Errorf("%q is a connection to nobody", line)
		}
		if ticks, err := cpuTime(stat); err == nil && ticks < 0 {
			t.Errorf("%q is a time below zero", stat)
		}
	})
}

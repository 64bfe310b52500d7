package agent

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// jibriProcesses is what the kernel tells of Jibri's container.
type jibriProcesses struct {
	encoder encoderProcess
	// connected are the far ends of Jibri's established TCP connections.
	connected map[netip.AddrPort]bool
}

// encoderProcess is an ffmpeg: where its output goes and the CPU time that it took.
type encoderProcess struct {
	pid    int
	output string
	ticks  int64 // hundredths of a second
}

// readProcesses looks for Jibri and its encoder among all processes of the machine. A process can end while it is
// read, which is as if it had not been there; only a /proc that cannot be listed is an error.
func readProcesses(proc fs.FS) (jibriProcesses, error) {
	entries, err := fs.ReadDir(proc, ".")
	if err != nil {
		return jibriProcesses{}, fmt.Errorf("processes cannot be listed: %w", err)
	}
	var found jibriProcesses
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid <= 0 {
			continue
		}
		raw, err := fs.ReadFile(proc, path.Join(e.Name(), "cmdline"))
		if err != nil || len(raw) == 0 {
			continue
		}
		argv := strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
		switch {
		case found.encoder.pid == 0 && isEncoder(argv):
			found.encoder = encoderProcess{pid: pid, output: argv[len(argv)-1], ticks: ticksOf(proc, e.Name())}
		case found.connected == nil && isJibri(argv):
			found.connected = connectionsOf(proc, e.Name())
		}
	}
	return found, nil
}

// isEncoder tells Jibri's ffmpeg, whose last argument is its output (FfmpegCapturer.kt). One that only tells its version
// or its formats has no input.
func isEncoder(argv []string) bool {
	if path.Base(argv[0]) != "ffmpeg" || strings.HasPrefix(argv[len(argv)-1], "-") {
		return false
	}
	for _, a := range argv[1:] {
		if a == "-i" {
			return true
		}
	}
	return false
}

// isJibri tells Jibri's own process, java -jar /opt/jitsi/jibri/jibri.jar (launch.sh of the Debian package).
func isJibri(argv []string) bool {
	for _, a := range argv {
		if path.Base(a) == "jibri.jar" {
			return true
		}
	}
	return false
}

// streams tells an output that is a streaming service from one that is a file.
func streams(output string) bool {
	scheme, _, found := strings.Cut(output, "://")
	return found && (strings.EqualFold(scheme, "rtmp") || strings.EqualFold(scheme, "rtmps"))
}

// ticksOf is the CPU time of a process; 0 when it cannot be read.
func ticksOf(proc fs.FS, pid string) int64 {
	raw, err := fs.ReadFile(proc, path.Join(pid, "stat"))
	if err != nil {
		return 0
	}
	ticks, err := cpuTime(raw)
	if err != nil {
		return 0
	}
	return ticks
}

// cpuTime reads utime and stime, the 14th and 15th field of /proc/PID/stat, in hundredths of a second: USER_HZ is 100
// on every architecture that EC2 has. The second field is a name in brackets that may hold anything (proc_pid_stat(5)).
func cpuTime(raw []byte) (int64, error) {
	end := bytes.LastIndexByte(raw, ')')
	if end < 0 {
		return 0, errors.New("no name in brackets")
	}
	f := strings.Fields(string(raw[end+1:]))
	if len(f) < 13 {
		return 0, fmt.Errorf("%d fields after the name", len(f))
	}
	var sum int64
	for _, text := range f[11:13] {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > 1<<52 {
			return 0, fmt.Errorf("%q is no time", text)
		}
		sum += n
	}
	return sum, nil
}

// connectionsOf are the established connections in the network of a process. Java's sockets are of IPv6 where the
// kernel has it, with IPv4 addresses mapped into it.
func connectionsOf(proc fs.FS, pid string) map[netip.AddrPort]bool {
	connected := map[netip.AddrPort]bool{}
	for _, name := range []string{"net/tcp", "net/tcp6"} {
		raw, err := fs.ReadFile(proc, path.Join(pid, name))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(raw)) {
			if far, ok := established(line); ok {
				connected[far] = true
			}
		}
	}
	return connected
}

// tcpEstablished is TCP_ESTABLISHED of the kernel's include/net/tcp_states.h.
const tcpEstablished = "01"

// established reads one line of /proc/net/tcp or tcp6: "sl local_address rem_address st ...". It is false for the
// head line, for other states, and for what is no such line.
func established(line string) (netip.AddrPort, bool) {
	f := strings.Fields(line)
	if len(f) < 4 || f[3] != tcpEstablished {
		return netip.AddrPort{}, false
	}
	address, port, found := strings.Cut(f[2], ":")
	raw, err := hex.DecodeString(address)
	number, portErr := strconv.ParseUint(port, 16, 16)
	if !found || err != nil || portErr != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.AddrPort{}, false
	}
	for word := 0; word < len(raw); word += 4 { // each 32-bit word is in the order of the machine, little-endian
		raw[word], raw[word+1], raw[word+2], raw[word+3] = raw[word+3], raw[word+2], raw[word+1], raw[word]
	}
	ip, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(ip.Unmap(), uint16(number)), true
}

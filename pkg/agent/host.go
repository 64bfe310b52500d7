package agent

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Host reads the load of the machine from Linux's /proc. It is used by one goroutine at a time.
type Host struct {
	proc fs.FS
	disk func() (float64, error)
	last hostSample
}

// hostSample is the counters at one time; load is what changed between two.
type hostSample struct {
	at            time.Time
	busy, total   uint64            // CPU time in ticks
	received, out uint64            // bytes
	working       map[string]uint64 // milliseconds in which each disk was at work
}

// NewHost reads from proc, the file system at /proc, and asks disk for the used share of the root volume, 0..1.
func NewHost(proc fs.FS, disk func() (float64, error)) *Host { return &Host{proc: proc, disk: disk} }

// Load is the load since the last call; CPU, network and I/O are 0 at the first. What cannot be read is 0 and named in
// the error.
func (h *Host) Load(now time.Time) (fleet.HostLoad, error) {
	var load fleet.HostLoad
	next := hostSample{at: now}
	var errs [5]error
	next.busy, next.total, errs[0] = fromFile(h.proc, "stat", cpuTicks)
	next.received, next.out, errs[1] = fromFile(h.proc, "net/dev", networkBytes)
	var used, memory uint64
	used, memory, errs[2] = fromFile(h.proc, "meminfo", memoryKilobytes)
	load.Disk, errs[3] = h.disk()
	if next.working, errs[4] = workingDisks(h.proc); errs[4] != nil {
		next.working = h.last.working
	}
	if memory > 0 {
		load.Memory = float64(used) / float64(memory)
	}
	if errs[0] != nil || errs[1] != nil {
		return load, errors.Join(errs[:]...) // the last whole sample stays what the next one is compared with
	}
	if !h.last.at.IsZero() {
		load.CPU = share(h.last.busy, next.busy, h.last.total, next.total)
		if seconds := now.Sub(h.last.at).Seconds(); seconds > 0 {
			load.ReceiveBytesPS = float64(grown(h.last.received, next.received)) / seconds
			load.SendBytesPS = float64(grown(h.last.out, next.out)) / seconds
			load.IO = min(1, float64(mostWorked(h.last.working, next.working))/1000/seconds)
		}
	}
	h.last = next
	return load, errors.Join(errs[:]...)
}

// grown is by how much a counter grew; one that fell was reset and tells nothing.
func grown(from, to uint64) uint64 {
	if to < from {
		return 0
	}
	return to - from
}

func share(partFrom, partTo, wholeFrom, wholeTo uint64) float64 {
	whole := grown(wholeFrom, wholeTo)
	if whole == 0 {
		return 0
	}
	return min(1, float64(grown(partFrom, partTo))/float64(whole))
}

func fromFile(fsys fs.FS, name string, parse func([]byte) (uint64, uint64, error)) (uint64, uint64, error) {
	raw, err := fs.ReadFile(fsys, name)
	if err != nil {
		return 0, 0, err
	}
	a, b, err := parse(raw)
	if err != nil {
		return 0, 0, fmt.Errorf("%s cannot be understood: %w", name, err)
	}
	return a, b, nil
}

// cpuTicks reads the first line of /proc/stat: user nice system idle iowait irq softirq steal guest guest_nice, where
// the guests are in user and nice already (proc_stat(5)). Waiting for I/O is idle.
func cpuTicks(raw []byte) (busy, total uint64, err error) {
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	f := strings.Fields(string(line))
	if len(f) < 5 || f[0] != "cpu" {
		return 0, 0, errors.New("it does not begin with the line cpu")
	}
	for i, text := range f[1:min(len(f), 9)] {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return 0, 0, err
		}
		total += n
		if i != 3 && i != 4 {
			busy += n
		}
	}
	return busy, total, nil
}

// memoryKilobytes reads MemTotal and MemAvailable of /proc/meminfo (proc_meminfo(5)).
func memoryKilobytes(raw []byte) (used, total uint64, err error) {
	var available uint64
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "MemTotal:":
			total, err = strconv.ParseUint(f[1], 10, 64)
		case "MemAvailable:":
			available, err = strconv.ParseUint(f[1], 10, 64)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	if total == 0 || available > total {
		return 0, 0, errors.New("no usable MemTotal and MemAvailable")
	}
	return total - available, total, lines.Err()
}

// networkBytes adds up the received and sent bytes of /proc/net/dev (proc_pid_net(5)) over the machine's own
// interfaces: not loopback, and none of Docker's, whose traffic passes a real one too.
func networkBytes(raw []byte) (received, sent uint64, err error) {
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		name, counters, ok := strings.Cut(lines.Text(), ":")
		if !ok || virtual(strings.TrimSpace(name)) {
			continue
		}
		f := strings.Fields(counters)
		if len(f) < 9 {
			return 0, 0, fmt.Errorf("%d counters for %s", len(f), strings.TrimSpace(name))
		}
		in, errIn := strconv.ParseUint(f[0], 10, 64)
		out, errOut := strconv.ParseUint(f[8], 10, 64)
		if err := errors.Join(errIn, errOut); err != nil {
			return 0, 0, err
		}
		received, sent = received+in, sent+out
	}
	return received, sent, lines.Err()
}

// workingDisks reads from /proc/diskstats for how many milliseconds each disk has been at work: the tenth counter behind its
// name (https://www.kernel.org/doc/html/latest/admin-guide/iostats.html). One that serves several requests at a time, as EBS
// does, is at work all the time before it is at its limit.
func workingDisks(proc fs.FS) (map[string]uint64, error) {
	raw, err := fs.ReadFile(proc, "diskstats")
	if err != nil {
		return nil, err
	}
	working := map[string]uint64{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 13 {
			return nil, fmt.Errorf("diskstats cannot be understood: %d fields in %q", len(f), lines.Text())
		}
		if working[f[2]], err = strconv.ParseUint(f[12], 10, 64); err != nil {
			return nil, fmt.Errorf("diskstats cannot be understood: %w", err)
		}
	}
	return working, lines.Err()
}

// mostWorked is for how many milliseconds the busiest disk worked between two looks; one that is new tells nothing.
func mostWorked(from, to map[string]uint64) uint64 {
	most := uint64(0)
	for name, ms := range to {
		if before, known := from[name]; known {
			most = max(most, grown(before, ms))
		}
	}
	return most
}

func virtual(name string) bool {
	for _, prefix := range []string{"docker", "veth", "br-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == "lo"
}

package agent

import (
	"errors"
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

const meminfo = "MemTotal:        8000000 kB\nMemFree:          100000 kB\nMemAvailable:    6000000 kB\nHugePages_Total: 0\n"

func proc(stat, network string) fstest.MapFS {
	return fstest.MapFS{
		"stat":      {Data: []byte(stat)},
		"meminfo":   {Data: []byte(meminfo)},
		"net/dev":   {Data: []byte(network)},
		"diskstats": {Data: []byte(disks(5000, 100))},
	}
}

// disks are a root volume with its partition, and another, which have been at work for so many milliseconds.
func disks(root, other int) string {
	return fmt.Sprintf(" 259 0 nvme0n1 10 0 80 5 20 0 160 9 0 %d 14 0 0 0 0 0 0\n 259 1 nvme0n1p1 9 0 72 4 20 0 160 9 0 %d 13 0 0 0 0 0 0\n"+
		" 259 2 nvme1n1 1 0 8 1 0 0 0 0 0 %d 1 0 0 0 0 0 0\n", root, root-1, other)
}

func network(in, out string) string {
	const header = "Inter-|   Receive\n face |bytes packets\n"
	return header + "    lo: 5 0 0 0 0 0 0 0 5 0 0 0 0 0 0 0\n  ens5:" + in + " 50 0 0 0 0 0 0 " + out +
		" 40 0 0 0 0 0 0\ndocker0: 7 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n br-1a: 7 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n"
}

func halfFull() (float64, error) { return 0.5, nil }

func TestHostLoadIsWhatChangedBetweenTwoLooks(t *testing.T) {
	// user nice system idle iowait irq softirq steal guest guest_nice
	files := proc("cpu  100 0 50 800 50 0 0 0 90 0\ncpu0 1 2 3 4\n", network("1000", "2000"))
	h := NewHost(files, halfFull)
	load, err := h.Load(noon)
	require.NoError(t, err)
	assert.Equal(t, fleet.HostLoad{Memory: 0.25, Disk: 0.5}, load, "the first look has nothing to compare with")
	files["stat"].Data = []byte("cpu  120 0 60 860 60 0 0 0 99 0\n")
	files["net/dev"].Data = []byte(network("21000", "42000"))
	files["diskstats"].Data = []byte(disks(5500, 1300))
	load, err = h.Load(noon.Add(2 * time.Second))
	require.NoError(t, err)
	assert.Equal(t, fleet.HostLoad{CPU: 0.3, Memory: 0.25, Disk: 0.5, IO: 0.6, ReceiveBytesPS: 10000, SendBytesPS: 20000}, load)
}

func TestCountersThatFallTellNothing(t *testing.T) {
	files := proc("cpu  100 0 50 800 50 0 0 0 0 0\n", network("1000", "2000"))
	h := NewHost(files, halfFull)
	_, err := h.Load(noon)
	require.NoError(t, err)
	files["stat"].Data = []byte("cpu  1 0 1 1 1 0 0 0 0 0\n")
	files["net/dev"].Data = []byte(network("1", "2"))
	load, err := h.Load(noon.Add(time.Second))
	require.NoError(t, err)
	assert.Equal(t, fleet.HostLoad{Memory: 0.25, Disk: 0.5}, load)
}

func TestWhatCannotBeReadIsNamedAndTheRestIsThere(t *testing.T) {
	files := proc("cpu  100 0 50 800 50 0 0 0 0 0\n", network("1000", "2000"))
	h := NewHost(files, func() (float64, error) { return 0, errors.New("no disk") })
	load, err := h.Load(noon)
	require.ErrorContains(t, err, "no disk")
	assert.InDelta(t, 0.25, load.Memory, 1e-9)
	files["stat"].Data = []byte("intr 1 2 3\n")
	delete(files, "meminfo")
	files["diskstats"].Data = []byte("8 0 sda\n")
	load, err = h.Load(noon.Add(time.Second))
	require.ErrorContains(t, err, "stat cannot be understood")
	require.ErrorContains(t, err, "meminfo")
	require.ErrorContains(t, err, "diskstats cannot be understood: 3 fields")
	assert.Equal(t, fleet.HostLoad{}, load)
	files["stat"].Data = []byte("cpu  110 0 50 890 50 0 0 0 0 0\n")
	files["diskstats"].Data = []byte(disks(5000, 1100))
	load, err = h.Load(noon.Add(2 * time.Second))
	require.Error(t, err)
	assert.InDelta(t, 0.1, load.CPU, 1e-9, "compared with the last good look")
	assert.InDelta(t, 0.5, load.IO, 1e-9, "as this is")
}

// FuzzHost holds that nothing in /proc breaks the agent and that fractions are fractions.
func FuzzHost(f *testing.F) {
	f.Add("cpu  100 0 50 800 50 0 0 0 0 0\n", meminfo, network("1", "2"), disks(5, 6))
	f.Add("cpu", "MemTotal: x", "eth0: 1", "8 0 sda 1")
	f.Add("cpu 18446744073709551615 1 1 1 1\n", "MemTotal: 1 kB\nMemAvailable: 2 kB\n", ":", "a b c d e f g h i j k l 18446744073709551615")
	f.Fuzz(func(t *testing.T, stat, memory, network, disks string) {
		h := NewHost(fstest.MapFS{
			"stat": {Data: []byte(stat)}, "meminfo": {Data: []byte(memory)}, "net/dev": {Data: []byte(network)}, "diskstats": {Data: []byte(disks)},
		}, halfFull)
		for second := range 2 {
			load, _ := h.Load(noon.Add(time.Duration(second) * time.Second))
			if load.CPU < 0 || load.CPU > 1 || load.Memory < 0 || load.Memory > 1 || load.IO < 0 || load.IO > 1 || load.ReceiveBytesPS < 0 || load.SendBytesPS < 0 {
				t.Errorf("out of range: %+v", load)
			}
		}
	})
}

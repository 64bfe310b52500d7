package agent

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
)

const (
	healthPath = "GET /jibri/api/v1.0/health"
	leavePath  = "/jibri/api/internal/v1.0/gracefulShutdown"
)

func health(busy, health string) reply {
	return reply{200, `{"status": {"busyStatus": "` + busy + `", "health": {"healthStatus": "` + health + `", "details": {}}}}`}
}

// unit is a service that does what it is told at once.
type unit struct {
	mu    sync.Mutex
	state Container
	fails error
	told  []Todo
}

func (u *unit) State(context.Context) (Container, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.state, u.fails
}

func (u *unit) tell(todo Todo, state Container) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.told, u.state = append(u.told, todo), state
	return nil
}

func (u *unit) Start(context.Context) error   { return u.tell(TodoStart, ContainerRunning) }
func (u *unit) Restart(context.Context) error { return u.tell(TodoRestart, ContainerRunning) }
func (u *unit) Stop(context.Context) error    { return u.tell(TodoStop, ContainerDown) }

func (u *unit) is(state Container) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.state = state
}

type disk fleet.SpoolLoad

func (d *disk) Load() fleet.SpoolLoad { return fleet.SpoolLoad(*d) }

// rig is a recorder's component with everything around it in the test's hands.
type rig struct {
	*Jibri
	t      *testing.T
	unit   *unit
	api    *script
	proc   fstest.MapFS
	disk   *disk
	folder string
	now    time.Time
	list   string
	listed error
	takes  bool // whether Prosodies take connections
}

// prosody is where the shards a.f.internal and b.f.internal are.
var prosody = map[string]netip.Addr{"a.f.internal": netip.MustParseAddr("10.64.1.7"), "b.f.internal": netip.MustParseAddr("10.64.2.9")}

func newRig(t *testing.T) *rig {
	t.Helper()
	api, url := scripted(t, map[string]reply{healthPath: health("IDLE", "HEALTHY"), "POST " + leavePath: {status: 200}})
	r := &rig{
		t: t, unit: &unit{state: ContainerDown}, api: api, proc: fstest.MapFS{}, disk: &disk{FreeBytes: 20, Floor: 10},
		folder: t.TempDir(), now: noon, list: "b.f.internal, a.f.internal", takes: true,
	}
	r.make(url)
	return r
}

func (r *rig) make(url string) {
	j, err := NewJibri(JibriConfig{
		API: jitsi.NewJibri(url, url, patience), Service: r.unit, Proc: r.proc, Folder: r.folder, Spool: r.disk,
		Environment: filepath.Join(r.folder, "shards.env"), Limits: limits,
		List: func(context.Context) (string, error) { return r.list, r.listed }, ListPoll: time.Minute, Poll: time.Second,
		Network: Network{
			Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
				if a, found := prosody[host]; found {
					return []netip.Addr{a}, nil
				}
				return nil, errors.New("no such host")
			},
			Reach: func(context.Context, netip.AddrPort) bool { return r.takes },
		},
		Clock: func() time.Time { return r.now },
	})
	require.NoError(r.t, err)
	r.Jibri = j
}

// connect has Jibri be connected as containerProcesses says, and nothing encoded.
func (r *rig) connect() {
	for _, name := range []string{"40/cmdline", "40/net/tcp", "40/net/tcp6"} {
		r.proc[name] = containerProcesses()[name]
	}
}

// encode has an ffmpeg write a recording of some bytes.
func (r *rig) encode(bytes int) {
	r.proc["77/cmdline"], r.proc["77/stat"] = containerProcesses()["77/cmdline"], containerProcesses()["77/stat"]
	require.NoError(r.t, os.MkdirAll(filepath.Join(r.folder, "abc"), 0o700))
	require.NoError(r.t, os.WriteFile(filepath.Join(r.folder, "abc", "standup_2026-11-22-09-03-12.mp4"), make([]byte, bytes), 0o600))
}

// turn is one look of the agent with an intent, a while later.
func (r *rig) turn(intent Intent, later time.Duration) View {
	r.now = r.now.Add(later)
	seen := r.Look(r.t.Context())
	told, err := r.Apply(r.t.Context(), intent, seen)
	require.NoError(r.t, err)
	if told {
		return r.Look(r.t.Context())
	}
	return seen
}

// says has Jibri answer something else from now on.
func (r *rig) says(answer reply) {
	r.api.mu.Lock()
	defer r.api.mu.Unlock()
	r.api.answers[healthPath] = answer
}

func (r *rig) posted() []string {
	r.api.mu.Lock()
	defer r.api.mu.Unlock()
	return r.api.posted
}

// admittedRig is a recorder that is free.
func admittedRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.follow(t.Context())
	r.turn(Intent{Admitted: true}, time.Second)
	r.connect()
	v := r.turn(Intent{Admitted: true}, time.Minute)
	require.True(t, v.Jibri.Free, v.Trouble)
	return r
}

func TestARecorderStandsByWithoutItsContainer(t *testing.T) {
	r := newRig(t)
	v := r.turn(Intent{}, time.Second)
	assert.False(t, v.Ready, "it knows of no shards yet")
	r.follow(t.Context())
	v = r.turn(Intent{}, time.Second)
	assert.True(t, v.Ready)
	assert.Equal(t, fleet.ActivityOff, v.Jibri.Activity)
	assert.Equal(t, 2, v.Jibri.ShardsWanted)
	r.disk.FreeBytes = 9
	assert.False(t, r.turn(Intent{}, time.Second).Ready, "its disk is too full")
	r.disk.FreeBytes = 10
	r.unit.is(ContainerAbsent)
	v = r.turn(Intent{}, time.Second)
	assert.False(t, v.Ready)
	assert.Equal(t, "its image is not there yet", v.Trouble)
	assert.Empty(t, r.unit.told)
}

func TestAnAdmittedRecorderIsStartedWithItsShardsAndIsFreeOnceItHasJoinedThem(t *testing.T) {
	r := newRig(t)
	r.follow(t.Context())
	v := r.turn(Intent{Admitted: true}, time.Second)
	assert.Equal(t, []Todo{TodoStart}, r.unit.told)
	raw, err := os.ReadFile(filepath.Join(r.folder, "shards.env"))
	require.NoError(t, err)
	assert.Equal(t, "XMPP_SERVER=a.f.internal,b.f.internal\n", string(raw))
	assert.False(t, v.Jibri.Free)
	assert.Equal(t, "it is connected to 0 of 2 shards", v.Trouble)
	r.connect()
	v = r.turn(Intent{Admitted: true}, time.Second)
	assert.True(t, v.Jibri.Free, v.Trouble)
	assert.True(t, v.Ready)
	assert.Equal(t, 2, v.Jibri.Shards)
	assert.Empty(t, v.Trouble)
}

func TestARecordingIsFollowedToItsEnd(t *testing.T) {
	r := admittedRig(t)
	r.says(health("BUSY", "HEALTHY"))
	assert.Equal(t, fleet.ActivityJoining, r.turn(Intent{Admitted: true}, time.Second).Jibri.Activity)
	r.encode(100)
	v := r.turn(Intent{Admitted: true}, time.Second)
	assert.Equal(t, fleet.ActivityRecording, v.Jibri.Activity)
	assert.Equal(t, "abc", v.Jibri.Session)
	assert.True(t, v.Occupied)
	assert.EqualValues(t, 1, v.Jibri.Starts)
	v = r.turn(Intent{Admitted: true}, 61*time.Second)
	assert.Equal(t, []Todo{TodoStart, TodoRestart}, r.unit.told, "its file has not grown for a minute")
	assert.InDelta(t, 61, v.Jibri.StalledSeconds, 1)
}

func TestANewListIsTakenOverByTheIdleAndTheOldOneWhileItCannotBeRead(t *testing.T) {
	r := admittedRig(t)
	r.list, r.listed = "", errors.New("throttled")
	r.now = r.now.Add(time.Minute)
	r.follow(t.Context())
	v := r.turn(Intent{Admitted: true}, time.Second)
	assert.Equal(t, "the list of shards is kept as it was: throttled", v.Trouble)
	assert.True(t, v.Jibri.Free)
	r.list, r.listed = "a.f.internal", nil
	r.follow(t.Context())
	r.turn(Intent{Admitted: true}, time.Second)
	assert.Equal(t, []string{leavePath}, r.posted())
	r.unit.is(ContainerDown)
	r.turn(Intent{Admitted: true}, time.Second)
	assert.Equal(t, []Todo{TodoStart, TodoStart}, r.unit.told)
	v = r.turn(Intent{Admitted: true}, time.Second)
	assert.Equal(t, 1, v.Jibri.ShardsWanted)
	assert.True(t, v.Jibri.Free, v.Trouble)
	assert.Zero(t, v.Jibri.Restarts)
}

func TestARetiredRecorderIsGoneWithItsContainerAndItsSpoolIsToldStill(t *testing.T) {
	r := admittedRig(t)
	r.disk.Recordings = 2
	retired := Intent{Admitted: true, Drained: true, Retired: true}
	v := r.turn(retired, time.Second)
	assert.Equal(t, []string{leavePath}, r.posted())
	assert.Equal(t, Answered, v.Answer)
	assert.True(t, v.Leaving)
	r.unit.is(ContainerDown)
	v = r.turn(retired, time.Second)
	assert.Equal(t, Refused, v.Answer)
	assert.Equal(t, 2, v.Jibri.Spool.Recordings)
}

func TestWhoIsOnARecorderIsAskedAnew(t *testing.T) {
	r := admittedRig(t)
	for _, c := range []struct {
		name   string
		change func()
		want   int64
		fails  string
	}{
		{"idle", func() {}, 0, ""},
		{"no answer", func() { r.says(reply{status: 500}) }, 0, "unusable answer"},
		{"busy", func() { r.says(health("BUSY", "HEALTHY")) }, 1, ""},
		{"an encoder, whatever Jibri says", func() { r.says(health("IDLE", "HEALTHY")); r.encode(1) }, 1, ""},
		{"systemd does not answer", func() { r.unit.fails = errors.New("no bus") }, 0, "no bus"},
	} {
		c.change()
		n, err := r.Occupants(t.Context())
		assert.Equal(t, c.want, n, c.name)
		if c.fails != "" {
			require.ErrorContains(t, err, c.fails, c.name)
		} else {
			require.NoError(t, err, c.name)
		}
	}
}

func TestNothingIsDoneWhereSystemdCannotBeAsked(t *testing.T) {
	r := admittedRig(t)
	r.says(health("EXPIRED", "HEALTHY"))
	r.unit.fails = errors.New("no bus")
	v := r.turn(Intent{Admitted: true}, time.Minute)
	assert.Equal(t, View{Answer: Silent, Trouble: "no bus"}, v)
	assert.Equal(t, []Todo{TodoStart}, r.unit.told)
}

func TestAnAgentThatIsNewKnowsTheListOfTheContainerThatRuns(t *testing.T) {
	r := admittedRig(t)
	again := *r
	again.make("http://" + "127.255.255.1:9")
	assert.Equal(t, shardList{"a.f.internal", "b.f.internal"}, again.shards.wanted)
	assert.False(t, again.shards.outdated())
}

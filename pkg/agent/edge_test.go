package agent

import (
	"bufio"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
)

// proxy is HAProxy's admin socket with a process behind it that the test makes up.
type proxy struct {
	mu          sync.Mutex
	pid, uptime int
	connections int
	synced      bool
	silent      bool
	agents      string         // agent_status of shard-2; shard-1's is L7OK
	table       map[string]int // server id by key
	taught      map[string]int // what users teach as soon as a key was forgotten
	told        []string
}

func newProxy(t *testing.T) (*proxy, *haproxy.Admin) {
	t.Helper()
	p := &proxy{pid: 1, agents: "INI", table: map[string]int{}, taught: map[string]int{}}
	path := filepath.Join(t.TempDir(), "admin.sock")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(connection).ReadString('\n')
			_, _ = connection.Write([]byte(p.answer(strings.TrimSpace(line))))
			_ = connection.Close()
		}
	}()
	return p, haproxy.NewAdmin(path, patience)
}

func (p *proxy) now(change func(*proxy)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *proxy) answer(command string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	words := strings.Fields(command)
	switch {
	case p.silent:
		return ""
	case command == "show info":
		return fmt.Sprintf("Version: 2.6\nPid: %d\nUptime_sec: %d\nCurrConns: %d\nStopping: 0\n", p.pid, p.uptime, p.connections)
	case command == "show peers":
		flags := map[bool]string{true: "0x2213", false: "0x11"}[p.synced]
		return "0x1: [x] id=slots flags=" + flags + " resync_timeout=1s\n"
	case strings.HasPrefix(command, "show stat"):
		return "# pxname,svname,scur,status,sid,type,req_rate,agent_status,econ,eresp,wredis,\nclients,FRONTEND,4,OPEN,0,0,9,,,,,\n" +
			"rooms,shard-1,3,UP,3,2,,L7OK,2,3,4,\nrooms,shard-2,0,MAINT,7,2,," + p.agents + ",0,0,0,\n" +
			"pages,shard-1,1,UP,9,2,,,1,0,0,\ngate,node,0,MAINT,1,2,,INI,0,0,0,\n"
	case command == "show table":
		return fmt.Sprintf("# table: rooms, type: string, size:1000, used:%d\n", len(p.table))
	case strings.HasPrefix(command, "show table rooms key "):
		if id, ok := p.table[words[4]]; ok {
			return fmt.Sprintf("# table: rooms, type: string, size:1000, used:1\n0x1: key=%s use=0 exp=1 server_id=%d server_key=-\n", words[4], id)
		}
		return "\n"
	case words[0] == "clear":
		p.told = append(p.told, command)
		delete(p.table, words[4])
		if id, ok := p.taught[words[4]]; ok {
			p.table[words[4]] = id
		}
		return "\n"
	default:
		p.told = append(p.told, command)
		if _, there := p.table[words[4]]; !there {
			id := 0
			_, _ = fmt.Sscan(words[6], &id)
			p.table[words[4]] = id
		}
		return "\n"
	}
}

const warmUp = 30 * time.Second

// edgeAgent is an edge node's agent beside a made up HAProxy. The test makes it look.
func edgeAgent(t *testing.T) (*Agent, *proxy) {
	t.Helper()
	p, admin := newProxy(t)
	c := configOf(t, nil, nil)
	c.Role, c.Shard, c.Component = fleet.RoleEdge, "", &Edge{Admin: admin, WarmUp: warmUp}
	a, err := New(c)
	require.NoError(t, err)
	return a, p
}

func TestAnEdgeNodeTakesClientsOnceItIsWarm(t *testing.T) {
	for _, c := range []struct {
		name   string
		uptime int
		synced bool
		agents string
		says   string
		phase  fleet.Phase
		detail string
	}{
		{"nothing learnt yet", 3, false, "INI", "up maint", fleet.PhaseStarting, "for 27s at most: rooms learnt from a peer: false; 1 of 2 shards' agents not heard"},
		{"rooms learnt, a shard not heard", 3, true, "L4CON", "up maint", fleet.PhaseStarting, "1 of 2 shards' agents"},
		{"shards heard, no rooms learnt", 3, false, "L7OK", "up maint", fleet.PhaseStarting, "peer: false; 0 of 2"},
		{"all learnt", 3, true, "L7OK", "up ready", fleet.PhaseServing, ""},
		{"a shard that says down was heard", 3, true, "L7STS", "up ready", fleet.PhaseServing, ""},
		{"nothing learnt within its time", 30, false, "L4TOUT", "up ready", fleet.PhaseServing, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, p := edgeAgent(t)
			assert.Equal(t, "up maint", a.Check(), "before it has looked")
			p.now(func(p *proxy) { p.uptime, p.synced, p.agents = c.uptime, c.synced, c.agents })
			a.Look(t.Context())
			s := a.Status()
			assert.Equal(t, c.says, a.Check())
			assert.Equal(t, c.says == "up ready", s.Edge.Open)
			assert.Equal(t, c.phase, s.Phase)
			assert.Contains(t, s.Detail, c.detail)
			assert.Equal(t, c.detail == "", s.Detail == "")
		})
	}
}

func TestAWarmEdgeNodeStaysOpenUntilItsProcessIsAnother(t *testing.T) {
	a, p := edgeAgent(t)
	p.now(func(p *proxy) { p.synced, p.agents = true, "L7OK" })
	a.Look(t.Context())
	require.Equal(t, "up ready", a.Check())
	p.now(func(p *proxy) { p.synced, p.agents = false, "L4CON" })
	a.Look(t.Context())
	assert.Equal(t, "up ready", a.Check(), "a peer and a shard that go are no reason to leave")
	p.now(func(p *proxy) { p.silent = true })
	a.Look(t.Context())
	assert.Equal(t, "up ready", a.Check(), "nor is an answer that does not come")
	assert.Equal(t, fleet.PhaseServing, a.Status().Phase)
	p.now(func(p *proxy) { p.silent, p.pid = false, 2 })
	a.Look(t.Context())
	assert.Equal(t, "up maint", a.Check(), "a new process is cold")
}

func TestWhatAnEdgeNodeTellsOfItself(t *testing.T) {
	a, p := edgeAgent(t)
	p.now(func(p *proxy) { p.uptime, p.connections, p.table["A"] = 60, 12, 3 })
	a.Look(t.Context())
	s := a.Status()
	assert.Equal(t, "2.6", s.Version)
	assert.Equal(t, &fleet.EdgeLoad{
		Open: true, Connections: 12, RequestRate: 9, Errors: 6, Redispatches: 4, Rooms: 1, TableSize: 1000,
		Shards: map[string]fleet.ServerView{
			"shard-1": {ID: 3, State: fleet.ServerReady, Heard: true, Sessions: 3},
			"shard-2": {ID: 7, State: fleet.ServerMaintenance},
		},
	}, s.Edge)
}

func TestAnEdgeNodeWhoseHAProxyIsNotThere(t *testing.T) {
	c := configOf(t, nil, nil)
	c.Role, c.Component = fleet.RoleEdge, &Edge{Admin: haproxy.NewAdmin(filepath.Join(t.TempDir(), "absent"), patience), WarmUp: warmUp}
	a, err := New(c)
	require.NoError(t, err)
	a.Look(t.Context())
	s := a.Status()
	assert.Equal(t, fleet.PhaseStarting, s.Phase)
	assert.Nil(t, s.Edge)
	assert.Contains(t, s.Detail, "HAProxy is not there")
	assert.Equal(t, "up maint", a.Check())
}

func TestAnEdgeNodeLeavesByOrderAndComesBackByOrder(t *testing.T) {
	a, p := edgeAgent(t)
	p.now(func(p *proxy) { p.uptime, p.connections = 60, 3 })
	a.Look(t.Context())
	require.Equal(t, "up ready", a.Check())
	s := obey(t, a, fleet.VerbDrain, 1)
	assert.Equal(t, "up maint", a.Check())
	assert.False(t, s.Edge.Open)
	assert.Equal(t, fleet.PhaseDraining, s.Phase)
	again, err := New(a.config)
	require.NoError(t, err)
	again.Look(t.Context())
	assert.Equal(t, "up maint", again.Check(), "across a restart of the agent")
	assert.Equal(t, fleet.PhaseServing, obey(t, a, fleet.VerbUndrain, 2).Phase)
	assert.Equal(t, "up ready", a.Check())
	assert.Equal(t, fleet.PhaseServing, obey(t, a, fleet.VerbAdmit, 3).Phase, "who admits every node may admit this one")
}

func TestAnEdgeNodeThatIsToEndLeavesAtOnce(t *testing.T) {
	a, p := edgeAgent(t)
	p.now(func(p *proxy) { p.uptime = 60 })
	a.Look(t.Context())
	a.Leave()
	assert.Equal(t, "up maint", a.Check())
	a.Look(t.Context())
	assert.Equal(t, "up maint", a.Check())
	assert.Equal(t, fleet.PhaseDraining, a.Status().Phase)
	again, err := New(a.config)
	require.NoError(t, err)
	again.Look(t.Context())
	assert.Equal(t, "up ready", again.Check(), "the next agent takes clients again")
}

// order gives an order about a room.
func order(t *testing.T, a *Agent, verb fleet.Verb, key string, shard int) error {
	t.Helper()
	_, err := a.Obey(t.Context(), verb, fleet.Order{Loop: "shards", Fence: 1, Key: key, ShardID: shard})
	return err
}

func TestARoomIsForgottenAndPlaced(t *testing.T) {
	a, p := edgeAgent(t)
	key := routing.Key("acme", "standup")
	p.now(func(p *proxy) { p.table[key] = 3 })
	require.ErrorContains(t, order(t, a, fleet.VerbPlace, key, 7), "pinned already: to the server 3, not to 7")
	require.NoError(t, order(t, a, fleet.VerbForget, key, 0))
	require.NoError(t, order(t, a, fleet.VerbForget, key, 0), "again")
	require.NoError(t, order(t, a, fleet.VerbPlace, key, 7))
	require.NoError(t, order(t, a, fleet.VerbPlace, key, 7), "again")
	assert.Equal(t, []string{
		"clear table rooms key " + key, "clear table rooms key " + key, "set table rooms key " + key + " data.server_id 7",
	}, p.told)
	p.now(func(p *proxy) { p.taught[key] = 3 })
	require.NoError(t, order(t, a, fleet.VerbForget, key, 0))
	require.ErrorContains(t, order(t, a, fleet.VerbPlace, key, 7), "pinned already", "a user was faster")
}

func TestOrdersAboutRoomsThatCannotBeObeyedReachNoHAProxy(t *testing.T) {
	a, p := edgeAgent(t)
	good := routing.Key("", "r")
	for name, c := range map[string]struct {
		verb  fleet.Verb
		key   string
		shard int
		why   string
	}{
		"no key":                 {fleet.VerbForget, "", 0, `"" is no key of a room`},
		"a short key":            {fleet.VerbForget, good[1:], 0, "is no key"},
		"a key in small letters": {fleet.VerbPlace, strings.ToLower(good), 7, "is no key"},
		"a hostile key":          {fleet.VerbForget, good[:len(good)-2] + "\n;", 0, "is no key"},
		"no shard":               {fleet.VerbPlace, good, 0, "0 is no shard's id"},
		"another shard's id":     {fleet.VerbPlace, good, 4, "no shard with the id 4"},
		"another backend's id":   {fleet.VerbPlace, good, 9, "no shard with the id 9"},
	} {
		t.Run(name, func(t *testing.T) {
			err := order(t, a, c.verb, c.key, c.shard)
			var refusal *Refusal
			require.ErrorAs(t, err, &refusal)
			assert.Contains(t, refusal.Why, c.why)
		})
	}
	assert.Empty(t, p.told)
	p.now(func(p *proxy) { p.silent = true })
	err := order(t, a, fleet.VerbPlace, good, 7)
	require.ErrorIs(t, err, haproxy.ErrAnswer)
	var refusal *Refusal
	assert.NotErrorAs(t, err, &refusal, "what failed was not refused")
}

package haproxy

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const info = "Name: HAProxy\nVersion: 2.6.12-1+deb12u4\nPid: 16826\nUptime_sec: 26\nCurrConns: 7\nStopping: 0\n"

func TestProcessIsReadFromShowInfo(t *testing.T) {
	p, err := ParseInfo(info)
	require.NoError(t, err)
	assert.Equal(t, Process{Version: "2.6.12-1+deb12u4", PID: 16826, Uptime: 26 * time.Second, Connections: 7}, p)
	p, err = ParseInfo(strings.Replace(info, "Stopping: 0", "Stopping: 1", 1))
	require.NoError(t, err)
	assert.True(t, p.Stopping)
}

func TestProcessWithoutAFigureIsNoAnswer(t *testing.T) {
	for _, broken := range []string{"", "Permission denied", strings.Replace(info, "Pid: 16826", "Pid: -1", 1), strings.Replace(info, "26\n", "\n", 2)} {
		_, err := ParseInfo(broken)
		require.ErrorIs(t, err, ErrAnswer, broken)
	}
}

// peers is "show peers" of HAProxy 2.6 with a section's flags.
func peers(flags string) string {
	return "0x56192894dda0: [22/Nov/2026:19:44:37] id=slots disabled=0 flags=" + flags + " resync_timeout=<PAST> task_calls=24\n" +
		"  0x561928950eb0: id=s2(remote,active) addr=127.77.0.2:10000 last_status=ESTA last_hdshk=23s\n" +
		"        flags=0x20000200 appctx:0x7fefcc048880 st0=7 st1=0 task_calls=17 state=EST\n"
}

// The flags were read from two HAProxy 2.6.12 that were started and stopped.
func TestTableIsSyncedOnlyAfterALesson(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		synced       bool
	}{
		{"learnt all from a peer", peers("0x2213"), true},
		{"learnt from a peer that had nobody to learn from itself", peers("0x68b3"), true},
		{"waiting for a peer", peers("0x11"), false},
		{"given up, since no peer came", peers("0x33"), false},
		{"no peers are configured", "", false},
		{"two sections, one of which has not learnt", peers("0x2213") + peers("0x11"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synced, err := ParsePeers(c.answer)
			require.NoError(t, err)
			assert.Equal(t, c.synced, synced)
		})
	}
	_, err := ParsePeers(strings.ReplaceAll(peers("many"), "0x2", "y"))
	require.ErrorIs(t, err, ErrAnswer)
}

const header = "# pxname,svname,scur,status,sid,type,req_rate,agent_status,agent_desc,econ,eresp,wredis,\n"

func TestServersAreReadFromShowStat(t *testing.T) {
	stat, err := ParseStat(header +
		"clients,FRONTEND,9,OPEN,0,0,41,,,,,,\n" +
		"statistics,FRONTEND,1,OPEN,0,0,1,,,,,,\n" +
		"rooms,shard-1,3,UP,1,2,,* L7OK,\"says, up\",2,3000000000,4,\n" +
		"rooms,shard-2,0,MAINT,7,2,,INI,,0,0,0,\n" +
		"gate,node,0,no check,1,2,,L7STS,,0,0,0,\n")
	require.NoError(t, err)
	assert.Equal(t, Stat{RequestRate: 42, Servers: []Server{
		{Backend: "rooms", Name: "shard-1", ID: 1, Status: Up, Sessions: 3, Heard: true, Errors: 3_000_000_002, Redispatches: 4},
		{Backend: "rooms", Name: "shard-2", ID: 7, Status: Maintenance},
		{Backend: "gate", Name: "node", ID: 1, Status: Up, Heard: true},
	}}, stat)
}

func TestStatisticsThatLackWhatIsNeededAreNoAnswer(t *testing.T) {
	for name, broken := range map[string]string{
		"nothing":                    "",
		"a header of nothing":        "# ",
		"no header":                  "rooms,shard-1\n",
		"no column of the id":        "# pxname,svname,scur,status,type,agent_status\nrooms,a,0,UP,2,L7OK\n",
		"an id that is none":         header + "rooms,shard-1,3,UP,one,2,,L7OK,,\n",
		"a row that ends early":      header + "rooms,shard-1,3,UP,1,2\n",
		"a quote that is not closed": header + "rooms,\"shard-1,3,UP,1,2,,L7OK,,\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseStat(broken)
			require.ErrorIs(t, err, ErrAnswer)
		})
	}
}

func TestEveryStatusOfAServerHasAMeaning(t *testing.T) {
	for text, want := range map[string]Status{
		"UP": Up, "UP 1/3": Up, "no check": Up, "DOWN": Down, "DOWN 1/2": Down, "DOWN (agent)": Down, "": Down,
		"DRAIN": Drain, "DRAIN (agent)": Drain, "NOLB": Drain, "MAINT": Maintenance, "MAINT (via rooms/a)": Maintenance,
		"MAINT (resolution)": Maintenance,
	} {
		assert.Equal(t, want, statusOf(text), text)
	}
	for text, want := range map[string]bool{
		"L7OK": true, "L7STS": true, "* L7OK": true, "": false, "INI": false, "L4CON": false, "L4TOUT": false, "L7RSP": false, "* L4CON": false,
	} {
		assert.Equal(t, want, heard(text), text)
	}
}

func TestTableIsFoundAmongTables(t *testing.T) {
	const answer = "# table: rates, type: ip, size:10, used:1\n# table: rooms, type: string, size:200000, used:3\n"
	table, err := ParseTables(answer, "rooms")
	require.NoError(t, err)
	assert.Equal(t, Table{Used: 3, Size: 200000}, table)
	for _, broken := range []string{"", "# table: rooms2, type: string, size:5, used:3", "# table: rooms, type: string, size:x, used:3", "# table: rooms, used:3"} {
		_, err := ParseTables(broken, "rooms")
		require.ErrorIs(t, err, ErrAnswer, broken)
	}
}

func TestEntryNamesItsServer(t *testing.T) {
	const answer = "# table: rooms, type: string, size:1000, used:3\n0x561928b91860: key=AB use=0 exp=575189 server_id=7 server_key=-\n"
	id, err := ParseEntry(answer, "AB")
	require.NoError(t, err)
	assert.Equal(t, 7, id)
	id, err = ParseEntry("", "AB")
	require.NoError(t, err)
	assert.Zero(t, id, "a key that is not there has no server")
	for _, broken := range []string{"No such table", strings.Replace(answer, "AB", "ABC", 1), strings.Replace(answer, "=7", "=x", 1), strings.Replace(answer, "server_id=7", "", 1)} {
		_, err := ParseEntry(broken, "AB")
		require.ErrorIs(t, err, ErrAnswer, broken)
	}
}

func TestOnlyWordsReachACommand(t *testing.T) {
	require.NoError(t, words("rooms", "AB01"))
	for _, hostile := range []string{"", "a b", "a;b", "a\nshutdown sessions", "é", strings.Repeat("a", 129)} {
		require.ErrorContains(t, words("rooms", hostile), "no word", hostile)
	}
}

func FuzzParsersNeitherFailNorInventAServer(f *testing.F) {
	f.Add(info)
	f.Add(peers("0x2213"))
	f.Add(header + "rooms,shard-1,3,UP,1,2,,L7OK,,\n")
	f.Add("# table: rooms, type: string, size:1000, used:3\n0x561928b91860: key=AB use=0 exp=575189 server_id=7 server_key=-\n")
	f.Fuzz(func(t *testing.T, answer string) {
		if p, err := ParseInfo(answer); err == nil && (p.PID < 0 || p.Uptime < 0 || p.Connections < 0) {
			t.Fatalf("a process with figures below zero: %+v", p)
		}
		if synced, err := ParsePeers(answer); synced && (err != nil || !strings.Contains(answer, " flags=")) {
			t.Fatal("synced without flags")
		}
		if stat, err := ParseStat(answer); err == nil {
			for _, s := range stat.Servers {
				if s.ID < 0 || s.Sessions < 0 {
					t.Fatalf("a server with figures below zero: %+v", s)
				}
			}
		}
		if table, err := ParseTables(answer, "rooms"); err == nil && (table.Size < 1 || table.Used < 0) {
			t.Fatalf("a table with figures below zero: %+v", table)
		}
		if id, err := ParseEntry(answer, "AB"); err == nil && (id < 0 || id > 0 && !strings.Contains(answer, "key=AB")) {
			t.Fatalf("the server %d of a key that is not there", id)
		}
	})
}

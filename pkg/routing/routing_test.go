package routing

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHAProxyAcceptsWhatRenderWrites(t *testing.T) {
	configuration, err := Render(example())
	require.NoError(t, err)
	accepted(t, configuration)
}

func TestNothingListensOnAllAddresses(t *testing.T) {
	c := example()
	configuration, err := Render(c)
	require.NoError(t, err)
	var binds int
	for line := range strings.Lines(configuration) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "bind" {
			binds++
			assert.True(t, strings.HasPrefix(fields[1], c.address().String()+":"), line)
		}
	}
	assert.Equal(t, 2, binds)
}

func TestServersHaveTheirShardsIdsAndNoWeights(t *testing.T) {
	configuration, err := Render(example())
	require.NoError(t, err)
	for _, s := range example().Shards {
		assert.Equal(t, 2, strings.Count(configuration, fmt.Sprintf("server %s %s:8000 id %d", s.Name, s.Host, s.ID)))
	}
	assert.NotContains(t, configuration, "weight")
}

func TestRenderRefusesWhatHAProxyWouldMisread(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"a slot that is not among the slots": func(c *Config) { c.Self = "slot-9" },
		"two slots of one name":              func(c *Config) { c.Slots[1].Name = "slot-1" },
		"a slot without an address":          func(c *Config) { c.Slots[1].Address = netip.Addr{} },
		"no shards":                          func(c *Config) { c.Shards = nil },
		"two shards of one id":               func(c *Config) { c.Shards[1].ID = 1 },
		"two shards of one name":             func(c *Config) { c.Shards[1].Name = "alpha" },
		"an id that HAProxy cannot hash":     func(c *Config) { c.Shards[0].ID = 5000 },
		"a name that ends the line":          func(c *Config) { c.Shards[0].Name = "a\n    bind *:80" },
		"a host with a comment sign":         func(c *Config) { c.Shards[0].Host = "a#b" },
		"a port that is none":                func(c *Config) { c.PeersPort = 70000 },
		"no resolver":                        func(c *Config) { c.Resolver = netip.AddrPort{} },
		"an empty table":                     func(c *Config) { c.TableSize = 0 },
		"a table that forgets at once":       func(c *Config) { c.TableExpiry = time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			c := example()
			change(&c)
			out, err := Render(c)
			assert.Error(t, err)
			assert.Empty(t, out)
		})
	}
}

func TestRenderNamesEveryProblemAtOnce(t *testing.T) {
	c := example()
	c.WebPort, c.Shards[2].ID = 0, -1
	_, err := Render(c)
	assert.ErrorContains(t, err, "web port 0")
	assert.ErrorContains(t, err, "id -1")
}

func served(r *http.Response) string { return r.Header.Get(ShardHeader) }

func TestARoomIsOnOneShardWhicheverSlotIsAsked(t *testing.T) {
	p := newPair(t)
	used := map[string]bool{}
	for i := range 150 {
		room := fmt.Sprintf("/http-bind?room=standup-%d", i)
		first, second := served(get(t, p.slots[i%2], room)), served(get(t, p.slots[1-i%2], room))
		require.Equal(t, first, second, room)
		used[first] = true
	}
	assert.Len(t, used, 3, "all shards have rooms")
}

func TestEveryRequestOfARoomFollowsItsSignalling(t *testing.T) {
	p := newPair(t)
	for i := range 20 {
		room := fmt.Sprintf("?room=Weekly%%20Call-%d", i)
		want := served(get(t, p.slots[0], "/http-bind"+room))
		for _, path := range []string{"/xmpp-websocket", "/config.js", "/_unlock", "/conference-request/v1"} {
			assert.Equal(t, want, served(get(t, p.slots[1], path+room)), path)
		}
		assert.Equal(t, want, served(get(t, p.slots[1], strings.ToLower("/http-bind"+room))), "case counts for nothing")
	}
}

func TestOnlySignallingTeachesTheTableWhereARoomIs(t *testing.T) {
	p := newPair(t)
	for _, path := range []string{"/acme/standup", "/acme/config.js?room=standup", "/acme/_unlock?room=standup", "/static/x.js?v=1", "/http-bind?room=",
		"/http-bindings?room=standup", "/acme/my-http-bind?room=standup", "/a/b/http-bind?room=standup", "/Http-Bind?room=standup"} {
		get(t, p.slots[0], path)
		assert.Equal(t, "0", p.remembered(t), path)
	}
	get(t, p.slots[0], "/acme/conference-request/v1?room=standup")
	get(t, p.slots[0], "/acme/http-bind?room=standup")
	assert.Equal(t, "1", p.remembered(t))
	for i, path := range []string{"/http-bind", "/http-bind/", "//xmpp-websocket", "/xmpp-websocket/x", "/conference-request/v1"} {
		get(t, p.slots[0], path+"?room=teaches-"+strconv.Itoa(i))
		assert.Equal(t, strconv.Itoa(i+2), p.remembered(t), path)
	}
}

func TestOnlyADeadShardsRoomsMove(t *testing.T) {
	p := newPair(t)
	before := map[string]string{}
	for i := range 60 {
		room := fmt.Sprintf("/xmpp-websocket?room=r%d", i)
		before[room] = served(get(t, p.slots[0], room))
	}
	p.shards["beta"].Close()
	require.Eventually(t, func() bool {
		for room, was := range before {
			if was == "beta" && served(get(t, p.slots[0], room)) == "beta" {
				return false
			}
		}
		return true
	}, 10*time.Second, 50*time.Millisecond)
	var moved int
	for room, was := range before {
		now := served(get(t, p.slots[0], room))
		if was == "beta" {
			moved++
			assert.Contains(t, []string{"alpha", "gamma"}, now)
			continue
		}
		assert.Equal(t, was, now, "%s was not on the dead shard", room)
	}
	assert.Positive(t, moved)
}

func TestOpeningAPageSaysWhichShardAnsweredAndForwardsTheClient(t *testing.T) {
	p := newPair(t)
	r := get(t, p.slots[0], "/acme/standup")
	assert.Contains(t, []string{"alpha", "beta", "gamma"}, served(r))
	assert.Len(t, r.Header.Values(ShardHeader), 1)
	assert.Equal(t, []string{"X-Jitsi-Release", ShardHeader}, r.Header.Values("Access-Control-Expose-Headers"), "what the shard exposes stays exposed")
	assert.Equal(t, "203.0.113.9", r.Header.Get("X-Client"))
}

func TestASlotWithoutAnyLivingShardAsksForNoClients(t *testing.T) {
	p := newPair(t)
	for _, s := range p.shards {
		s.Close()
	}
	assert.Eventually(t, func() bool {
		r, err := p.slots[0].Get("http://meet.test" + HealthPath)
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusServiceUnavailable
	}, 10*time.Second, 50*time.Millisecond)
}

func TestWhoForcesAShardDoesNotTakeTheRoomAlong(t *testing.T) {
	p := newPair(t)
	home := get(t, p.slots[0], "/http-bind?room=looked-at").Header.Get(ShardHeader)
	other := "alpha"
	if home == other {
		other = "beta"
	}
	r, err := http.NewRequest(http.MethodGet, "http://meet.test/http-bind?room=looked-at", http.NoBody)
	require.NoError(t, err)
	r.Header.Set("X-Jitsi-Force-Shard", other)
	answer, err := p.slots[0].Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, other, answer.Header.Get(ShardHeader))
	assert.Equal(t, home, get(t, p.slots[0], "/http-bind?room=looked-at").Header.Get(ShardHeader))
}

func TestASlotWhoseShardsAllDrainKeepsItsClients(t *testing.T) {
	p := newPair(t)
	home := get(t, p.slots[0], "/http-bind?room=long").Header.Get(ShardHeader)
	p.say.Store("up drain")
	room := 0
	require.Eventually(t, func() bool {
		room++
		r := get(t, p.slots[0], "/http-bind?room=new-"+strconv.Itoa(room))
		if r.StatusCode == http.StatusServiceUnavailable {
			assert.Equal(t, "<NOSRV>", served(r), "HAProxy's own answer says that no shard gave it")
			return true
		}
		return false
	}, 10*time.Second, 100*time.Millisecond, "no shard takes a new room")
	assert.Equal(t, http.StatusOK, get(t, p.slots[0], HealthPath).StatusCode)
	assert.Equal(t, home, get(t, p.slots[0], "/http-bind?room=long").Header.Get(ShardHeader), "a known room stays")
	assert.Equal(t, http.StatusOK, get(t, p.slots[0], "/long").StatusCode, "its page is still served")
}

func TestTheLogNamesNoRoom(t *testing.T) {
	configuration, err := Render(example())
	require.NoError(t, err)
	assert.NotContains(t, configuration, "httplog", "its lines have the address, and so the room")
	assert.Contains(t, configuration, "key=%[var(txn.key)]")
}

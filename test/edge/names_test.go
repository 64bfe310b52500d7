package edge

import (
	"bufio"
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
)

// raw sends a request's address as it is, whatever it holds. HAProxy may answer nothing at all, which is status 0.
func (n *node) raw(t require.TestingT, target string) answer {
	conn, err := dial(context.Background(), n.door())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(answerTime))
	_, _ = io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: meet.test\r\nConnection: close\r\n\r\n") // what is too long is refused while it is sent
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body) // the status is what counts
	return answer{shard: response.Header.Get(routing.ShardHeader), status: response.StatusCode, body: string(body)}
}

func TestEveryNameOfARoomLeadsToOneShardThroughEveryNode(t *testing.T) {
	t.Parallel()
	f := newStage(t, shape{nodes: 2})
	emoji, four := url.QueryEscape("Fête 🎉 à 8"), strings.Repeat("x", 4096)
	cases := map[string]struct{ path, query, tenant, room string }{
		"a room at the root":              {"/http-bind", "room=standup", "", "standup"},
		"a room of a tenant":              {"/acme/http-bind", "room=standup", "acme", "standup"},
		"upper case":                      {"/ACME/xmpp-websocket", "room=StandUp", "acme", "standup"},
		"an encoded percent sign":         {"/http-bind", "room=100%25", "", "100%25"},
		"a percent sign encoded twice":    {"/http-bind", "room=100%2520", "", "100 "},
		"a broken escape":                 {"/http-bind", "room=50%zz", "", "50%zz"},
		"emoji":                           {"/http-bind", "room=" + emoji, "", emoji},
		"a name of 4 kB":                  {"/http-bind", "room=" + four + "a", "", four + "a"},
		"another name of 4 kB":            {"/http-bind", "room=" + four + "b", "", four + "b"},
		"the first of two rooms":          {"/http-bind", "room=one&room=two", "", "one"},
		"the same room twice":             {"/http-bind", "room=one&room=one", "", "one"},
		"a parameter that ends like room": {"/http-bind", "classroom=x&room=y", "", "y"},
		"a semicolon ends the room":       {"/http-bind", "room=a;b", "", "a"},
		"a zero byte, encoded":            {"/http-bind", "room=a%00b", "", "a"},
		"a room that is a zero byte":      {"/http-bind", "room=%00", "", "%00"},
		"a line's end, encoded":           {"/http-bind", "room=a%0d%0aX-Evil:%201", "", "a\r\nX-Evil: 1"},
		"a slash, encoded":                {"/http-bind", "room=a%2fb", "", "a/b"},
		"a tenant with an encoded slash":  {"/a%2fb/http-bind", "room=r", "a/b", "r"},
		"a tenant of two dots":            {"/../http-bind", "room=r", "..", "r"},
		"a tenant of encoded dots":        {"/%2e%2e/http-bind", "room=r", "..", "r"},
		"a tenant with a semicolon":       {"/a;b/http-bind", "room=r", "a;b", "r"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			first, second := f.nodes[0].raw(t, c.path+"?"+c.query), f.nodes[1].raw(t, c.path+"?"+c.query)
			require.Equal(t, http.StatusOK, first.status)
			require.Equal(t, http.StatusOK, second.status)
			assert.Equal(t, first.shard, second.shard)
			assert.Equal(t, first.shard, first.body, "the shard that HAProxy names is the one that answered")
			key := routing.Key(c.tenant, c.room)
			for _, n := range f.nodes {
				await(t, 2*time.Second, n.name+" has pinned the key", func() bool { return n.where(key) == f.shard(first.shard).id })
			}
		})
	}
	figures.note("8. names", "spellings of rooms and tenants", "%d asked through both nodes: same shard, same key", len(cases))
	t.Run("any name", func(t *testing.T) { anyName(t, f) })
	t.Run("what is no room is served or refused and pins nothing", func(t *testing.T) { hostile(t, f) })
	for _, n := range f.nodes {
		require.True(t, n.serving())
	}
}

func anyName(t *testing.T, f *stage) {
	names := 0
	rapid.Check(t, func(t *rapid.T) {
		room := url.QueryEscape(rapid.StringN(1, 40, -1).Draw(t, "room"))
		tenant := url.PathEscape(rapid.StringMatching(`[A-Za-z0-9 %+?é.;-]{1,12}`).Draw(t, "tenant"))
		target := "/" + tenant + "/http-bind?room=" + room
		first, second := f.nodes[0].raw(t, target), f.nodes[1].raw(t, target)
		require.Equal(t, http.StatusOK, first.status)
		require.Equal(t, first.shard, second.shard)
		require.Equal(t, f.shard(first.shard).id, f.nodes[0].where(routing.Key(tenant, room)))
		names++
	})
	figures.note("8. names", "names made at random", "%d asked through both nodes: same shard, same key", names)
}

func hostile(t *testing.T, f *stage) {
	await(t, 5*time.Second, "both nodes know every room", func() bool { return f.nodes[0].rooms() == f.nodes[1].rooms() })
	before := f.nodes[0].rooms()
	paths := map[string]struct {
		target string
		status int
	}{
		"no room":                     {"/http-bind", http.StatusOK},
		"an empty room":               {"/http-bind?room=", http.StatusOK},
		"two slashes":                 {"//http-bind?room=", http.StatusOK},
		"dots":                        {"/../../etc/passwd", http.StatusOK},
		"a zero byte":                 {"/a\x00b", http.StatusBadRequest},
		"a line's end in the address": {"/a\rb", http.StatusBadRequest},
		"a blank in the address":      {"/a b", http.StatusBadRequest},
		"a very long address":         {"/http-bind?room=" + strings.Repeat("y", 20_000), http.StatusBadRequest},
		"a very long path":            {"/" + strings.Repeat("y/", 10_000), http.StatusBadRequest},
		"emoji as they are":           {"/http-bind?room=🎉", http.StatusBadRequest},
		"no path":                     {"?room=x", http.StatusBadRequest},
		"an address of another host":  {"http://elsewhere.test/static/x", http.StatusBadRequest},
	}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		c := paths[name]
		first, second := f.nodes[0].raw(t, c.target), f.nodes[1].raw(t, c.target)
		assert.Equal(t, c.status, first.status, name)
		assert.Equal(t, first.status, second.status, name)
		require.Equal(t, before, f.nodes[0].rooms(), "%s pins nothing", name)
	}
	figures.note("8. names", "hostile addresses", "%d, through both nodes: same status, nothing pinned", len(paths))
}

package routing

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSpellingsOfOneRoomHaveOneKey(t *testing.T) {
	for name, pair := range map[string][2][2]string{
		"in capitals":          {{"", "Standup"}, {"", "sTANDUP"}},
		"encoded":              {{"", "daily%20call"}, {"", "daily call"}},
		"encoded twice":        {{"", "daily%2520call"}, {"", "daily call"}},
		"a tenant in capitals": {{"ACME", "r"}, {"acme", "r"}},
		"an encoded tenant":    {{"ac%6De", "r"}, {"acme", "r"}},
		"capitals that encode": {{"", "%41b"}, {"", "aB"}},
		"small digits in hex":  {{"", "%c3%a9"}, {"", "%C3%A9"}},
		"the root, said twice": {{"", "r"}, {"", "R"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, Key(pair[0][0], pair[0][1]), Key(pair[1][0], pair[1][1]))
		})
	}
}

func TestRoomsThatDifferHaveDifferentKeys(t *testing.T) {
	assert.NotEqual(t, Key("", "a"), Key("", "b"))
	assert.NotEqual(t, Key("t", "a"), Key("", "a"))
	assert.NotEqual(t, Key("t", "a"), Key("u", "a"))
	long := strings.Repeat("x", 6000)
	assert.NotEqual(t, Key("", long+"1"), Key("", long+"2"))
}

func TestAKeyFitsTheTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := Key(rapid.String().Draw(t, "tenant"), rapid.String().Draw(t, "room"))
		assert.Regexp(t, `^[0-9A-F]{40}$`, key)
	})
}

// keyServer is HAProxy with the very rules of the configuration, answering with the key that it computed.
func keyServer(t *testing.T) string {
	t.Helper()
	address := "127.16.128.11"
	port := freePort(t, address)
	slot := net.JoinHostPort(address, strconv.Itoa(port))
	start(t, "defaults\n    mode http\n    timeout client 5s\n    timeout server 5s\n    timeout connect 5s\n"+
		"frontend keys\n    bind "+slot+"\n"+roomRules+"\n    use_backend known if has_room\n    default_backend unknown\n"+
		"backend known\n"+keyRules+"\n    http-request return status 200 hdr X-Key %[var(txn.key)]\n"+
		"backend unknown\n    http-request return status 404\n")
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", slot)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, 10*time.Second, 20*time.Millisecond)
	return slot
}

// keyOf asks HAProxy for the key of an address; empty when the address belongs to no room.
func keyOf(t require.TestingT, slot, path, query string) string {
	request := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: slot, Opaque: path + "?" + query}}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.Header.Get("X-Key")
}

func TestHAProxyComputesTheSameKey(t *testing.T) {
	slot := keyServer(t)
	for name, c := range map[string]struct{ path, query, tenant, room string }{
		"a room at the root":             {"/http-bind", "room=standup", "", "standup"},
		"a room of a tenant":             {"/acme/http-bind", "room=standup", "acme", "standup"},
		"capitals":                       {"/ACME/xmpp-websocket", "room=StandUp", "ACME", "StandUp"},
		"an encoded room":                {"/http-bind", "room=daily%20call", "", "daily%20call"},
		"a room encoded twice":           {"/http-bind", "room=daily%2520call", "", "daily%2520call"},
		"a plus sign":                    {"/http-bind", "room=a+b", "", "a+b"},
		"a plus sign behind a question":  {"/http-bind", "room=a%3Fb%2Bc+d", "", "a%3Fb%2Bc+d"},
		"a percent sign alone":           {"/http-bind", "room=100%25", "", "100%25"},
		"a broken escape":                {"/http-bind", "room=50%zz", "", "50%zz"},
		"an escape that is broken later": {"/http-bind", "room=a%2520b%25g", "", "a%2520b%25g"},
		"letters beyond ASCII":           {"/http-bind", "room=%C3%84rzte", "", "%C3%84rzte"},
		"the first of two rooms":         {"/http-bind", "room=one&room=two", "", "one"},
		"other parameters around":        {"/acme/config.js", "v=1&room=x&t=2", "acme", "x"},
		"a conference request":           {"/acme/conference-request/v1", "room=x", "acme", "x"},
		"an unlock":                      {"/acme/_unlock", "room=x", "acme", "x"},
		"an encoded tenant":              {"/ac%6De/http-bind", "room=x", "ac%6De", "x"},
		"a tenant encoded twice":         {"/ac%256De/http-bind", "room=x", "ac%256De", "x"},
		"a tenant with a broken escape":  {"/50%zz/http-bind", "room=x", "50%zz", "x"},
		"a tenant that is broken later":  {"/A%2520b%25g/http-bind", "room=x", "A%2520b%25g", "x"},
		"a page, which has no tenant":    {"/acme/x", "room=x", "", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, Key(c.tenant, c.room), keyOf(t, slot, c.path, c.query))
		})
	}
	for name, query := range map[string]string{"an empty room": "room=", "no room": "v=1"} {
		t.Run(name+" is no room", func(t *testing.T) {
			assert.Empty(t, keyOf(t, slot, "/http-bind", query))
		})
	}
}

func TestHAProxyComputesTheSameKeyForAnyName(t *testing.T) {
	slot := keyServer(t)
	rapid.Check(t, func(t *rapid.T) {
		room := url.QueryEscape(rapid.StringN(1, 20, -1).Draw(t, "room"))
		if rapid.Bool().Draw(t, "escaped twice") {
			room = url.QueryEscape(room)
		}
		tenant := url.PathEscape(rapid.StringMatching(`[A-Za-z0-9 %+?é-]{1,10}`).Draw(t, "tenant"))
		assert.Equal(t, Key(tenant, room), keyOf(t, slot, "/"+tenant+"/http-bind", "room="+room))
	})
}

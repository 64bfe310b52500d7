package agent

import (
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var secret = []byte("a secret of the fleet, 32 bytes.")

func signedRequest(t testing.TB, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/drain", strings.NewReader(body))
	sign(r, secret, []byte(body), noon)
	return r
}

func TestSignatureIsTheDocumentedOne(t *testing.T) {
	// printf 'POST\n/drain\n1789387200\n%s' "$(printf '{"fence":1}' | sha256sum | cut -d' ' -f1)" |
	//   openssl dgst -sha256 -hmac 'a secret of the fleet, 32 bytes.'
	assert.Equal(t, "JitsiFleet t=1789387200,s=bc99cc4382781c7c23fee1d85b7fbc0ec60e0ed2110f2526300b96b4f7dc4ddc",
		signedRequest(t, `{"fence":1}`).Header.Get("Authorization"))
}

func TestWhatIsSignedCannotBeChanged(t *testing.T) {
	const body = `{"fence":1}`
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		secret []byte
		body   string
		now    time.Time
		ok     bool
	}{
		{name: "nothing changed", ok: true},
		{name: "another method", change: func(r *http.Request) { r.Method = http.MethodPut }},
		{name: "another verb", change: func(r *http.Request) { r.URL.Path = "/retire" }},
		{name: "a query added", change: func(r *http.Request) { r.URL.RawQuery = "force=1" }},
		{name: "another body", body: `{"fence":2}`},
		{name: "another secret", secret: []byte("a secret of the fleet, 32 bytes!")},
		{name: "no authorization", change: func(r *http.Request) { r.Header.Del("Authorization") }},
		{name: "another time in the header", change: func(r *http.Request) {
			later := strconv.FormatInt(noon.Unix()+1, 10)
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), strconv.FormatInt(noon.Unix(), 10), later, 1))
		}},
		{name: "two minutes late", now: noon.Add(2 * time.Minute), ok: true},
		{name: "two minutes early", now: noon.Add(-2 * time.Minute), ok: true},
		{name: "more than two minutes late", now: noon.Add(121 * time.Second)},
		{name: "more than two minutes early", now: noon.Add(-121 * time.Second)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, key, sent, now := signedRequest(t, body), secret, body, noon
			if c.change != nil {
				c.change(r)
			}
			if c.secret != nil {
				key = c.secret
			}
			if c.body != "" {
				sent = c.body
			}
			if !c.now.IsZero() {
				now = c.now
			}
			err := verify(r, key, []byte(sent), now)
			if c.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, errUnsigned)
		})
	}
}

func TestSignedTimeThatIsNoNumberIsRefused(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/status", http.NoBody)
	for _, unix := range []string{"", "x", "1e9", "99999999999999999999"} {
		mac := signature(secret, http.MethodGet, "/status", unix, nil)
		r.Header.Set("Authorization", scheme+"t="+unix+",s="+hex.EncodeToString(mac))
		require.ErrorIs(t, verify(r, secret, nil, noon), errUnsigned, unix)
	}
}

// FuzzVerify holds that no header passes that was not made with the secret.
func FuzzVerify(f *testing.F) {
	good := signedRequest(f, "{}").Header.Get("Authorization")
	f.Add(good)
	f.Add("")
	f.Add("JitsiFleet t=,s=")
	f.Add("Bearer " + good)
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodPost, "/drain", http.NoBody)
		r.Header.Set("Authorization", header)
		same := strings.EqualFold(header[max(0, len(header)-64):], good[len(good)-64:])
		if err := verify(r, secret, []byte("{}"), noon); err == nil && !same {
			t.Errorf("%q was accepted", header)
		}
	})
}

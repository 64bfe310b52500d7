package agent

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// scheme is the word before the parameters in the Authorization header:
//
//	Authorization: JitsiFleet t=<unix seconds>,s=<hex>
//
// where s is HMAC-SHA256 with the fleet secret over method, request target, t and the hexadecimal SHA-256 of the
// body, joined by newlines.
const scheme = "JitsiFleet "

// window is how far the caller's clock may be from the agent's, in both directions. A request that was overheard can
// be repeated for that long; the verbs are idempotent and fenced, so that a repeat cannot undo a newer order.
const window = 120 * time.Second

// errUnsigned is every reason to answer 401. The answer does not say which; the log does.
var errUnsigned = errors.New("not signed with the fleet secret")

func signature(secret []byte, method, target, unix string, body []byte) []byte {
	digest := sha256.Sum256(body)
	mac := hmac.New(sha256.New, secret)
	// hash.Hash never returns an error.
	_, _ = mac.Write([]byte(method + "\n" + target + "\n" + unix + "\n" + hex.EncodeToString(digest[:])))
	return mac.Sum(nil)
}

// sign adds the Authorization header to a request with the given body.
func sign(r *http.Request, secret, body []byte, now time.Time) {
	unix := strconv.FormatInt(now.Unix(), 10)
	mac := signature(secret, r.Method, r.URL.RequestURI(), unix, body)
	r.Header.Set("Authorization", scheme+"t="+unix+",s="+hex.EncodeToString(mac))
}

// verify checks the Authorization header of a request whose body was read already.
func verify(r *http.Request, secret, body []byte, now time.Time) error {
	unix, mac, err := credentials(r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	if !hmac.Equal(mac, signature(secret, r.Method, r.URL.RequestURI(), unix, body)) {
		return fmt.Errorf("%w: the signature is another", errUnsigned)
	}
	seconds, err := strconv.ParseInt(unix, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: t is no number", errUnsigned)
	}
	if apart := now.Sub(time.Unix(seconds, 0)); apart > window || apart < -window {
		return fmt.Errorf("%w: signed %s from this node's time", errUnsigned, apart.Round(time.Second))
	}
	return nil
}

// credentials takes an Authorization header apart.
func credentials(header string) (unix string, mac []byte, err error) {
	rest, ok := strings.CutPrefix(header, scheme)
	if !ok {
		return "", nil, fmt.Errorf("%w: no JitsiFleet authorization", errUnsigned)
	}
	t, s, ok := strings.Cut(rest, ",")
	unix, hasTime := strings.CutPrefix(t, "t=")
	text, hasMAC := strings.CutPrefix(s, "s=")
	if !ok || !hasTime || !hasMAC {
		return "", nil, fmt.Errorf("%w: the authorization is not t=...,s=...", errUnsigned)
	}
	mac, err = hex.DecodeString(text)
	if err != nil || len(mac) != sha256.Size {
		return "", nil, fmt.Errorf("%w: s is no hexadecimal SHA-256", errUnsigned)
	}
	return unix, mac, nil
}

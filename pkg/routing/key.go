package routing

import (
	"crypto/sha1" //nolint:gosec // Key says why
	"encoding/hex"
	"strings"
)

// KeyLength is the number of digits of a key.
const KeyLength = 2 * sha1.Size

// roomRules are the frontend rules that tell requests with a room, which has_room holds for, from all others.
const roomRules = `    acl has_room url_param(room) -m len gt 0`

// keyRules are the backend rules that set txn.key to what Key computes, for requests that has_room held for. A room or
// tenant is decoded twice, because clients encode what an address bar has already encoded. What cannot be decoded is
// taken as it stands, so that a malformed name is still one room on one shard: url_dec fails on it, and a variable
// keeps what it held, if anything. A rule whose variable is not set costs less than a condition.
const keyRules = `    acl tenanted path,field(3,/) -m str http-bind xmpp-websocket conference-request config.js _unlock
    acl has_key var(txn.key) -m found
    http-request set-var(txn.tenant) path,field(2,/) if tenanted
    http-request set-var(txn.tenant) var(txn.tenant),url_dec
    http-request set-var(txn.tenant) var(txn.tenant),url_dec
    http-request set-var(txn.key) url_param(room),url_dec,url_dec,concat(/,txn.tenant),lower,sha1,hex
    http-request set-var(txn.key) url_param(room),url_dec,concat(/,txn.tenant),lower,sha1,hex if !has_key
    http-request set-var(txn.key) url_param(room),concat(/,txn.tenant),lower,sha1,hex if !has_key`

// Key is the room's key in the stick table: capital hexadecimal digits, the digest of the room and the tenant as they
// stand in the address, decoded twice and in lower case. Two spellings of one room give one key. An empty tenant is
// the fleet's root.
//
// The digest is SHA-1: HAProxy has it built in, while its SHA-256 is OpenSSL's and costs more. What is known against
// SHA-1 is harmless here. To make two rooms of one's own collide puts both on one shard, where either could be anyway;
// to collide with somebody else's room needs a second preimage, which nobody can find.
func Key(tenant, room string) string {
	sum := sha1.Sum([]byte(normal(room) + "/" + normal(tenant))) //nolint:gosec // see above: no security depends on it
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func normal(name string) string {
	return lower(decoded(decoded(name)))
}

// decoded undoes percent-encoding as HAProxy's url_dec does: a plus sign is a space only after a question mark, a
// name with a broken escape stays as it is, and a name ends at a zero byte.
func decoded(name string) string {
	out := make([]byte, 0, len(name))
	query := false
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == 0:
			return string(out)
		case c == '?':
			query = true
			out = append(out, c)
		case c == '+' && query:
			out = append(out, ' ')
		case c == '%':
			if i+2 >= len(name) {
				return name
			}
			b, err := hex.DecodeString(name[i+1 : i+3])
			if err != nil {
				return name
			}
			out = append(out, b[0])
			i += 2
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// lower is HAProxy's lower: ASCII letters only, whatever the bytes around them mean.
func lower(name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

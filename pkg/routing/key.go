package routing

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// keyRules are the frontend rules that set txn.key to what Key computes. A room or tenant is decoded twice, because
// clients encode what an address bar has already encoded. What cannot be decoded is taken as it stands, so that a
// malformed name is still one room on one shard.
const keyRules = `    http-request set-var(txn.room) url_param(room)
    http-request set-var(txn.room) var(txn.room),url_dec if { var(txn.room),url_dec -m found }
    http-request set-var(txn.room) var(txn.room),url_dec if { var(txn.room),url_dec -m found }
    http-request set-var(txn.room) var(txn.room),lower
    http-request set-var(txn.tenant) str()
    http-request set-var(txn.tenant) path,field(2,/) if { path_reg ^/[^/]+/(http-bind|xmpp-websocket|conference-request|config\.js|_unlock)(/|$) }
    http-request set-var(txn.tenant) var(txn.tenant),url_dec if { var(txn.tenant),url_dec -m found }
    http-request set-var(txn.tenant) var(txn.tenant),url_dec if { var(txn.tenant),url_dec -m found }
    http-request set-var(txn.tenant) var(txn.tenant),lower
    http-request set-var(txn.key) var(txn.tenant),concat(/,txn.room),sha2(256),hex
    acl has_room var(txn.room),length gt 0
`

// Key is the room's key in the stick table: 64 capital hexadecimal digits, the digest of the tenant and the room as
// they stand in the address, decoded twice and in lower case. Two spellings of one room give one key. An empty
// tenant is the fleet's root.
func Key(tenant, room string) string {
	sum := sha256.Sum256([]byte(normal(tenant) + "/" + normal(room)))
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

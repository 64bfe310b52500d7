package visit

import (
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The vectors are written out by hand from the tables of the specification, section 2.2: 12 bytes of signature,
// version and command, family and protocol, length, then both addresses and both ports in network byte order.
// https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt
func TestTheHeaderIsThatOfTheSpecification(t *testing.T) {
	const signed = "0d0a0d0a000d0a515549540a" + "21" + "11" + "000c"
	for name, c := range map[string]struct{ client, balancer, want string }{
		"a client of a documentation address":     {"203.0.113.7:40000", "127.16.0.4:8080", signed + "cb007107" + "7f100004" + "9c40" + "1f90"},
		"the highest addresses and ports":         {"255.255.255.255:65535", "255.255.255.254:1", signed + "ffffffff" + "fffffffe" + "ffff" + "0001"},
		"the client comes before the balancer":    {"1.2.3.4:258", "5.6.7.8:772", signed + "01020304" + "05060708" + "0102" + "0304"},
		"an IPv4 address that is written as IPv6": {"[::ffff:1.2.3.4]:258", "5.6.7.8:772", signed + "01020304" + "05060708" + "0102" + "0304"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, hex.EncodeToString(header(netip.MustParseAddrPort(c.client), netip.MustParseAddrPort(c.balancer))))
		})
	}
}

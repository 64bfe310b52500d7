package main

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
)

// Contender is one way to configure HAProxy.
type Contender string

// The contenders, ours first.
const (
	Ours  Contender = "ours"
	Usual Contender = "stick on url_param(room)"
	Plain Contender = "round-robin"
)

var contenders = []Contender{Ours, Usual, Plain}

// Where everything listens: loopback addresses that the sandbox and the tests do not use.
const (
	clientPort = 8080
	statsPort  = 8404
	peersPort  = 10000
	webPort    = 8000
	checkPort  = 7071
)

// shards are the four that rooms can live on. Their hosts are addresses, since there is no resolver.
var shards = []routing.Shard{
	{Name: "shard-1", ID: 1, Host: "127.29.1.1"},
	{Name: "shard-2", ID: 2, Host: "127.29.1.2"},
	{Name: "shard-3", ID: 3, Host: "127.29.1.3"},
	{Name: "shard-4", ID: 4, Host: "127.29.1.4"},
}

var names = []string{"slot-1", "slot-2"}

// Setting is what is varied in a configuration beside the contender.
type Setting struct {
	// Contender decides how requests are routed.
	Contender Contender
	// Index tells the contenders' addresses apart, so that all can run at once; from 0.
	Index int
	// Self is the slot that is configured, an index of names.
	Self int
	// Threads of HAProxy.
	Threads int
	// Table is how many rooms the table holds.
	Table int
}

// Address is where a setting's HAProxy listens.
func (s Setting) Address() netip.Addr {
	return netip.AddrFrom4([4]byte{127, 29, byte(10 + s.Index), byte(1 + s.Self)})
}

// render is the text of haproxy.cfg. What is common to all contenders is taken from ours: the global part, the
// timeouts, the log, the peers, the frontend's bound on connections and its headers, the servers with their checks.
// The PROXY protocol is left out of all of them, since wrk does not speak it.
func (s Setting) render() (string, error) {
	c := routing.Config{
		Self: names[s.Self], Shards: shards, Resolver: netip.MustParseAddrPort("127.29.0.1:53"),
		ClientPort: clientPort, StatsPort: statsPort, PeersPort: peersPort, WebPort: webPort, CheckPort: checkPort,
		TableSize: s.Table, TableExpiry: time.Hour, Inside: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		ConnectionRate: 1_000_000,
	}
	for i, name := range names {
		other := s
		other.Self = i
		c.Slots = append(c.Slots, routing.Slot{Name: name, Address: other.Address()})
	}
	text, err := routing.Render(c)
	if err != nil {
		return "", err
	}
	text = strings.Replace(text, " accept-proxy", "", 1)
	text = strings.Replace(text, "global\n", fmt.Sprintf("global\n    nbthread %d\n", s.Threads), 1)
	switch s.Contender {
	case Usual:
		return rival(text, fmt.Sprintf("    stick-table type string len 128 size %d expire 1h peers slots\n    stick on url_param(room)\n", s.Table))
	case Plain:
		return rival(text, "")
	case Ours:
	}
	return text, nil
}

// kept are the lines that a rival has, too.
var kept = regexp.MustCompile(`^ *(bind|tcp-request|option|default-server|server |http-request set-header X-Forwarded)`)

// rival replaces our routing: every request goes to one backend of the same servers, round-robin, with the rules
// that stick.
func rival(ours, stick string) (string, error) {
	common, _, found := strings.Cut(ours, "\nfrontend clients\n")
	front, back, sources := section(ours, "frontend clients"), section(ours, "backend rooms"), section(ours, "backend sources")
	if !found || front == "" || back == "" || sources == "" {
		return "", errors.New("no rival of our configuration: a section of it is not found")
	}
	return common + "\nfrontend clients\n" + keep(front) + "    default_backend rooms\n\nbackend sources\n" + sources +
		"\nbackend rooms\n    balance roundrobin\n" + stick + keep(back), nil
}

// section is the text of a named section of a configuration, up to the next line that is not indented.
func section(configuration, name string) string {
	_, rest, _ := strings.Cut(configuration, "\n"+name+"\n")
	var out strings.Builder
	for line := range strings.Lines(rest) {
		if line != "\n" && !strings.HasPrefix(line, " ") {
			break
		}
		out.WriteString(line)
	}
	return out.String()
}

func keep(section string) string {
	var out strings.Builder
	for line := range strings.Lines(section) {
		if kept.MatchString(line) {
			out.WriteString(line)
		}
	}
	return out.String()
}

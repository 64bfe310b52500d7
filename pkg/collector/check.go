package collector

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// checker collects what is wrong with a configuration.
type checker struct{ problems settings.Invalid }

// refuse adds a problem; value is what stands there, nil when nothing does.
func (c *checker) refuse(path string, value any, mend string) {
	text := ""
	if value != nil && value != "" {
		raw, err := json.Marshal(value)
		if err != nil {
			raw = fmt.Append(nil, value)
		}
		text = string(raw)
	}
	c.problems = append(c.problems, settings.Problem{Path: "config." + path, Value: text, Mend: mend})
}

// name is what fleets, shards and nodes are called: it stands in ids and in dashboards' legends.
var name = regexp.MustCompile(`^[\w.@:\[\]/-]{1,128}$`)

func (c Config) check() settings.Invalid {
	var p checker
	if !name.MatchString(c.Fleet) {
		p.refuse("fleet", c.Fleet, "name the installation with letters, digits, dots and dashes")
	}
	c.checkTimes(&p)
	if c.BridgeTarget <= 0 || c.BridgeTarget > 1 {
		p.refuse("bridgeTarget", c.BridgeTarget, "write a stress above 0 and up to 1, such as 0.6")
	}
	if c.BridgeSpare < 0 {
		p.refuse("bridgeSpare", c.BridgeSpare, "write a number of bridges, 0 or more")
	}
	if len(c.Agents.Addresses)+len(c.Components) == 0 {
		p.refuse("components", nil, "name at least one component, or one node agent in agents.addresses")
	}
	c.Agents.check(&p)
	seen := map[string]int{}
	for i, component := range c.Components {
		path := fmt.Sprintf("components[%d]", i)
		component.check(&p, path)
		if first, twice := seen[component.Name]; twice {
			p.refuse(path+".name", component.Name, fmt.Sprintf("components[%d] has this name already; give each its own", first))
		}
		seen[component.Name] = i
	}
	c.Sink.check(&p)
	if !filepath.IsAbs(c.Spill.Folder) {
		p.refuse("spill.folder", c.Spill.Folder, "write an absolute path")
	}
	if c.Spill.MaxBytes < 1<<20 {
		p.refuse("spill.maxBytes", c.Spill.MaxBytes, "write at least 1048576 (1 MiB)")
	}
	return p.problems
}

func (c Config) checkTimes(p *checker) {
	const shortest = 5 * time.Second
	interval := time.Duration(c.Interval)
	if interval < shortest || interval > time.Hour {
		p.refuse("interval", c.Interval, `write "5s" to "1h"`)
	}
	if timeout := time.Duration(c.Timeout); interval >= shortest && (timeout < 100*time.Millisecond || timeout > interval/2) {
		p.refuse("timeout", c.Timeout, `write at least "100ms" and at most half the interval`)
	}
	if time.Duration(c.StaleAfter) <= 0 {
		p.refuse("staleAfter", c.StaleAfter, `write a time above zero, such as "30s"`)
	}
}

func (a Agents) check(p *checker) {
	for i, text := range a.Addresses {
		path := fmt.Sprintf("agents.addresses[%d]", i)
		address, err := netip.ParseAddr(text)
		switch {
		case err != nil || !address.IsValid():
			p.refuse(path, text, `write an IP address without a port, such as "10.0.0.5"`)
		case slices.Contains(a.Addresses[:i], text):
			p.refuse(path, text, "the address stands twice; remove one of the two")
		}
	}
	if a.Port < 1 || a.Port > 65535 {
		p.refuse("agents.port", a.Port, "write a port, 1 to 65535")
	}
	if len(a.Addresses) > 0 && a.SecretFile == "" {
		p.refuse("agents.secretFile", nil, "name the file that holds the fleet secret")
	}
}

func (c Component) check(p *checker, path string) {
	if !slices.Contains(kinds, c.Kind) {
		p.refuse(path+".kind", string(c.Kind), "write jvb, jicofo, prosody, jibri or haproxy")
		return
	}
	if !name.MatchString(c.Name) {
		p.refuse(path+".name", c.Name, "name the node with letters, digits, dots and dashes")
	}
	c.checkPlace(p, path)
	sharded := c.Kind == KindJVB || c.Kind == KindJicofo || c.Kind == KindProsody
	switch {
	case sharded && !name.MatchString(c.Shard):
		p.refuse(path+".shard", c.Shard, "name the shard that it belongs to; an installation that has one may call it shard-1")
	case !sharded && c.Shard != "":
		p.refuse(path+".shard", c.Shard, "remove it: a "+string(c.Kind)+" serves all shards")
	}
	if (c.VirtualHost == "") == (c.Kind == KindProsody) {
		p.refuse(path+".virtualHost", c.VirtualHost, "write the meetings' own domain for a prosody, and for nothing else")
	}
	if c.Backend != "" && c.Kind != KindHAProxy {
		p.refuse(path+".backend", c.Backend, "remove it: only a haproxy has one")
	}
}

func (c Component) checkPlace(p *checker, path string) {
	switch {
	case c.Socket != "" && c.Kind != KindHAProxy:
		p.refuse(path+".socket", c.Socket, "remove it and write url: only a haproxy can be asked over a socket")
	case c.Socket != "" && c.URL != "":
		p.refuse(path+".socket", c.Socket, "write either socket or url")
	case c.Socket != "":
		if !filepath.IsAbs(c.Socket) {
			p.refuse(path+".socket", c.Socket, "write an absolute path")
		}
	default:
		checkURL(p, path+".url", c.URL)
	}
}

// place is where a component is asked, for its name.
func (c Component) place() string {
	if c.Socket != "" {
		return c.Socket
	}
	if at, err := url.Parse(c.URL); err == nil {
		return at.Host
	}
	return ""
}

// stream is what both servers take for a data stream's name.
var stream = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,199}$`)

func (s SinkConfig) check(p *checker) {
	if len(s.URLs) == 0 {
		p.refuse("sink.urls", nil, `name the cluster's nodes, such as ["https://search.example.org:9200"]`)
	}
	encrypted := len(s.URLs) > 0
	for i, text := range s.URLs {
		checkURL(p, fmt.Sprintf("sink.urls[%d]", i), text)
		encrypted = encrypted && strings.HasPrefix(text, "https://")
		if s.User+s.APIKeyFile != "" && exposed(text) {
			p.refuse(fmt.Sprintf("sink.urls[%d]", i), text, "write https://: over http:// everybody on the way reads the password or the key")
		}
	}
	if (s.User == "") != (s.PasswordFile == "") {
		p.refuse("sink.passwordFile", s.PasswordFile, "write both user and passwordFile, or neither")
	}
	if s.User != "" && s.APIKeyFile != "" {
		p.refuse("sink.apiKeyFile", s.APIKeyFile, "write either user and passwordFile, or apiKeyFile")
	}
	if s.CAFile != "" && !encrypted {
		p.refuse("sink.caFile", s.CAFile, "remove it, or write https:// in every url")
	}
	if !stream.MatchString(s.DataStream) {
		p.refuse("sink.dataStream", s.DataStream, "write lower-case letters, digits, dots, dashes and underscores")
	}
}

// exposed reports whether what is sent to an address goes over a network as it is.
func exposed(text string) bool {
	at, err := url.Parse(text)
	if err != nil || at.Scheme != "http" {
		return false
	}
	address, err := netip.ParseAddr(at.Hostname())
	return at.Hostname() != "localhost" && (err != nil || !address.IsLoopback())
}

func checkURL(p *checker, path, text string) {
	at, err := url.Parse(text)
	switch {
	case err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Hostname() == "":
		p.refuse(path, text, `write an address with http:// or https://, such as "http://10.0.0.5:8080"`)
	case at.User != nil:
		p.refuse(path, at.Redacted(), "remove the user and the password from the address; secrets are read from files")
	}
}

package collector

import (
	"bytes"
	"crypto/x509"
	"net/netip"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/agent"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/elastic"
)

// Loaded is what stands in the files that a configuration names, and what to do with it.
type Loaded struct {
	Access elastic.Access
	config Config
	secret []byte
}

// Load reads the files that a valid configuration names. The error is settings.Invalid, and repeats nothing of what
// stands in them.
func (c Config) Load(read func(path string) ([]byte, error)) (Loaded, error) {
	loaded := Loaded{config: c, Access: elastic.Access{URLs: c.Sink.URLs, User: c.Sink.User}}
	var p checker
	text := func(path, file string) string {
		if file == "" {
			return ""
		}
		raw, err := read(file)
		secret := string(bytes.TrimSpace(raw))
		switch {
		case err != nil:
			p.refuse(path, file, "make the file readable: "+err.Error())
		case secret == "":
			p.refuse(path, file, "write something into the file: it is empty")
		}
		return secret
	}
	line := func(path, file string) string {
		secret := text(path, file)
		if strings.ContainsAny(secret, "\r\n") {
			p.refuse(path, file, "write one line into the file: it has several")
		}
		return secret
	}
	loaded.secret = []byte(line("agents.secretFile", c.Agents.SecretFile))
	loaded.Access.Password = line("sink.passwordFile", c.Sink.PasswordFile)
	loaded.Access.APIKey = line("sink.apiKeyFile", c.Sink.APIKeyFile)
	if c.Sink.CAFile != "" {
		loaded.Access.CA = []byte(text("sink.caFile", c.Sink.CAFile))
		if len(loaded.Access.CA) > 0 && !x509.NewCertPool().AppendCertsFromPEM(loaded.Access.CA) {
			p.refuse("sink.caFile", c.Sink.CAFile, "write PEM certificates into the file: it has none")
		}
	}
	if len(p.problems) > 0 {
		return Loaded{}, p.problems
	}
	return loaded, nil
}

// Targets are the nodes of the configuration: agents first, in the order in which they stand there.
func (l Loaded) Targets(clock func() time.Time) []Target {
	var targets []Target
	client := agent.NewClient(l.secret, l.config.Agents.Port, clock)
	for _, text := range l.config.Agents.Addresses {
		targets = append(targets, NewAgent(client, netip.MustParseAddr(text)))
	}
	for _, component := range l.config.Components {
		targets = append(targets, NewComponent(component, time.Duration(l.config.Timeout)))
	}
	return targets
}

// Stream is the data stream of the configuration.
func (c Config) Stream() elastic.Stream {
	return elastic.Stream{Name: c.Sink.DataStream, Fields: Fields(), Manage: c.Sink.Manage}
}

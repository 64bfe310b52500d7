package collector

import (
	"fmt"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// Config is the collector's configuration file, a JSON object.
type Config struct {
	// Fleet names the installation in every document. Required.
	Fleet string `json:"fleet"`
	// Interval is the time between two rounds, 5s to 1h. Default 1m.
	Interval settings.Duration `json:"interval"`
	// Timeout bounds the question to one node, 100ms to half the interval. Default 5s, or half the interval if less.
	Timeout settings.Duration `json:"timeout"`
	// StaleAfter is the age from which a node agent's figures count as silence. Default 30s.
	StaleAfter settings.Duration `json:"staleAfter"`
	// BridgeTarget and BridgeSpare are what missing room is computed against: the stress that a bridge is filled to, and
	// how many bridges' worth of room should be free. Defaults 0.6 and 1.
	BridgeTarget float64     `json:"bridgeTarget"`
	BridgeSpare  float64     `json:"bridgeSpare"`
	Agents       Agents      `json:"agents"`
	Components   []Component `json:"components"`
	Sink         SinkConfig  `json:"sink"`
	Spill        SpillConfig `json:"spill"`
}

// Agents are node agents of jitsi-fleet, which tell by themselves what they are.
type Agents struct {
	Addresses []string `json:"addresses"` // IP addresses
	Port      int      `json:"port"`      // default 7070
	// SecretFile holds the fleet secret, which signs the questions.
	SecretFile string `json:"secretFile"`
}

// Component is one process of a plain Jitsi installation.
type Component struct {
	Kind Kind `json:"kind"`
	// Name is the node's name in documents, unique. Default: the kind and the host, such as "jvb@10.0.0.5:8080".
	Name string `json:"name"`
	// Shard is the shard that a jvb, a jicofo or a prosody belongs to.
	Shard string `json:"shard"`
	// URL is where its HTTP interface is. For haproxy the statistics page, without ";csv".
	URL string `json:"url"`
	// Socket is the path of haproxy's runtime API, in place of URL.
	Socket string `json:"socket"`
	// VirtualHost is the meetings' own domain, for prosody.
	VirtualHost string `json:"virtualHost"`
	// Backend is the haproxy backend whose servers are the shards. Default: all backends.
	Backend string `json:"backend"`
}

// Kind is which program a component is.
type Kind string

// The kinds.
const (
	KindJVB     Kind = "jvb"     // GET /colibri/stats and /about/health
	KindJicofo  Kind = "jicofo"  // GET /stats
	KindProsody Kind = "prosody" // GET /room-census, of mod_muc_census
	KindJibri   Kind = "jibri"   // GET /jibri/api/v1.0/health
	KindHAProxy Kind = "haproxy" // "show info" and "show stat", or the statistics page
)

var kinds = []Kind{KindJVB, KindJicofo, KindProsody, KindJibri, KindHAProxy}

// SinkConfig is the OpenSearch or Elasticsearch cluster that gets the documents.
type SinkConfig struct {
	URLs []string `json:"urls"`
	// CAFile is a PEM file of certificates to trust. Default: the system's.
	CAFile string `json:"caFile"`
	// User and PasswordFile, or APIKeyFile (Elasticsearch), log in.
	User         string `json:"user"`
	PasswordFile string `json:"passwordFile"`
	APIKeyFile   string `json:"apiKeyFile"`
	// DataStream is where the documents go. Default "metrics-jitsi_fleet-default".
	DataStream string `json:"dataStream"`
	// Manage is true when the collector makes the index template and the data stream. Default true.
	Manage bool `json:"manage"`
}

// SpillConfig is where documents wait while the cluster is away.
type SpillConfig struct {
	Folder string `json:"folder"` // default /var/lib/jitsi-fleet-collector
	// MaxBytes bounds them, at least 1 MiB; the oldest are dropped beyond. Default 256 MiB.
	MaxBytes int `json:"maxBytes"`
}

// Defaults is a configuration of which nothing is said. It lacks what has no default: fleet, nodes and the cluster.
func Defaults() Config {
	return Config{
		Interval:     settings.Duration(time.Minute),
		Timeout:      settings.Duration(5 * time.Second),
		StaleAfter:   settings.Defaults().Intervals.StaleAfter,
		BridgeTarget: settings.Defaults().Bridges.Target,
		BridgeSpare:  settings.Defaults().Bridges.Spare,
		Agents:       Agents{Port: settings.AgentPort},
		Sink:         SinkConfig{DataStream: "metrics-jitsi_fleet-default", Manage: true},
		Spill:        SpillConfig{Folder: "/var/lib/jitsi-fleet-collector", MaxBytes: 256 << 20},
	}
}

// ParseConfig reads and validates a configuration file. The error is settings.Invalid, with every problem at once.
func ParseConfig(raw []byte) (Config, error) {
	config := Defaults()
	config.Timeout = 0 // until it is written, or follows from the interval
	problems := settings.ReadDocument(raw, &config, "config")
	if len(problems) > 0 {
		return Config{}, problems
	}
	if config.Timeout == 0 {
		config.Timeout = min(Defaults().Timeout, config.Interval/2)
	}
	for i, c := range config.Components {
		if c.Name == "" {
			config.Components[i].Name = fmt.Sprintf("%s@%s", c.Kind, c.place())
		}
	}
	if problems := config.check(); len(problems) > 0 {
		return Config{}, problems
	}
	return config, nil
}

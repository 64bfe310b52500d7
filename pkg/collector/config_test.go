package collector

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

const least = `{"fleet":"meet","components":[{"kind":"jicofo","shard":"shard-1","url":"http://127.0.0.1:8888"}],"sink":{"urls":["http://127.0.0.1:9200"]}}`

func TestTheLeastConfigurationGetsTheDefaults(t *testing.T) {
	config, err := ParseConfig([]byte(least))
	require.NoError(t, err)
	assert.Equal(t, time.Minute, time.Duration(config.Interval))
	assert.Equal(t, "jicofo@127.0.0.1:8888", config.Components[0].Name)
	assert.Equal(t, "metrics-jitsi_fleet-default", config.Sink.DataStream)
	assert.True(t, config.Sink.Manage)
	assert.Equal(t, 256<<20, config.Spill.MaxBytes)
}

func TestTheExampleIsValid(t *testing.T) {
	raw, err := os.ReadFile("../../assets/collector/collector.json")
	require.NoError(t, err)
	config, err := ParseConfig(raw)
	require.NoError(t, err)
	assert.Len(t, config.Components, 6)
}

func TestAWrongConfigurationIsToldByFieldValueAndMend(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"no JSON":                    {`{"fleet"`, `{fleet`, "config is missing: write a JSON object; line 1 cannot be read"},
		"a key that is not there":    {`"fleet"`, `"flet"`, `config.flet is "meet": there is no such key; did you mean "fleet"?`},
		"no name":                    {`"meet"`, `""`, "config.fleet is missing: name the installation"},
		"a time without unit":        {`"fleet"`, `"interval":60,"fleet"`, `config.interval is 60: write a number and a unit in quotes`},
		"too short an interval":      {`"fleet"`, `"interval":"1s","fleet"`, `config.interval is "1s": write "5s" to "1h"`},
		"too long a timeout":         {`"fleet"`, `"timeout":"31s","fleet"`, `config.timeout is "31s": write at least "100ms" and at most half the interval`},
		"no age":                     {`"fleet"`, `"staleAfter":"0s","fleet"`, `config.staleAfter is "0s": write a time above zero`},
		"a stress of 2":              {`"fleet"`, `"bridgeTarget":2,"fleet"`, `config.bridgeTarget is 2: write a stress`},
		"a negative spare":           {`"fleet"`, `"bridgeSpare":-1,"fleet"`, `config.bridgeSpare is -1: write a number of bridges`},
		"nobody to ask":              {`{"kind":"jicofo","shard":"shard-1","url":"http://127.0.0.1:8888"}`, ``, "config.components is missing: name at least one"},
		"an unknown kind":            {`"jicofo"`, `"jvm"`, `config.components[0].kind is "jvm": write jvb, jicofo, prosody, jibri or haproxy`},
		"a jicofo without shard":     {`"shard":"shard-1",`, ``, "config.components[0].shard is missing: name the shard"},
		"a jibri with shard":         {`"jicofo"`, `"jibri"`, `config.components[0].shard is "shard-1": remove it: a jibri serves all shards`},
		"a prosody without host":     {`"jicofo"`, `"prosody"`, "config.components[0].virtualHost is missing"},
		"a jicofo with host":         {`"jicofo"`, `"jicofo","virtualHost":"x"`, `config.components[0].virtualHost is "x"`},
		"a jicofo with backend":      {`"jicofo"`, `"jicofo","backend":"x"`, `config.components[0].backend is "x": remove it`},
		"a jicofo at a socket":       {`"jicofo"`, `"jicofo","socket":"/x"`, `config.components[0].socket is "/x": remove it and write url`},
		"an address without scheme":  {`http://127.0.0.1:8888`, `127.0.0.1:8888`, `config.components[0].url is "127.0.0.1:8888": write an address with http://`},
		"a password in an address":   {`http://127.0.0.1:9200`, `http://elk:moose@127.0.0.1:9200`, `config.sink.urls[0] is "http://elk:xxxxx@127.0.0.1:9200": remove the user`},
		"two of one name":            {`[{`, `[{"kind":"jibri","url":"http://127.0.0.1:1","name":"x"},{"name":"x",`, `config.components[1].name is "x": components[0] has this name already`},
		"no cluster":                 {`["http://127.0.0.1:9200"]`, `[]`, "config.sink.urls is missing"},
		"a user without password":    {`"urls"`, `"user":"elk","urls"`, "config.sink.passwordFile is missing: write both"},
		"a user and a key":           {`"urls"`, `"user":"elk","passwordFile":"/p","apiKeyFile":"/k","urls"`, `config.sink.apiKeyFile is "/k": write either`},
		"a password over http":       {`"urls":["http://127.0.0.1`, `"user":"elk","passwordFile":"/p","urls":["http://search`, `config.sink.urls[0] is "http://search:9200": write https://`},
		"a certificate for http":     {`"urls"`, `"caFile":"/ca","urls"`, `config.sink.caFile is "/ca": remove it, or write https://`},
		"a stream in capitals":       {`"urls"`, `"dataStream":"Jitsi","urls"`, `config.sink.dataStream is "Jitsi": write lower-case letters`},
		"a relative folder":          {`"fleet"`, `"spill":{"folder":"here"},"fleet"`, `config.spill.folder is "here": write an absolute path`},
		"little room":                {`"fleet"`, `"spill":{"maxBytes":1000},"fleet"`, `config.spill.maxBytes is 1000: write at least 1048576`},
		"agents without secret":      {`"fleet"`, `"agents":{"addresses":["10.0.0.5"]},"fleet"`, "config.agents.secretFile is missing"},
		"an agent that is no number": {`"fleet"`, `"agents":{"addresses":["jvb-1"],"secretFile":"/s"},"fleet"`, `config.agents.addresses[0] is "jvb-1": write an IP address`},
		"an agent that stands twice": {`"fleet"`, `"agents":{"addresses":["::1","::1"],"secretFile":"/s"},"fleet"`, `config.agents.addresses[1] is "::1": the address stands twice`},
		"a port too high":            {`"fleet"`, `"agents":{"port":70000},"fleet"`, `config.agents.port is 70000: write a port`},
	} {
		t.Run(name, func(t *testing.T) {
			raw := strings.Replace(least, c.from, c.to, 1)
			require.NotEqual(t, least, raw)
			_, err := ParseConfig([]byte(raw))
			require.ErrorContains(t, err, c.want)
			var invalid settings.Invalid
			require.ErrorAs(t, err, &invalid)
			assert.Len(t, invalid, 1, err.Error())
		})
	}
}

func TestLoadTellsOfFilesAndNothingOfWhatIsInThem(t *testing.T) {
	config, err := ParseConfig([]byte(least))
	require.NoError(t, err)
	config.Agents.SecretFile, config.Sink.PasswordFile, config.Sink.CAFile = "/secret", "/password", "/ca"
	files := map[string]string{"/secret": "one\ntwo\n", "/password": "\n", "/ca": "moose"}
	read := func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return []byte(text), nil
		}
		return nil, errors.New("no such file")
	}
	_, err = config.Load(read)
	require.ErrorContains(t, err, `config.agents.secretFile is "/secret": write one line into the file`)
	require.ErrorContains(t, err, `config.sink.passwordFile is "/password": write something into the file`)
	require.ErrorContains(t, err, `config.sink.caFile is "/ca": write PEM certificates`)
	assert.NotContains(t, err.Error(), "moose")
	config.Sink.CAFile, config.Sink.PasswordFile = "", "/nowhere"
	files["/secret"] = "one\n"
	_, err = config.Load(read)
	require.EqualError(t, err, `config.sink.passwordFile is "/nowhere": make the file readable: no such file`)
	config.Sink.PasswordFile = ""
	loaded, err := config.Load(read)
	require.NoError(t, err)
	assert.Equal(t, "one", string(loaded.secret), "an editor's last line break is no part of a secret")
	assert.Len(t, loaded.Targets(time.Now), 1)
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(least))
	f.Add([]byte(`{"components":[{"kind":"haproxy","socket":"/x"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		config, err := ParseConfig(raw)
		if err != nil {
			return
		}
		loaded, err := config.Load(func(string) ([]byte, error) { return []byte("x"), nil })
		if err == nil && len(loaded.Targets(time.Now)) == 0 {
			t.Fatal("a valid configuration asks nobody")
		}
	})
}

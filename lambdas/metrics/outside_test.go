//go:build !nocollector

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// write puts a configuration of one bridge into a file.
func write(t *testing.T, bridge, cluster string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "collector.json")
	text := `{"fleet":"meet","components":[{"kind":"jvb","name":"jvb-1","shard":"shard-1","url":"` + bridge + `"}],
	  "sink":{"urls":["` + cluster + `"]},"spill":{"folder":"` + filepath.Join(t.TempDir(), "spill") + `"}}`
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func bridge(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"stress_level":0.3,"local_endpoints":12}`)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestTheCommandLine(t *testing.T) {
	well := write(t, bridge(t), "http://127.0.0.1:1")
	broken := filepath.Join(t.TempDir(), "broken.json")
	require.NoError(t, os.WriteFile(broken, []byte(`{"fleet":""}`), 0o600))
	for name, c := range map[string]struct {
		args   []string
		status int
		out    string
		err    string
	}{
		"help":                         {[]string{"-h"}, 0, "", "Usage: metrics"},
		"an unknown option":            {[]string{"-x"}, 2, "", "-x"},
		"a word too many":              {[]string{"start"}, 2, "", `"start" is no option`},
		"a configuration that is none": {[]string{"-config", "/nowhere"}, 2, "", "/nowhere"},
		"a wrong configuration":        {[]string{"-check", "-config", broken}, 2, "", "config.fleet is missing: name the installation"},
		"a check":                      {[]string{"-check", "-config", well}, 0, "is well: 1 nodes every 1m0s into metrics-jitsi_fleet-default", ""},
		"the template":                 {[]string{"-template", "-config", well}, 0, `"data_stream": {}`, ""},
		"one round":                    {[]string{"-once", "-config", well}, 0, `"stress_mean":0.3`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out, complaint bytes.Buffer
			assert.Equal(t, c.status, outside(t.Context(), c.args, &out, &complaint), complaint.String())
			assert.Contains(t, out.String(), c.out)
			assert.Contains(t, complaint.String(), c.err)
		})
	}
}

func TestTheDaemonStoresDocumentsAndEndsWhenItIsTold(t *testing.T) {
	stored := make(chan string, 10)
	cluster := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/_bulk") {
			created := map[string]any{"create": map[string]any{"status": 201}}
			_ = json.NewEncoder(w).Encode(map[string]any{"items": []any{created, created, created}})
			stored <- r.URL.Path
			return
		}
		_, _ = io.WriteString(w, `{"acknowledged":true}`)
	}))
	t.Cleanup(cluster.Close)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	var out, log bytes.Buffer
	config := write(t, bridge(t), cluster.URL)
	go func() { ended <- outside(ctx, []string{"-config", config}, &out, &log) }()
	select {
	case path := <-stored:
		assert.Equal(t, "/metrics-jitsi_fleet-default/_bulk", path)
	case <-time.After(20 * time.Second):
		t.Error("nothing is stored")
	}
	stop()
	assert.Zero(t, <-ended)
	assert.Contains(t, log.String(), `"msg":"stopped"`)
}

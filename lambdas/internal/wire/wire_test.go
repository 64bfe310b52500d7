package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// at is the time of every record here.
var at = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// secrets is an API server that knows one secret.
func secrets(t *testing.T, name, text string) Lookup {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			ID string `json:"SecretId"`
		}
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&in))
		assert.Equal(t, "secretsmanager.GetSecretValue", r.Header.Get("X-Amz-Target"))
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if in.ID != name {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"__type":"ResourceNotFoundException","Message":"no such secret"}`)
			return
		}
		assert.NoError(t, json.NewEncoder(w).Encode(map[string]string{"Name": name, "SecretString": text}))
	}))
	t.Cleanup(server.Close)
	env := map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": server.URL,
	}
	return func(name string) (string, bool) { value, found := env[name]; return value, found }
}

func TestAConnectionObservesTheFleetOfItsContract(t *testing.T) {
	control := settings.Control{Fleet: "meet", AgentSecretARN: "meet/agent", AgentTimeout: 3 * time.Second}
	c, err := Connect(t.Context(), control, secrets(t, "meet/agent", "sesame"))
	require.NoError(t, err)
	assert.Equal(t, "eu-central-1", c.AWS.Region)
	assert.Equal(t, "meet", c.Observer.Fleet)
	assert.Equal(t, 3*time.Second, c.Observer.AgentTimeout)
	for part, held := range map[string]any{
		"groups": c.Observer.Groups, "machines": c.Observer.Machines, "agents": c.Observer.Agents, "log": c.Observer.Log,
	} {
		assert.NotNil(t, held, part)
	}
	assert.WithinDuration(t, time.Now(), c.Observer.Now(), time.Minute)
}

func TestAConnectionThatCannotBeMadeSaysWhy(t *testing.T) {
	control := settings.Control{AgentSecretARN: "meet/agent"}
	_, err := Connect(t.Context(), control, secrets(t, "another/agent", "sesame"))
	require.ErrorContains(t, err, "secret meet/agent is not read")
	require.ErrorContains(t, err, "ResourceNotFoundException")

	_, err = Connect(t.Context(), control, func(string) (string, bool) { return "", false })
	assert.ErrorContains(t, err, "AWS_REGION is not set")
}

func TestARunsErrorIsHandedOn(t *testing.T) {
	failed := errors.New("group is not raised")
	require.ErrorIs(t, Finish(telemetry.NewRecord("meet", at), failed), failed)
	assert.NoError(t, Finish(telemetry.NewRecord("meet", at), nil))
}

func ExampleFinish() {
	record := telemetry.NewRecord("meet", at)
	record.Shard("one", telemetry.BridgesWanted, 4)
	_ = Finish(record, errors.New("group is not raised"))
	_ = Finish(telemetry.NewRecord("meet", at), nil)
	// Output:
	// {"Fleet":"meet","ReconcileErrors":1,"_aws":{"CloudWatchMetrics":[{"Namespace":"JitsiFleet","Dimensions":[["Fleet"]],"Metrics":[{"Name":"ReconcileErrors","Unit":"Count"}]}],"Timestamp":1772452800000}}
	// {"BridgesWanted":4,"Fleet":"meet","Shard":"one","_aws":{"CloudWatchMetrics":[{"Namespace":"JitsiFleet","Dimensions":[["Fleet","Shard"]],"Metrics":[{"Name":"BridgesWanted","Unit":"Count"}]}],"Timestamp":1772452800000}}
	// {"Fleet":"meet","ReconcileErrors":0,"_aws":{"CloudWatchMetrics":[{"Namespace":"JitsiFleet","Dimensions":[["Fleet"]],"Metrics":[{"Name":"ReconcileErrors","Unit":"Count"}]}],"Timestamp":1772452800000}}
}

package wire

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSession(t *testing.T) {
	runtime := map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t",
	}
	in := func(env map[string]string) Lookup {
		return func(name string) (string, bool) { value, found := env[name]; return value, found }
	}

	t.Run("holds the region and the role that the runtime gives", func(t *testing.T) {
		session, err := Session(in(runtime))
		require.NoError(t, err)
		assert.Equal(t, "eu-central-1", session.Region)
		assert.Nil(t, session.BaseEndpoint)
		assert.Equal(t, attempts, session.Retryer().MaxAttempts())
		role, err := session.Credentials.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "AKIA", role.AccessKeyID)
		assert.Equal(t, "s", role.SecretAccessKey)
		assert.Equal(t, "t", role.SessionToken)
	})
	t.Run("calls the endpoint that is named", func(t *testing.T) {
		env := maps.Clone(runtime)
		env["AWS_ENDPOINT_URL"] = "http://localhost:5000"
		session, err := Session(in(env))
		require.NoError(t, err)
		assert.Equal(t, "http://localhost:5000", *session.BaseEndpoint)
	})
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Run("says that "+name+" is missing", func(t *testing.T) {
			env := maps.Clone(runtime)
			delete(env, name)
			_, err := Session(in(env))
			assert.ErrorContains(t, err, name)
		})
	}
}

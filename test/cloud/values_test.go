package cloud

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
)

var _ reconcile.Memory = awscloud.State{}

func TestTheLastGoodValuesAreKept(t *testing.T) {
	s := newState(t)
	_, ok, err := s.LastGood(t.Context())
	require.NoError(t, err)
	assert.False(t, ok, "a new fleet has none")
	for _, raw := range []string{`{"minBridges":3}`, `{"minBridges":3}`, `{"minBridges":4}`, `{}`, `{"minBridges":3}`} {
		require.NoError(t, s.Keep(t.Context(), raw), "what is kept already is no error")
		kept, ok, err := s.LastGood(t.Context())
		require.NoError(t, err)
		assert.True(t, ok)
		assert.Equal(t, raw, kept)
	}
	taken(t, s, "runtime", noon)
	kept, _, err := s.LastGood(t.Context())
	require.NoError(t, err)
	assert.Equal(t, `{"minBridges":3}`, kept, "a lease of the same name is another item")
}

func TestValuesOfAMissingTableAreAnError(t *testing.T) {
	s := newState(t)
	s.Table = "no-such-table"
	_, ok, err := s.LastGood(t.Context())
	assert.Error(t, err)
	assert.False(t, ok)
	assert.Error(t, s.Keep(t.Context(), "{}"))
	_, err = s.Refuse(t.Context(), "{}")
	assert.Error(t, err)
}

func TestARefusalIsTheFirstUntilOtherValuesCome(t *testing.T) {
	s := newState(t)
	for _, step := range []struct {
		does, raw string
		first     bool
	}{
		{"refuse", "wrong", true},
		{"refuse", "wrong", false},
		{"refuse", "also wrong", true},
		{"refuse", "wrong", true},
		{"keep", `{"minBridges":3}`, false},
		{"refuse", "wrong", true},
		{"keep", `{"minBridges":3}`, false},
		{"refuse", "wrong", true},
	} {
		if step.does == "keep" {
			require.NoError(t, s.Keep(t.Context(), step.raw))
			continue
		}
		first, err := s.Refuse(t.Context(), step.raw)
		require.NoError(t, err)
		assert.Equal(t, step.first, first, step)
	}
	kept, ok, err := s.LastGood(t.Context())
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, `{"minBridges":3}`, kept, "a refusal leaves the last good values")
}

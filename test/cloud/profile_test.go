package cloud

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
)

var _ reconcile.Profiles = awscloud.State{}

func TestAProfileIsKeptForEachShard(t *testing.T) {
	s := newState(t)
	raw, err := s.Profile(t.Context(), "shard-1")
	require.NoError(t, err)
	assert.Nil(t, raw, "a new fleet has none")
	large := bytes.Repeat([]byte{0, 255, 7}, 14_000) // bytes that are no text, as many as a full profile has
	require.NoError(t, s.KeepProfile(t.Context(), "shard-1", []byte{1}))
	require.NoError(t, s.KeepProfile(t.Context(), "shard-1", large))
	require.NoError(t, s.KeepProfile(t.Context(), "shard-2", []byte{2}))
	raw, err = s.Profile(t.Context(), "shard-1")
	require.NoError(t, err)
	assert.Equal(t, large, raw)
	s.Table = "no-such-table"
	_, err = s.Profile(t.Context(), "shard-1")
	require.Error(t, err)
	assert.Error(t, s.KeepProfile(t.Context(), "shard-1", large))
}

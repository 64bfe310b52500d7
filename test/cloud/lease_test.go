package cloud

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
)

var _ reconcile.Leases = awscloud.State{}

// noon is when every lease here is taken, for a minute unless a test says otherwise.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const minute = time.Minute

// newState is an empty table, whose calls are made one by one.
func newState(t *testing.T) awscloud.State {
	t.Helper()
	s := through(oneByOne(), awscloud.State{Table: fresh("state")})
	_, err := s.Client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String(s.Table), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}},
	})
	require.NoError(t, err)
	return s
}

// through is the same table for a run whose calls travel otherwise.
func through(travel calls, s awscloud.State) awscloud.State {
	cfg := plain()
	cfg.HTTPClient = travel
	s.Client = dynamodb.NewFromConfig(cfg)
	return s
}

// taken is a lease that must be to be had.
func taken(t *testing.T, s awscloud.State, key string, now time.Time) fleet.Lease {
	t.Helper()
	lease, ok, err := s.Acquire(t.Context(), key, now, now.Add(minute))
	require.NoError(t, err)
	require.True(t, ok, "lease %s is held by another", key)
	return lease
}

// refusedAt asserts that a lease is held at a moment, and so asks its holder for another run.
func refusedAt(t *testing.T, s awscloud.State, key string, now time.Time) {
	t.Helper()
	_, ok, err := s.Acquire(t.Context(), key, now, now.Add(minute))
	require.NoError(t, err)
	require.False(t, ok, "lease %s is not held", key)
}

func TestEachHolderOfALeaseHasTheNextFence(t *testing.T) {
	s := newState(t)
	for _, key := range []string{"fence/shard-1", "fence/shard-1/", "fence//", "fence", "fence/eu/west/1", "fence/ünïcode/☃"} {
		for want := range uint64(4) {
			lease := taken(t, s, key, noon)
			assert.Equal(t, key, lease.Key)
			assert.Equal(t, want+1, lease.Fence, key)
			require.NoError(t, s.Abandon(t.Context(), lease, []byte("{}")))
		}
	}
}

func TestALeaseIsOfItsKeyAlone(t *testing.T) {
	s := newState(t)
	for _, key := range []string{"own/a", "own/a/b", "own/ab", "other/a"} {
		assert.Equal(t, uint64(1), taken(t, s, key, noon).Fence, key)
	}
}

func TestALeaseThatIsGivenBackUnaskedIsFree(t *testing.T) {
	s := newState(t)
	again, err := s.Release(t.Context(), taken(t, s, "unasked", noon), nil)
	require.NoError(t, err)
	assert.False(t, again)
	assert.Equal(t, uint64(2), taken(t, s, "unasked", noon).Fence)
}

func TestTheHolderOfARefusedLeaseIsAskedForAnotherRunAndKeepsTheLease(t *testing.T) {
	s := newState(t)
	lease := taken(t, s, "asked", noon)
	refusedAt(t, s, "asked", noon.Add(time.Second))
	refusedAt(t, s, "asked", noon.Add(2*time.Second))

	again, err := s.Release(t.Context(), lease, []byte("1"))
	require.NoError(t, err)
	assert.True(t, again, "two wishes are one run")
	refusedAt(t, s, "asked", noon.Add(3*time.Second))
	again, err = s.Release(t.Context(), lease, []byte("2"))
	require.NoError(t, err)
	assert.True(t, again, "a wish during the second run is another run")
	again, err = s.Release(t.Context(), lease, []byte("3"))
	require.NoError(t, err)
	assert.False(t, again, "each wish is answered once")

	next := taken(t, s, "asked", noon.Add(4*time.Second))
	assert.Equal(t, uint64(2), next.Fence)
	assert.Equal(t, "3", string(next.Memory))
}

func TestAnAbandonedLeaseIsFreeAndItsWishesAreForgotten(t *testing.T) {
	s := newState(t)
	lease := taken(t, s, "abandoned", noon)
	refusedAt(t, s, "abandoned", noon)
	require.NoError(t, s.Abandon(t.Context(), lease, []byte("left")))

	next := taken(t, s, "abandoned", noon)
	assert.Equal(t, "left", string(next.Memory))
	again, err := s.Release(t.Context(), next, nil)
	require.NoError(t, err)
	assert.False(t, again, "the run that follows serves who asked the last holder")
}

func TestALeaseLapsesAtItsMomentAndNotBefore(t *testing.T) {
	s := newState(t)
	taken(t, s, "lapse", noon)
	refusedAt(t, s, "lapse", noon.Add(minute-time.Millisecond))
	assert.Equal(t, uint64(2), taken(t, s, "lapse", noon.Add(minute)).Fence)
	refusedAt(t, s, "lapse", noon.Add(2*minute-time.Millisecond))
}

func TestANoteIsLeftToWhoeverTakesALeaseThatLapsed(t *testing.T) {
	s := newState(t)
	lease := taken(t, s, "noted", noon)
	require.NoError(t, s.Note(t.Context(), lease, []byte("first")))
	require.NoError(t, s.Note(t.Context(), lease, []byte("second")))
	refusedAt(t, s, "noted", noon.Add(time.Second))
	assert.Equal(t, "second", string(taken(t, s, "noted", noon.Add(minute)).Memory))
}

func TestAHolderWhoseLeaseWasTakenCanChangeNothing(t *testing.T) {
	s := newState(t)
	for name, late := range map[string]func(context.Context, fleet.Lease, []byte) error{
		"note": s.Note, "abandon": s.Abandon,
		"release": func(ctx context.Context, l fleet.Lease, memory []byte) error {
			again, err := s.Release(ctx, l, memory)
			assert.False(t, again)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			key := "late/" + name
			old := taken(t, s, key, noon)
			require.NoError(t, s.Note(t.Context(), old, []byte("kept")))
			current := taken(t, s, key, noon.Add(minute))
			assert.ErrorContains(t, late(t.Context(), old, []byte("stale")), "fence 1 has lapsed and was taken by another run")

			refusedAt(t, s, key, noon.Add(minute+time.Second))
			assert.ErrorContains(t, late(t.Context(), old, []byte("stale")), "has lapsed", "a wish of the new holder's is not the old one's")
			third := taken(t, s, key, noon.Add(2*minute))
			assert.Equal(t, "kept", string(third.Memory))
			require.ErrorContains(t, late(t.Context(), current, []byte("stale")), "fence 2 has lapsed")
		})
	}
}

func TestAWishSurvivesALateHolder(t *testing.T) {
	s := newState(t)
	old := taken(t, s, "wish", noon)
	current := taken(t, s, "wish", noon.Add(minute))
	refusedAt(t, s, "wish", noon.Add(minute+time.Second))
	_, err := s.Release(t.Context(), old, nil)
	require.Error(t, err)
	again, err := s.Release(t.Context(), current, nil)
	require.NoError(t, err)
	assert.True(t, again)
}

func TestMemoryComesBackAsItWasLeft(t *testing.T) {
	s := newState(t)
	assert.Empty(t, taken(t, s, "memory/new", noon).Memory, "the first holder finds none")
	for name, memory := range map[string]string{
		"none":                      "",
		"JSON with quotes":          `{"i-0123456789abcdef0":{"since":"2026-03-02T12:00:00Z","why":"\"old\" \\ template"}}`,
		"letters of other scripts":  `{"why":"Größe ≤ 3 ☃ 日本語 \u0000"}`,
		"a group's worth of drains": `["` + strings.Repeat("i-0123456789abcdef0,", 5000) + `"]`,
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, s.Abandon(t.Context(), taken(t, s, "memory/"+name, noon), []byte(memory)))
			assert.Equal(t, memory, string(taken(t, s, "memory/"+name, noon).Memory))
		})
	}
}

func TestAnErrorOfTheTableNamesTheLease(t *testing.T) {
	s := newState(t)
	s.Table = "no-such-table"
	_, ok, err := s.Acquire(t.Context(), "bridges/shard-1", noon, noon.Add(minute))
	assert.False(t, ok)
	assert.ErrorContains(t, err, "lease bridges/shard-1")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, ok, err = s.Acquire(ended, "bridges/shard-1", noon, noon.Add(minute))
	assert.False(t, ok)
	assert.ErrorIs(t, err, context.Canceled)
}

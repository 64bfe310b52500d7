package agent

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
)

func TestTenantAndRoomOfAJID(t *testing.T) {
	for _, c := range []struct{ name, jid, tenant, room string }{
		{"a room of the root", "standup@conference.example.org", "", "standup"},
		{"a room of a tenant", "[acme]standup@conference.example.org", "acme", "standup"},
		{"a name with brackets inside", "a[b]c@conference.example.org", "", "a[b]c"},
		{"a bracket that is not closed", "[acme@conference.example.org", "", "[acme"},
		{"an at sign in the name", "a@b@conference.example.org", "", "a@b"},
		{"no domain", "standup", "", "standup"},
		{"nothing", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tenant, room := tenantAndRoom(c.jid)
			assert.Equal(t, c.tenant, tenant)
			assert.Equal(t, c.room, room)
		})
	}
}

func TestEveryRoomIsCountedByTheKeyThatItsUsersAreRoutedBy(t *testing.T) {
	word := rapid.StringMatching(`[a-z0-9 %~é😀-]{1,12}`)
	rapid.Check(t, func(t *rapid.T) {
		tenant, room := rapid.OneOf(rapid.Just(""), word).Draw(t, "tenant"), word.Draw(t, "room")
		jid := room + "@muc.meet.jitsi"
		if tenant != "" {
			jid = "[" + tenant + "]" + jid
		}
		got := census([]jitsi.Room{{Name: jid, Participants: 1}})
		if len(got) != 1 || got[0].Key != routing.Key(tenant, room) {
			t.Fatalf("%q became %+v", jid, got)
		}
	})
}

func TestCensusLeavesOutWhatIsNoConferenceOfPeople(t *testing.T) {
	long := strings.Repeat("é", 2000)
	got := census([]jitsi.Room{
		{Name: "__jicofo-health-check-1a2b@conference.x", Participants: 1},
		{Name: "[acme]__jicofo-health-check-1a2b@conference.x", Participants: 1},
		{Name: "abandoned@conference.x", Leaked: true},
		{Name: "[acme]standup@conference.x", Participants: 3},
		{Name: long + "@conference.x", Participants: 2},
	})
	require.Len(t, got, 2)
	assert.Equal(t, fleet.CensusRoom{Key: routing.Key("acme", "standup"), Room: "[acme]standup", Participants: 3}, got[0])
	assert.Equal(t, routing.Key("", long), got[1].Key)
	assert.Less(t, len(got[1].Room), 210)
}

func TestASignalNodeCountsItsRoomsAndOthersRefuse(t *testing.T) {
	const rooms = `{"room_census": [{"room_name": "[acme]standup@muc.meet.jitsi", "participants": 3, "created_time": 1}]}`
	answers := map[string]reply{"GET /room-census": {200, rooms}}
	s, url := scripted(t, answers)
	c := configOf(t, &puppet{}, nil)
	c.Role, c.Component = fleet.RoleSignal, Signal{Rooms: jitsi.NewProsody(url, patience), Host: "meet.jitsi"}
	a, err := New(c)
	require.NoError(t, err)
	got, err := a.Census(t.Context())
	require.NoError(t, err)
	assert.Less(t, got.AgeSeconds, 60.0)
	got.AgeSeconds = 0
	assert.Equal(t, fleet.Census{Instance: "i-1", Shard: "a", Rooms: []fleet.CensusRoom{
		{Key: routing.Key("acme", "standup"), Room: "[acme]standup", Participants: 3},
	}}, got)
	s.mu.Lock()
	answers["GET /room-census"] = reply{http.StatusOK, `{"room_census": [{}]}`}
	s.mu.Unlock()
	_, err = a.Census(t.Context())
	require.ErrorContains(t, err, "there is no census")

	bridge, err := New(configOf(t, &puppet{}, nil))
	require.NoError(t, err)
	_, err = bridge.Census(t.Context())
	var refusal *Refusal
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, "a bridge node has no census", refusal.Why)
}

// A census of as many rooms as a large shard has must fit into what the client reads.
func TestALargeCensusReachesTheClient(t *testing.T) {
	rooms := make([]fleet.CensusRoom, 20_000)
	for i := range rooms {
		rooms[i] = fleet.CensusRoom{Key: routing.Key("acme", "x"), Room: strings.Repeat("r", 100), Participants: 3}
	}
	at := serving(t, &subject{census: fleet.Census{Rooms: rooms}})
	got, err := clientOf(t, at, secret).Census(t.Context(), at.Addr())
	require.NoError(t, err)
	assert.Len(t, got.Rooms, len(rooms))
	assert.Zero(t, time.Duration(got.AgeSeconds))
}

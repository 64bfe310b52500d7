package agent

import (
	"context"
	"fmt"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/routing"
)

// Counting is a component that can list its rooms.
type Counting interface {
	Census(ctx context.Context) ([]fleet.CensusRoom, error)
}

// Census is the rooms that live on the node's shard at this moment. Nodes that have none refuse.
func (a *Agent) Census(ctx context.Context) (fleet.Census, error) {
	counting, ok := a.config.Component.(Counting)
	if !ok {
		return fleet.Census{}, refuse("a %s node has no census", a.config.Role)
	}
	asked := a.config.Clock()
	rooms, err := counting.Census(ctx)
	if err != nil {
		return fleet.Census{}, fmt.Errorf("there is no census: %w", err)
	}
	return fleet.Census{
		Instance:   a.config.Instance,
		Shard:      a.config.Shard,
		AgeSeconds: max(0, a.config.Clock().Sub(asked).Seconds()),
		Rooms:      rooms,
	}, nil
}

// Census asks Prosody for the live rooms.
func (s Signal) Census(ctx context.Context) ([]fleet.CensusRoom, error) {
	rooms, err := s.Rooms.Census(ctx, s.Host)
	if err != nil {
		return nil, err
	}
	return census(rooms), nil
}

// healthCheckRoom begins the names of the rooms in which Jicofo tries its bridges (JicofoHealthChecker.kt).
const healthCheckRoom = "__jicofo-health-check-"

// census leaves out what is no conference of people: Jicofo's own rooms, and those that nobody is in.
func census(rooms []jitsi.Room) []fleet.CensusRoom {
	list := make([]fleet.CensusRoom, 0, len(rooms))
	for _, r := range rooms {
		tenant, name := tenantAndRoom(r.Name)
		if r.Participants <= 0 || strings.HasPrefix(name, healthCheckRoom) {
			continue
		}
		list = append(list, fleet.CensusRoom{
			Key:          routing.Key(tenant, name),
			Room:         forPeople(tenant, name),
			Participants: int(r.Participants),
		})
	}
	return list
}

// tenantAndRoom takes a room's JID apart: "[acme]standup@conference.example.org" is the tenant acme's standup. The
// domain begins at the last @.
func tenantAndRoom(jid string) (tenant, name string) {
	name = jid
	if i := strings.LastIndexByte(jid, '@'); i >= 0 {
		name = jid[:i]
	}
	if rest, ok := strings.CutPrefix(name, "["); ok {
		if tenant, room, ok := strings.Cut(rest, "]"); ok {
			return tenant, room
		}
	}
	return "", name
}

// mostName bounds a name that is only for people, in bytes; a room's name can be kilobytes.
const mostName = 200

func forPeople(tenant, name string) string {
	if tenant != "" {
		name = "[" + tenant + "]" + name
	}
	if len(name) <= mostName {
		return name
	}
	return strings.ToValidUTF8(name[:mostName], "") + "..."
}

package page

import (
	"cmp"
	"slices"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// picture is the fleet as it really is: Auto Scaling's states beside the machines themselves, not what they report.
type picture struct {
	Shards    []shardPicture    `json:"shards"`
	Recorders []recorderPicture `json:"recorders"`
	Slots     []slotPicture     `json:"slots"`
}

type shardPicture struct {
	Name         string          `json:"name"`
	State        string          `json:"state"` // as the operator wrote it
	Signal       string          `json:"signal"`
	Serves       bool            `json:"serves"` // its signal node is in service
	Wanted       int             `json:"wanted"` // bridges, by the last decision
	Participants int             `json:"participants"`
	Bridges      []bridgePicture `json:"bridges"`
	Rooms        []roomPicture   `json:"rooms"` // the largest first
}

type bridgePicture struct {
	ID        string  `json:"id"`
	Zone      string  `json:"zone"`
	Phase     string  `json:"phase"` // "booting", "serving", "draining", "leaving" or "dead"
	Endpoints int     `json:"endpoints"`
	Stress    float64 `json:"stress"`
}

type recorderPicture struct {
	ID    string `json:"id"`
	Phase string `json:"phase"` // "booting", "free", "busy", "recording", "unhealthy" or "leaving"
	Room  string `json:"room"`
}

type roomPicture struct {
	Name     string `json:"name"`
	Size     int    `json:"size"`
	Recorded bool   `json:"recorded"`
	Split    bool   `json:"split"`
}

func (p *Page) picture() picture {
	var all picture
	instances := p.source.Account.Instances()
	slices.SortStableFunc(instances, func(a, b scaling.Instance) int {
		return cmp.Or(a.Launched.Compare(b.Launched), strings.Compare(a.ID, b.ID))
	})
	recorded := map[string]string{} // room by recorder
	for _, s := range p.source.Meetings.Sessions() {
		if s.Ended.IsZero() {
			recorded[string(s.Jibri)] = s.Room
		}
	}
	for _, shard := range p.source.Settings.Shards {
		all.Shards = append(all.Shards, p.shard(shard.Name, instances, recorded))
	}
	truth := map[string]standin.Jibri{}
	for _, j := range p.source.Meetings.Jibris() {
		truth[string(j.ID)] = j
	}
	for _, i := range instances {
		if i.Tags[fleet.TagRole] == string(fleet.RoleJibri) {
			all.Recorders = append(all.Recorders, recorderPicture{i.ID, recorderPhase(i.State, truth[i.ID]), recorded[i.ID]})
		}
	}
	for slot := range p.source.Settings.Edge.Slots {
		all.Slots = append(all.Slots, p.slots.of(slot, p.source.Settings.SlotAddress(slot).String(), instances))
	}
	return all
}

func (p *Page) shard(name string, instances []scaling.Instance, recorded map[string]string) shardPicture {
	s := shardPicture{Name: name, State: p.source.ShardState(name), Wanted: p.source.Wanted(name), Bridges: []bridgePicture{}}
	truth := map[string]standin.BridgeState{}
	for _, b := range p.source.Meetings.Bridges() {
		truth[string(b.ID)] = b
	}
	for _, i := range instances {
		if i.Tags[fleet.TagShard] != name {
			continue
		}
		switch fleet.Role(i.Tags[fleet.TagRole]) {
		case fleet.RoleBridge:
			b := truth[i.ID]
			s.Bridges = append(s.Bridges, bridgePicture{i.ID, i.Zone, bridgePhase(i.State, b), b.LocalEndpoints, b.Stress})
		case fleet.RoleSignal:
			if !s.Serves {
				s.Signal, s.Serves = i.ID, i.State == scaling.InService
			}
		case fleet.RoleEdge, fleet.RoleJibri: // of no shard
		}
	}
	s.Rooms = p.rooms(name, recorded)
	for _, r := range s.Rooms {
		s.Participants += r.Size
	}
	return s
}

func (p *Page) rooms(shard string, recorded map[string]string) []roomPicture {
	split, on := p.source.Meetings.SplitRooms(), map[string]bool{}
	for _, room := range recorded {
		on[room] = true
	}
	rooms := []roomPicture{}
	for name, size := range p.source.Meetings.Rooms(shard) {
		rooms = append(rooms, roomPicture{name, size, on[name], slices.Contains(split, name)})
	}
	slices.SortFunc(rooms, func(a, b roomPicture) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), strings.Compare(a.Name, b.Name))
	})
	return rooms
}

// bridgePhase is what a bridge is at. One that is not there yet boots.
func bridgePhase(state string, b standin.BridgeState) string {
	switch {
	case fleet.LifecycleState(state).Booting():
		return "booting"
	case b.Dead || !b.Up:
		return "dead"
	case state != scaling.InService:
		return "leaving"
	case b.Drain || b.Graceful || b.ShuttingDown:
		return "draining"
	default:
		return "serving"
	}
}

func recorderPhase(state string, j standin.Jibri) string {
	switch {
	case fleet.LifecycleState(state).Booting():
		return "booting"
	case j.Recording:
		return "recording"
	case state != scaling.InService:
		return "leaving"
	case j.Up && j.Busy:
		return "busy"
	case j.Free:
		return "free"
	default:
		return "unhealthy"
	}
}

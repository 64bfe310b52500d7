package standin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Ticket is one participant, from joining to leaving.
type Ticket uint64

// participant is one person in one conference. A lone participant is on a bridge here at once, though Jicofo waits
// for the second.
type participant struct {
	ticket  Ticket
	room    *room
	bridge  *bridge // where Jicofo has it; nil while it waits for one
	lost    bool    // it has no media
	lostAt  time.Time
	dropped bool // by an order, and counted
}

func (p *participant) lose(now time.Time) {
	if !p.lost {
		p.lost, p.lostAt = true, now
	}
}

// room is one conference of a shard.
type room struct {
	name    string
	signal  *signal
	created time.Time
	people  map[Ticket]*participant
}

// bridges counts the conference's participants by bridge.
func (r *room) bridges() map[*bridge]int {
	counts := map[*bridge]int{}
	for _, p := range r.people {
		if p.bridge != nil {
			counts[p.bridge]++
		}
	}
	return counts
}

// Why a participant cannot join.
var (
	ErrNoShard  = errors.New("the shard has no signal node")
	ErrNoBridge = errors.New("the shard has no usable bridge")
)

func errNoBridge(id fleet.InstanceID) error { return fmt.Errorf("there is no bridge %s", id) }

// Join adds one participant to a conference of a shard, which begins with its first. Who is refused is counted.
func (w *World) Join(shardName, roomName string) (Ticket, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	return w.join(w.shard(shardName).active, roomName)
}

func (w *World) join(s *signal, roomName string) (Ticket, error) {
	if s == nil {
		w.counts.Refused++
		return 0, ErrNoShard
	}
	roomName = strings.ToLower(roomName)
	r := s.rooms[roomName]
	if r == nil {
		r = &room{name: roomName, signal: s, created: w.now, people: map[Ticket]*participant{}}
	}
	chosen := w.choose(s, r)
	if chosen == nil {
		w.counts.Refused++
		return 0, ErrNoBridge
	}
	if len(r.people) == 0 {
		s.rooms[roomName] = r
		s.conferencesCreated++
	}
	w.last++
	p := &participant{ticket: w.last, room: r}
	r.people[p.ticket], w.people[p.ticket] = p, p
	w.place(p, chosen)
	w.counts.Joined++
	s.participantsEver++
	return p.ticket, nil
}

// place puts a participant on a bridge. On one that died unnoticed it has no media.
func (w *World) place(p *participant, b *bridge) {
	if p.bridge != nil {
		delete(p.bridge.people, p.ticket)
	}
	p.bridge = b
	b.people[p.ticket] = p
	b.joins = append(b.joins, w.now)
	b.total++
	if b.dead {
		p.lose(w.now)
		return
	}
	p.lost, p.dropped = false, false
}

// Leave takes a participant out of its conference; false when it is in none any more.
func (w *World) Leave(t Ticket) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	return w.leave(t)
}

func (w *World) leave(t Ticket) bool {
	p := w.people[t]
	if p == nil {
		return false
	}
	w.counts.Left++
	w.remove(p)
	return true
}

func (w *World) remove(p *participant) {
	delete(w.people, p.ticket)
	delete(p.room.people, p.ticket)
	if p.bridge != nil {
		delete(p.bridge.people, p.ticket)
	}
	if len(p.room.people) == 0 {
		delete(p.room.signal.rooms, p.room.name)
	}
}

func sortedTickets(people map[Ticket]*participant) []Ticket {
	tickets := make([]Ticket, 0, len(people))
	for t := range people {
		tickets = append(tickets, t)
	}
	slices.Sort(tickets)
	return tickets
}

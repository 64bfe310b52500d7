package jitsi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Prosody is a client of one Prosody's HTTP modules.
type Prosody struct{ component }

// NewProsody makes a client of the Prosody at base, "http://127.0.0.1:5280".
func NewProsody(base string, timeout time.Duration) *Prosody {
	return &Prosody{newComponent("Prosody", base, timeout)}
}

// Alive asks GET /http-bind, as 8x8's signal-sidecar does: any answer below 500 is a Prosody that works.
func (p *Prosody) Alive(ctx context.Context) error { return p.alive(ctx, "/http-bind") }

// Room is one live room of a shard.
type Room struct {
	Name         string // "weekly-sync@conference.meet.example.org"; with a tenant "[acme]standup@..."
	Participants int64  // without the focus
	Created      time.Time
	Leaked       bool
}

// Census asks GET /room-census of mod_muc_census, which belongs to a virtual host, the meetings' own domain.
func (p *Prosody) Census(ctx context.Context, virtualHost string) ([]Room, error) {
	asked := p.component
	asked.host = virtualHost
	raw, err := asked.get(ctx, "/room-census", maxCensusBytes)
	if err != nil {
		return nil, err
	}
	return DecodeCensus(raw)
}

// DecodeCensus reads the body of /room-census. An empty census is [] in the newest release and {} in older ones,
// since Lua has one empty table. Rooms without a name or with an unreadable count are a bad answer: a census that
// leaves rooms out is worse than none.
func DecodeCensus(raw []byte) ([]Room, error) {
	f, err := readFields(raw)
	if err != nil {
		return nil, fmt.Errorf("Prosody /room-census: %w", err)
	}
	list, ok := f.value("room_census")
	if !ok {
		return nil, fmt.Errorf("Prosody /room-census: %w: no room_census", ErrBadAnswer)
	}
	var none map[string]json.RawMessage
	if json.Unmarshal(list, &none) == nil && len(none) == 0 {
		return []Room{}, nil
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(list, &entries); err != nil {
		return nil, fmt.Errorf("Prosody /room-census: %w: room_census is no list: %w", ErrBadAnswer, err)
	}
	rooms := make([]Room, 0, len(entries))
	for i, entry := range entries {
		r, err := readFields(entry)
		if err != nil {
			return nil, fmt.Errorf("Prosody /room-census: room %d: %w", i, err)
		}
		room := Room{
			Name:         r.text("room_name"),
			Participants: r.count("participants"),
			Created:      time.UnixMilli(r.count("created_time")).UTC(),
			Leaked:       r.flag("leaked"),
		}
		if room.Name == "" || !r.has("participants") {
			return nil, fmt.Errorf("Prosody /room-census: %w: room %d has no usable name or participants", ErrBadAnswer, i)
		}
		rooms = append(rooms, room)
	}
	return rooms, nil
}

// Web is a client of one shard's web server.
type Web struct{ component }

// NewWeb makes a client of the web server at base, "http://127.0.0.1:8000".
func NewWeb(base string, timeout time.Duration) *Web {
	return &Web{newComponent("web", base, timeout)}
}

// Alive asks for a small static file of every installation: any answer below 500 is a web server that works.
func (w *Web) Alive(ctx context.Context) error { return w.alive(ctx, "/config.js") }

// alive asks whether a path answers at all, whatever it says below 500.
func (c component) alive(ctx context.Context, path string) error {
	a, err := c.ask(ctx, http.MethodGet, path, "", maxStatsBytes)
	if err != nil {
		return err
	}
	if a.status >= 500 {
		return fmt.Errorf("%s is %w: %s", c.name, ErrUnhealthy, said(a))
	}
	return nil
}

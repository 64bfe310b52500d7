package standin

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Headers by which a test or the sandbox makes participants come and go through the real routing, on
// POST [/<tenant>]/http-bind?room=R. They exist in no real Jitsi.
const (
	// HeaderJoin is how many participants join room R, 1 to 1,000. The answer is {"shard","tickets"}; 503 when one
	// was refused, with the tickets of those who got in.
	HeaderJoin = "X-Standin-Join"
	// HeaderLeave is the tickets of those who leave, with commas.
	HeaderLeave = "X-Standin-Leave"
	// HeaderStay is the tickets of all in room R who keep their connections alive, with commas. The answer's "gone" are
	// those whom this node does not know: their sessions have ended, and they must join again, as with Prosody's
	// item-not-found for an unknown BOSH session (XEP-0124, section 17). Who is in the room and not named has no client,
	// since the answer to the join was lost on its way: that session ends, as by BOSH's inactivity.
	HeaderStay = "X-Standin-Stay"
)

// HeaderShard names the shard that served a request. The real web image sets it when DEPLOYMENTINFO_SHARD is given.
const HeaderShard = "X-Jitsi-Shard"

// Seats is the answer to participants who come or go.
type Seats struct {
	Shard   string   `json:"shard"`
	Tickets []Ticket `json:"tickets"`
	Left    int      `json:"left"`
	Gone    []Ticket `json:"gone,omitempty"`    // of those who stay, whom this node does not know
	Refused string   `json:"refused,omitempty"` // why one could not join
}

// webHandler is a signal node's web server, which passes signalling on to Prosody and health on to Jicofo.
func (w *World) webHandler(s *signal) http.Handler {
	mux := http.NewServeMux()
	both := func(method, path string, h http.HandlerFunc) {
		mux.HandleFunc(method+" "+path, h)
		mux.HandleFunc(method+" /{tenant}"+path, h)
	}
	both("GET", "/config.js", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/javascript")
		_, _ = fmt.Fprintf(rw, "var config = {deploymentInfo: {shard: %q}};\n", s.shard.name)
	})
	both("GET", "/http-bind", func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "It works!") })
	both("POST", "/http-bind", w.locked(func(rw http.ResponseWriter, r *http.Request) { w.signalling(s, rw, r) }))
	both("GET", "/xmpp-websocket", func(rw http.ResponseWriter, r *http.Request) {
		if roomOf(r) == "" {
			rw.WriteHeader(http.StatusBadRequest)
		}
	})
	both("POST", "/conference-request/v1", func(rw http.ResponseWriter, _ *http.Request) {
		writeJSON(rw, map[string]any{"ready": true, "focusJid": "focus@auth." + w.options.Domain, "properties": map[string]any{}})
	})
	both("GET", "/_unlock", func(rw http.ResponseWriter, _ *http.Request) { writeJSON(rw, map[string]any{}) })
	mux.HandleFunc("GET /about/health", w.locked(func(rw http.ResponseWriter, _ *http.Request) { jicofoHealth(s, rw) }))
	mux.HandleFunc("GET /", func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(rw, "<!DOCTYPE html><title>Jitsi Meet</title>")
	})
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		cut := s.overloaded && roomOf(r) != ""
		w.mu.Unlock()
		if cut {
			panic(http.ErrAbortHandler) // the connection is cut without an answer
		}
		rw.Header().Set(HeaderShard, s.shard.name)
		rw.Header().Set("Access-Control-Expose-Headers", HeaderShard)
		mux.ServeHTTP(rw, r)
	})
}

// signalling is a BOSH request: participants come or go as its headers say; without them it only keeps alive.
func (w *World) signalling(s *signal, rw http.ResponseWriter, r *http.Request) {
	coming, going, staying, err := wishes(r.Header)
	if err == nil && coming > 0 && roomOf(r) == "" {
		err = errors.New("who joins needs a room")
	}
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	seats := Seats{Shard: s.shard.name, Tickets: []Ticket{}}
	for _, t := range going {
		if w.leave(t) {
			seats.Left++
		}
	}
	if len(staying) > 0 {
		seats.Gone = w.stay(s, roomOf(r), staying)
	}
	for range coming {
		t, err := w.join(s, roomOf(r))
		if err != nil {
			seats.Refused = err.Error()
			continue
		}
		seats.Tickets = append(seats.Tickets, t)
	}
	rw.Header().Set("Content-Type", "application/json")
	if seats.Refused != "" {
		rw.WriteHeader(http.StatusServiceUnavailable)
	}
	writeJSON(rw, seats)
}

// stay ends the sessions in a room that nobody keeps alive, and returns those that somebody does and that are not here.
func (w *World) stay(s *signal, roomName string, staying []Ticket) (gone []Ticket) {
	for _, t := range staying {
		if p := w.people[t]; p == nil || p.room.signal != s {
			gone = append(gone, t)
		}
	}
	if r := s.rooms[strings.ToLower(roomName)]; r != nil {
		for _, t := range sortedTickets(r.people) {
			if !slices.Contains(staying, t) {
				w.leave(t)
			}
		}
	}
	return gone
}

// wishes reads the three headers.
func wishes(h http.Header) (coming int, going, staying []Ticket, err error) {
	if text := h.Get(HeaderJoin); text != "" {
		coming, err = strconv.Atoi(text)
		if err != nil || coming < 1 || coming > 1000 {
			return 0, nil, nil, fmt.Errorf("%s %q is not 1 to 1000", HeaderJoin, text)
		}
	}
	if going, err = tickets(h, HeaderLeave); err == nil {
		staying, err = tickets(h, HeaderStay)
	}
	return coming, going, staying, err
}

func tickets(h http.Header, name string) ([]Ticket, error) {
	var found []Ticket
	for text := range strings.SplitSeq(h.Get(name), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		t, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is no ticket", name, text)
		}
		found = append(found, Ticket(t))
	}
	return found, nil
}

package standin

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// signalHandlers are the HTTP interfaces of a signal node by port.
func (w *World) signalHandlers(s *signal) map[uint16]http.Handler {
	return map[uint16]http.Handler{
		jicofoPort:  w.jicofoHandler(s),
		prosodyPort: w.prosodyHandler(s),
		webPort:     w.webHandler(s),
		xmppPort:    http.NotFoundHandler(), // it takes connections, and nobody here speaks XMPP
	}
}

// jicofoHandler is Jicofo's HTTP interface with jicofo.health.enabled.
func (w *World) jicofoHandler(s *signal) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /about/health", w.locked(func(rw http.ResponseWriter, _ *http.Request) { jicofoHealth(s, rw) }))
	mux.HandleFunc("GET /about/version", w.locked(func(rw http.ResponseWriter, _ *http.Request) {
		writeJSON(rw, map[string]string{"name": "JiCoFo", "version": jicofoVersion, "os": "Linux"})
	}))
	mux.HandleFunc("GET /stats", w.locked(func(rw http.ResponseWriter, _ *http.Request) { writeJSON(rw, w.jicofoStats(s)) }))
	mux.HandleFunc("GET /debug", w.locked(func(rw http.ResponseWriter, _ *http.Request) { writeJSON(rw, w.jicofoDebug(s)) }))
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.advance()
		down := w.now.Before(s.jicofoUpAt)
		w.mu.Unlock()
		if down {
			panic(http.ErrAbortHandler) // the connection is cut, as by a process that is not there
		}
		mux.ServeHTTP(rw, r)
	})
}

// jicofoHealth fails hard while there is no operational bridge that is not in graceful shutdown.
func jicofoHealth(s *signal, rw http.ResponseWriter) {
	for _, b := range s.brewery {
		if b.operational() && !b.seen.graceful {
			_, _ = io.WriteString(rw, "OK")
			return
		}
	}
	http.Error(rw, fmt.Sprintf("No operational bridges available (total bridge count: %d)", len(s.brewery)),
		http.StatusInternalServerError)
}

// jicofoStats has every field of the documented sample. With no conference the average size is 0/0, which Jicofo
// writes as the string NaN.
func (w *World) jicofoStats(s *signal) map[string]any {
	participants, largest, pairs := 0, 0, 0
	for _, r := range s.rooms {
		n := len(r.people)
		participants, largest, pairs = participants+n, max(largest, n), pairs+n*n
	}
	operational, leaving := 0, 0
	for _, b := range s.brewery {
		if b.operational() {
			operational++
		}
		if b.seen.graceful || b.seen.shuttingDown {
			leaving++
		}
	}
	var average any = "NaN"
	if len(s.rooms) > 0 {
		average = float64(participants) / float64(len(s.rooms))
	}
	return map[string]any{
		"total_participants": s.participantsEver, "total_conferences_created": s.conferencesCreated,
		"conferences": len(s.rooms), "conferences_with_visitors": 0,
		"bridge_failures":           map[string]any{"participants_moved": s.participantsMoved, "bridges_removed": s.bridgesRemoved},
		"participant_notifications": map[string]any{"ice_failed": 0, "request_restart": 0},
		"largest_conference":        largest, "participants": participants, "visitors": 0,
		"conference_sizes": map[string]any{
			"average": average, "max": largest, "min": 0, "total_value": participants,
			"total_count": len(s.rooms), "discarded": 0, "buckets": map[string]any{},
		},
		"endpoint_pairs": pairs,
		"jibri": map[string]any{
			"total_sip_call_failures": 0, "total_live_streaming_failures": s.streamingFailures, "total_recording_failures": s.recordingFailures,
			"live_streaming_active": s.active(true), "recording_active": s.active(false), "sip_call_active": 0,
		},
		"queues": map[string]any{},
		"bridge_selector": map[string]any{
			"bridge_count": len(s.brewery), "operational_bridge_count": operational,
			"in_shutdown_bridge_count": leaving, "lost_bridges": s.lostBridges, "bridge_version_count": min(1, len(s.brewery)),
		},
		"jibri_detector":     w.detectorStats(s),
		"sip_jibri_detector": map[string]any{"count": 0, "available": 0},
		"jigasi": map[string]any{
			"rejected_requests": 0, "accepted_requests": 0, "retries": 0, "instance_errors": 0, "instance_timeout": 0,
			"requests_failed_no_instance": 0, "requests_failed_xmpp_not_connected": 0,
		},
		"threads": 131,
		"jingle":  map[string]any{"sent": map[string]any{}, "received": map[string]any{}},
		"version": jicofoVersion, "slow_health_check": 0, "healthy": operational > 0,
		"health": map[string]any{
			"success": operational > 0, "hardFailure": operational == 0, "responseCode": nil, "sticky": false, "message": nil,
		},
	}
}

// jicofoDebug is Jicofo's view of each bridge, by the full JID of its brewery occupant.
func (w *World) jicofoDebug(s *signal) map[string]any {
	bridges := map[string]any{}
	for _, b := range s.brewery {
		corrected := w.corrected(b)
		bridges["jvbbrewery@internal.auth."+w.options.Domain+"/"+string(b.id)] = map[string]any{
			"stress": b.seen.stress, "corrected-stress": corrected, "overloaded": corrected >= stressThreshold,
			"operational": b.operational(), "healthy": b.seen.healthy,
			"drain":             b.seen.drain || !b.seen.ever,
			"graceful-shutdown": b.seen.graceful, "shutting-down": b.seen.shuttingDown, "failing-ice": false,
			"region": "eu-central-1", "relay-id": string(b.id), "release": "release-1", "version": bridgeVersion,
			"endpoints": len(b.people), "endpoint-restart-requests": 0,
		}
	}
	return map[string]any{
		"bridge_selector": map[string]any{"strategy": "RegionBasedBridgeSelectionStrategy", "bridge": bridges},
		"jibri_detector":  w.detectorDebug(s),
	}
}

// prosodyHandler is Prosody's HTTP modules. The census belongs to the meetings' virtual host.
func (w *World) prosodyHandler(s *signal) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /http-bind", func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(rw, "<html><body><p>It works! Now point your BOSH client to this URL.</p></body></html>")
	})
	mux.HandleFunc("GET /room-census", w.locked(func(rw http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if host != w.options.Domain || s.censusHidden {
			http.NotFound(rw, r)
			return
		}
		writeJSON(rw, w.census(s))
	}))
	return mux
}

// census has the rooms of people, and that of Jicofo's present health check, in which there is only the focus.
func (w *World) census(s *signal) map[string]any {
	rooms := []map[string]any{{
		"room_name":    "__jicofo-health-check-" + string(s.id) + "@conference." + w.options.Domain,
		"participants": 0, "created_time": w.now.UnixMilli(), "leaked": false,
	}}
	for _, name := range sortedKeys(s.rooms) {
		r := s.rooms[name]
		rooms = append(rooms, map[string]any{
			"room_name":    name + "@conference." + w.options.Domain,
			"participants": len(r.people), "created_time": r.created.UnixMilli(), "leaked": false,
		})
	}
	return map[string]any{"room_census": rooms}
}

// roomOf is the conference that a request is about: the query's room, with the tenant that leads the path.
func roomOf(r *http.Request) string {
	name := strings.ToLower(r.URL.Query().Get("room"))
	if tenant := r.PathValue("tenant"); tenant != "" && name != "" {
		return "[" + strings.ToLower(tenant) + "]" + name
	}
	return name
}

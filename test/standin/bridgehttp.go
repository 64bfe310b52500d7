package standin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Versions that the stand-ins say they are.
const (
	bridgeVersion = "2.3.280-g1a2b3c4"
	jicofoVersion = "1.1.11189"
)

// bridgeHandler is a videobridge's private HTTP interface. A hung bridge keeps every question waiting, a slow one for
// a while.
func (w *World) bridgeHandler(b *bridge) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /about/health", w.locked(func(rw http.ResponseWriter, _ *http.Request) {
		if b.unhealthy != "" {
			rw.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(rw, b.unhealthy)
		}
	}))
	mux.HandleFunc("GET /about/version", w.locked(func(rw http.ResponseWriter, _ *http.Request) {
		writeJSON(rw, map[string]string{"name": "JVB", "version": bridgeVersion, "os": "Linux"})
	}))
	mux.HandleFunc("GET /colibri/stats", w.locked(func(rw http.ResponseWriter, _ *http.Request) {
		writeJSON(rw, w.bridgeStats(b))
	}))
	mux.HandleFunc("GET /colibri/drain", w.locked(func(rw http.ResponseWriter, _ *http.Request) {
		writeJSON(rw, map[string]bool{"drain": b.drain})
	}))
	mux.HandleFunc("POST /colibri/drain/enable", w.locked(func(http.ResponseWriter, *http.Request) { b.drain = true }))
	mux.HandleFunc("POST /colibri/drain/disable", w.locked(func(http.ResponseWriter, *http.Request) { b.drain = false }))
	mux.HandleFunc("POST /colibri/shutdown", w.locked(func(rw http.ResponseWriter, r *http.Request) { w.shutdownOrder(b, rw, r) }))
	mux.HandleFunc("GET /metrics", w.locked(func(rw http.ResponseWriter, r *http.Request) { bridgeMetrics(b, rw, r) }))
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.waitFor(b, r) {
			mux.ServeHTTP(rw, r)
		}
	})
}

// waitFor keeps a question to a hung or slow bridge waiting; false when who asked has gone.
func (w *World) waitFor(b *bridge, r *http.Request) bool {
	w.mu.Lock()
	hung, slow := b.hung, b.slow
	w.mu.Unlock()
	if hung != nil {
		select {
		case <-hung:
		case <-r.Context().Done():
			return false
		}
	}
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-r.Context().Done():
			return false
		}
	}
	return true
}

// locked answers one question with the World at its clock's time.
func (w *World) locked(answer http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.advance()
		answer(rw, r)
	}
}

// shutdownOrder is POST /colibri/shutdown. An order to shut down gracefully does nothing to a bridge that does so
// already; a forced one hurries it.
func (w *World) shutdownOrder(b *bridge, rw http.ResponseWriter, r *http.Request) {
	var order struct {
		Graceful *bool `json:"graceful-shutdown"`
	}
	if json.NewDecoder(io.LimitReader(r.Body, 4096)).Decode(&order) != nil || order.Graceful == nil {
		http.Error(rw, "graceful-shutdown is missing", http.StatusBadRequest)
		return
	}
	switch {
	case b.shuttingDown:
	case !*order.Graceful:
		w.shutDown(b)
	case !b.graceful:
		b.graceful, b.gracefulAt = true, w.now
		if len(b.people) == 0 {
			w.shutDown(b)
		}
	}
}

// bridgeStats has every field of VideobridgeStatisticsShim.kt. Gauges are those of the last refresh; modes and
// joined rooms are as they are now.
func (w *World) bridgeStats(b *bridge) map[string]any {
	g, joined := b.gauges, 0
	if b.joined {
		joined = 1
	}
	stats := map[string]any{
		"current_timestamp": w.now.UTC().Format("2006-01-02 15:04:05.000"),
		"version":           bridgeVersion, "release": "release-1", "region": "eu-central-1", "relay_id": string(b.id),
		"stress_level": g.stress, "average_participant_stress": participantStress,
		"healthy": b.unhealthy == "", "drain": b.drain,
		"graceful_shutdown": b.graceful, "shutting_down": b.shuttingDown,
		"conferences": g.conferences, "octo_conferences": g.octoConferences, "largest_conference": g.largest,
		"endpoints": g.endpoints, "participants": g.endpoints, "octo_endpoints": g.octoEndpoints,
		"local_endpoints": g.localEndpoints, "local_active_endpoints": g.localEndpoints,
		"endpoints_sending_audio": g.localEndpoints, "endpoints_sending_video": g.localEndpoints,
		"bit_rate_download": g.kilobitsIn, "bit_rate_upload": g.kilobitsOut,
		"packet_rate_download": g.kilobitsIn / 8, "packet_rate_upload": g.kilobitsOut / 8, // of 1,000 bytes
		"incoming_loss": 0.002, "outgoing_loss": 0.004, "overall_loss": 0.0035, "rtt_aggregate": 48.6,
		"threads": 214, "muc_clients_configured": 1, "muc_clients_connected": joined,
		"mucs_configured": 1, "mucs_joined": joined,
		"total_participants": g.participantsEver,
	}
	for _, name := range zeroStats {
		stats[name] = 0
	}
	return stats
}

// zeroStats are the fields that the stand-in has no story for.
var zeroStats = strings.Fields(`
	inactive_conferences p2p_conferences visitors receive_only_endpoints inactive_endpoints
	endpoints_with_high_outgoing_loss num_eps_oversending endpoints_with_suspended_sources
	octo_receive_bitrate octo_receive_packet_rate octo_send_bitrate octo_send_packet_rate
	total_conferences_created total_conferences_completed total_conference_seconds total_visitors total_relays
	total_bytes_received total_bytes_sent total_packets_received total_packets_sent
	total_bytes_received_octo total_bytes_sent_octo total_packets_received_octo total_packets_sent_octo
	total_colibri_web_socket_messages_received total_colibri_web_socket_messages_sent
	total_data_channel_messages_received total_data_channel_messages_sent
	total_dominant_speaker_changes total_keyframes_received total_layering_changes_received
	total_video_stream_milliseconds_received preemptive_kfr_sent preemptive_kfr_suppressed
	total_ice_succeeded total_ice_succeeded_relayed total_ice_failed
	endpoints_ice_failed dtls_failed_endpoints relays_ice_failed dtls_failed_relays
	endpoints_disconnected endpoints_reconnected endpoints_with_spurious_remb
	num_eps_no_msg_transport_after_delay num_relays_no_msg_transport_after_delay tcc_unmatched_feedback`)

// bridgeMetrics is the minimal set of /metrics. Without an Accept header the real handler fails.
func bridgeMetrics(b *bridge, rw http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Accept") == "" {
		http.Error(rw, "java.lang.NullPointerException", http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	for _, m := range []struct {
		name  string
		value float64
	}{
		{"stress", b.gauges.stress},
		{"local_endpoints", float64(b.gauges.localEndpoints)},
		{"conferences", float64(b.gauges.conferences)},
		{"healthy", truth(b.unhealthy == "")},
		{"drain_mode", truth(b.drain)},
		{"graceful_shutdown", truth(b.graceful)},
		{"shutting_down", truth(b.shuttingDown)},
		{"muc_clients_connected", truth(b.joined)},
	} {
		_, _ = fmt.Fprintf(rw, "# TYPE jitsi_jvb_%[1]s gauge\njitsi_jvb_%[1]s %[2]g\n", m.name, m.value)
	}
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func writeJSON(rw http.ResponseWriter, v any) {
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(v)
}

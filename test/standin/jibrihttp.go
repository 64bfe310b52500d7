package standin

import (
	"net/http"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// jibriHandlers are Jibri's two APIs, each on its port.
func (w *World) jibriHandlers(j *jibri) map[uint16]http.Handler {
	external, internal := http.NewServeMux(), http.NewServeMux()
	external.HandleFunc("GET /jibri/api/v1.0/health", w.ofJibri(j, func() any { return j.health() }))
	external.HandleFunc("POST /jibri/api/v1.0/stopService", w.stopService(j))
	internal.HandleFunc("POST /jibri/api/internal/v1.0/gracefulShutdown", w.ofJibri(j, func() any {
		j.leaving = true
		return nil
	}))
	internal.HandleFunc("POST /jibri/api/internal/v1.0/shutdown", w.ofJibri(j, func() any {
		j.leaving = true
		if j.session != nil && !j.session.ending {
			w.stopSession(j)
		}
		return nil
	}))
	return map[uint16]http.Handler{settings.JibriPort: external, settings.RetirePort: internal}
}

// ofJibri answers 200 whatever Jibri's state is, with an object or nothing; a Jibri that hangs answers when it no
// longer does.
func (w *World) ofJibri(j *jibri, answer func() any) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.advance()
		for hung := j.hung; hung != nil; hung = j.hung {
			w.mu.Unlock()
			select {
			case <-hung:
			case <-r.Context().Done():
				return
			}
			w.mu.Lock()
		}
		said := answer()
		w.mu.Unlock()
		if said != nil {
			writeJSON(rw, said)
		}
	}
}

// stopService stops the session and answers when it is over, its finalize program included.
func (w *World) stopService(j *jibri) http.HandlerFunc {
	return w.ofJibri(j, func() any {
		if j.session != nil && !j.session.ending {
			w.stopSession(j)
		}
		return nil
	})
}

// health is Jibri's own word: an expired one says so here only.
func (j *jibri) health() map[string]any {
	now := j.status()
	busy, health, details := "IDLE", "HEALTHY", map[string]any{}
	switch {
	case j.expired && j.session == nil:
		busy = "EXPIRED"
	case now.busy:
		busy = "BUSY"
	}
	if !now.healthy {
		health = "UNHEALTHY"
		details["JibriManager"] = map[string]any{"healthStatus": "UNHEALTHY", "detail": ""}
	}
	answer := map[string]any{"status": map[string]any{"busyStatus": busy, "health": map[string]any{"healthStatus": health, "details": details}}}
	if j.session != nil {
		answer["environmentContext"] = map[string]any{"name": "shard-" + j.session.signal.addr.String()}
	}
	return answer
}

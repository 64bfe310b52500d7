package jitsi

import (
	"fmt"
	"strings"
)

// JicofoJibri is one recorder in Jicofo's judgement, by its last presence.
type JicofoJibri struct {
	Healthy bool
	Idle    bool
	// Available is whether Jicofo would choose it: healthy, idle, and not lately failed or just chosen.
	Available bool
}

// DecodeJicofoJibris reads jibri_detector of /debug, an object by the recorders' nicknames (JibriDetector.kt). A key
// that is a whole JID counts by its resource. A recorder whose two words cannot be read is left out: it is neither
// idle nor busy in anybody's eyes. An object without recorders is an empty brewery, none at all is an error.
func DecodeJicofoJibris(raw []byte) (map[string]JicofoJibri, error) {
	f, err := readFields(raw)
	if err != nil {
		return nil, fmt.Errorf("Jicofo /debug: %w", err)
	}
	listed := f.object("jibri_detector")
	if !f.has("jibri_detector") {
		return nil, fmt.Errorf("Jicofo /debug: %w: no usable jibri_detector", ErrBadAnswer)
	}
	jibris := make(map[string]JicofoJibri, len(listed.raw))
	for key := range listed.raw {
		nickname := key
		if _, resource, whole := strings.Cut(key, "/"); whole {
			nickname = resource
		}
		j := listed.object(key)
		health, busy := strings.ToUpper(j.text("health_status")), strings.ToUpper(j.text("busy_status"))
		if nickname == "" || health == "" || busy == "" {
			continue
		}
		view := JicofoJibri{Healthy: health == "HEALTHY", Idle: busy == "IDLE"}
		view.Available = view.Healthy && view.Idle && j.flag("reports_available")
		jibris[nickname] = view
	}
	return jibris, nil
}

package jitsi

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Jibri is a client of one Jibri's two HTTP interfaces.
type Jibri struct{ external, internal component }

// NewJibri makes a client of the Jibri whose health is told at external, "http://127.0.0.1:2222", and which is told
// to end at internal, "http://127.0.0.1:3333".
func NewJibri(external, internal string, timeout time.Duration) *Jibri {
	return &Jibri{
		external: newComponent("Jibri", external, timeout),
		internal: newComponent("Jibri's internal API", internal, timeout),
	}
}

// Health asks how Jibri is. Jibri answers 200 however it is, so only a missing answer is an error.
func (j *Jibri) Health(ctx context.Context) (JibriHealth, error) {
	raw, err := j.external.get(ctx, "/jibri/api/v1.0/health", maxTextBytes)
	if err != nil {
		return JibriHealth{}, err
	}
	return DecodeJibriHealth(raw)
}

// GracefulShutdown lets Jibri end as soon as it is idle, with exit status 255. An idle one ends at once; no session can begin
// in between, since it reports busy while it waits. A session that is on goes on to its end, its finalize script
// included. It may be repeated.
func (j *Jibri) GracefulShutdown(ctx context.Context) error {
	return j.internal.post(ctx, "/jibri/api/internal/v1.0/gracefulShutdown", "")
}

// JibriBusy is Jibri's word for whether it takes a session (ComponentBusyStatus.kt).
type JibriBusy string

// Jibri's words.
const (
	JibriIdle    JibriBusy = "IDLE"
	JibriInUse   JibriBusy = "BUSY"
	JibriExpired JibriBusy = "EXPIRED" // takes no further session in this life
)

// JibriHealth is Jibri's word on itself (HttpApi.kt). It knows nothing of its disk, its browser and its XMPP
// connections.
type JibriHealth struct {
	Busy JibriBusy
	// Healthy is false after an error of the whole system, which never heals without a restart.
	Healthy bool
	// Details names what is unhealthy, in one line.
	Details string
	// Environment is the XMPP environment and server whose session is on; empty when none is.
	Environment string
	// Wrong names the fields whose value had another kind than the documented one.
	Wrong []string
}

// DecodeJibriHealth reads the body of /health. The two words of the status must be there and be known ones: a
// recorder is never taken for idle or healthy by default.
func DecodeJibriHealth(raw []byte) (JibriHealth, error) {
	f, err := readFields(raw)
	if err != nil {
		return JibriHealth{}, fmt.Errorf("Jibri /health: %w", err)
	}
	status := f.object("status")
	health := status.object("health")
	h := JibriHealth{
		Busy:        JibriBusy(status.text("busyStatus")),
		Details:     unhealthyParts(health.object("details")),
		Environment: f.object("environmentContext").text("name"),
	}
	word := health.text("healthStatus")
	h.Healthy = word == "HEALTHY"
	h.Wrong = f.wrongKinds()
	switch h.Busy {
	case JibriIdle, JibriInUse, JibriExpired:
	default:
		return h, fmt.Errorf("Jibri /health: %w: no usable busyStatus", ErrBadAnswer)
	}
	if word != "HEALTHY" && word != "UNHEALTHY" {
		return h, fmt.Errorf("Jibri /health: %w: no usable healthStatus", ErrBadAnswer)
	}
	return h, nil
}

// unhealthyParts names the components of Jibri that are not healthy, with what they say.
func unhealthyParts(details fields) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(details.raw)) {
		part := details.object(name)
		if part.text("healthStatus") == "HEALTHY" {
			continue
		}
		if said := part.text("detail"); said != "" {
			name += ": " + said
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, "; ")
}

package jitsi

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Jicofo is a client of one Jicofo's HTTP interface.
type Jicofo struct{ component }

// NewJicofo makes a client of the Jicofo at base, "http://127.0.0.1:8888".
func NewJicofo(base string, timeout time.Duration) *Jicofo {
	return &Jicofo{newComponent("Jicofo", base, timeout)}
}

// Stats asks GET /stats.
func (j *Jicofo) Stats(ctx context.Context) (JicofoStats, error) {
	raw, err := j.get(ctx, "/stats", maxStatsBytes)
	if err != nil {
		return JicofoStats{}, err
	}
	return DecodeJicofoStats(raw)
}

// Health asks GET /about/health. It is a hard failure (500) while the shard has no operational bridge, and 404
// (ErrNoHealth) unless jicofo.health.enabled.
func (j *Jicofo) Health(ctx context.Context) error { return j.health(ctx) }

// Views asks GET /debug for Jicofo's judgement of each bridge and each recorder. When only the recorders cannot be
// read, they are nil and there is no error.
func (j *Jicofo) Views(ctx context.Context) (JicofoViews, error) {
	raw, err := j.get(ctx, "/debug", maxCensusBytes)
	if err != nil {
		return JicofoViews{}, err
	}
	bridges, err := DecodeJicofoBridges(raw)
	if err != nil {
		return JicofoViews{}, err
	}
	jibris, err := DecodeJicofoJibris(raw)
	if err != nil {
		jibris = nil
	}
	return JicofoViews{Bridges: bridges, Jibris: jibris}, nil
}

// JicofoViews is Jicofo's judgement of who is in its breweries, by nickname.
type JicofoViews struct {
	Bridges map[string]JicofoBridge
	Jibris  map[string]JicofoJibri // nil when Jicofo did not tell
}

// JicofoStats is what is used of Jicofo's /stats. Sources: FocusManager.kt, BridgeSelector.kt and others.
type JicofoStats struct {
	Version            string
	Conferences        int64
	Participants       int64 // a lone waiting user counts too
	LargestConference  int64
	Bridges            int64 // in the brewery
	OperationalBridges int64
	InShutdownBridges  int64
	LostBridges        int64 // counter
	ParticipantsMoved  int64 // counter
	JibrisSeen         int64
	JibrisAvailable    int64
	// Wrong names the fields whose value had another kind than the documented one; they read as zero.
	Wrong []string
}

// DecodeJicofoStats reads the body of /stats. conference_sizes, which was an array once, has been an object since
// and may hold "NaN", is left alone. The counts that would prove a shard empty must be there.
func DecodeJicofoStats(raw []byte) (JicofoStats, error) {
	f, err := readFields(raw)
	if err != nil {
		return JicofoStats{}, fmt.Errorf("Jicofo /stats: %w", err)
	}
	selector, jibris := f.object("bridge_selector"), f.object("jibri_detector")
	s := JicofoStats{
		Version:            f.text("version"),
		Conferences:        f.count("conferences"),
		Participants:       f.count("participants"),
		LargestConference:  f.count("largest_conference"),
		Bridges:            selector.count("bridge_count"),
		OperationalBridges: selector.count("operational_bridge_count"),
		InShutdownBridges:  selector.count("in_shutdown_bridge_count"),
		LostBridges:        selector.count("lost_bridges"),
		ParticipantsMoved:  f.object("bridge_failures").count("participants_moved"),
		JibrisSeen:         jibris.count("count"),
		JibrisAvailable:    jibris.count("available"),
	}
	s.Wrong = f.wrongKinds()
	if !f.has("conferences") || !f.has("participants") {
		return s, fmt.Errorf("Jicofo /stats: %w: no usable conferences or participants", ErrBadAnswer)
	}
	return s, nil
}

// JicofoBridge is one bridge in Jicofo's judgement.
type JicofoBridge struct {
	Operational      bool
	Healthy          bool
	Drain            bool
	GracefulShutdown bool
	ShuttingDown     bool
	Stress           float64
	CorrectedStress  float64 // with the stress of those who joined in the last 20 s
	Endpoints        int64
}

// DecodeJicofoBridges reads bridge_selector.bridge of /debug, an object by the bridges' full JIDs. The key of the
// result is the resource of the JID, which is the bridge's nickname in the brewery. A bridge whose endpoints
// cannot be read is left out, so that it never looks empty.
func DecodeJicofoBridges(raw []byte) (map[string]JicofoBridge, error) {
	f, err := readFields(raw)
	if err != nil {
		return nil, fmt.Errorf("Jicofo /debug: %w", err)
	}
	selector := f.object("bridge_selector")
	listed := selector.object("bridge")
	if !selector.has("bridge") {
		return nil, fmt.Errorf("Jicofo /debug: %w: no usable bridge_selector.bridge", ErrBadAnswer)
	}
	bridges := make(map[string]JicofoBridge, len(listed.raw))
	for jid := range listed.raw {
		_, nickname, found := strings.Cut(jid, "/")
		b := listed.object(jid)
		view := JicofoBridge{
			Operational:      b.flag("operational"),
			Healthy:          b.flag("healthy"),
			Drain:            b.flag("drain"),
			GracefulShutdown: b.flag("graceful-shutdown"),
			ShuttingDown:     b.flag("shutting-down"),
			Stress:           b.float("stress"),
			CorrectedStress:  b.float("corrected-stress"),
			Endpoints:        b.count("endpoints"),
		}
		if found && nickname != "" && b.has("endpoints") {
			bridges[nickname] = view
		}
	}
	return bridges, nil
}

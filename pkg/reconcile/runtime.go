package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// Runtime reads the operator's run-time values. Invalid ones are refused and announced, and the last good ones
// stay in force.
type Runtime struct {
	Parameters Parameters
	Memory     Memory
	Announcer  Announcer
	Deployed   []settings.Schedule // the schedules of the deployed settings
	Log        *slog.Logger
}

// RuntimeValues are the values in force.
type RuntimeValues struct {
	runtime  settings.Runtime
	deployed []settings.Schedule
	bounds   settings.Bounds
	// beside is what failed beside: the values hold, but could not be kept, or their refusal not be announced.
	beside error
}

// At is what holds for one shard at one moment.
func (v RuntimeValues) At(now time.Time, shard string) settings.Values {
	return v.runtime.At(now, shard, v.bounds.Base(shard), v.deployed)
}

// EventSettingsRefused is announced when the run-time parameter is invalid.
const EventSettingsRefused = "Settings Refused"

// refusal is the detail of EventSettingsRefused.
type refusal struct {
	Version  int                `json:"version"`
	Problems []settings.Problem `json:"problems"`
	InForce  string             `json:"inForce"` // the raw values that stay in force
}

// Read reads the parameter and validates it against what is deployed. refused is 1 when it is invalid or cannot be
// read; then the last good values hold, or the deployed ones when there were none. The error means that no values
// are known.
func (r Runtime) Read(ctx context.Context, bounds settings.Bounds) (values RuntimeValues, refused int, err error) {
	raw, readErr := r.Parameters.Read(ctx)
	if readErr == nil {
		runtime, problem := settings.ParseRuntime([]byte(raw), bounds)
		if problem == nil {
			return RuntimeValues{runtime, r.Deployed, bounds, r.Memory.Keep(ctx, raw)}, 0, nil
		}
		readErr = problem
	}
	good, known, err := r.Memory.LastGood(ctx)
	if err != nil {
		return RuntimeValues{}, 1, fmt.Errorf("the last good run-time values are not known: %w", err)
	}
	if !known {
		good = "{}"
	}
	runtime, err := settings.ParseRuntime([]byte(good), bounds)
	if err != nil {
		runtime, good = settings.Runtime{}, "{}"
	}
	r.Log.Error("the run-time values are refused; the last good ones stay in force", "error", readErr.Error(), "inForce", good)
	return RuntimeValues{runtime, r.Deployed, bounds, r.announce(ctx, readErr, good)}, 1, nil
}

func (r Runtime) announce(ctx context.Context, cause error, inForce string) error {
	var invalid settings.Invalid
	if !errors.As(cause, &invalid) {
		return nil // the parameter could not be read: that is no decision of ours
	}
	return r.Announcer.Announce(ctx, EventSettingsRefused, refusal{Version: 1, Problems: invalid, InForce: inForce})
}

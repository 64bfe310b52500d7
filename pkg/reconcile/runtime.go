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
	InForce  settings.Runtime   `json:"inForce"` // the values that stay in force
}

// Read reads the parameter and validates it against what is deployed. refused is 1 when it is invalid. When it is, or
// cannot be read, the last good values hold, or the deployed ones when there were none. The error means that no
// values are known.
func (r Runtime) Read(ctx context.Context, bounds settings.Bounds) (values RuntimeValues, refused int, err error) {
	raw, unread := r.Parameters.Read(ctx)
	if unread != nil {
		values, err = r.lastGood(ctx, bounds)
		values.beside = unread
		return values, 0, err
	}
	runtime, invalid := settings.ParseRuntime([]byte(raw), bounds)
	if invalid == nil {
		return RuntimeValues{runtime, r.Deployed, bounds, r.Memory.Keep(ctx, raw)}, 0, nil
	}
	if values, err = r.lastGood(ctx, bounds); err != nil {
		return values, 1, err
	}
	values.beside = r.announce(ctx, raw, invalid, values.runtime)
	return values, 1, nil
}

// lastGood are the last values that were valid, as far as they fit what is deployed now.
func (r Runtime) lastGood(ctx context.Context, bounds settings.Bounds) (RuntimeValues, error) {
	values := RuntimeValues{deployed: r.Deployed, bounds: bounds}
	good, known, err := r.Memory.LastGood(ctx)
	if err != nil {
		return values, fmt.Errorf("the last good run-time values are not known: %w", err)
	}
	if !known {
		return values, nil
	}
	if values.runtime, err = settings.ParseRuntime([]byte(good), bounds); err != nil {
		values.runtime = settings.Runtime{}
		r.Log.Error("the last good run-time values do not fit what is deployed; the deployed ones are in force", "error", err.Error())
	}
	return values, nil
}

// announce tells of invalid values once for each text of the parameter, not on every run.
func (r Runtime) announce(ctx context.Context, raw string, cause error, inForce settings.Runtime) error {
	first, err := r.Memory.Refuse(ctx, raw)
	if err != nil || !first {
		return err
	}
	r.Log.Error("the run-time values are refused; the last good ones stay in force", "error", cause.Error())
	var invalid settings.Invalid
	errors.As(cause, &invalid)
	return r.Announcer.Announce(ctx, EventSettingsRefused, refusal{Version: 1, Problems: invalid, InForce: inForce})
}

package reconcile

import (
	"errors"
	"fmt"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// deeds is what a run did to one group and what it failed to do.
type deeds struct {
	done []string
	errs []error
	// spared says what was left alone, and why: that is the fleet at work, no failure.
	spared []string
}

// ordered is did for an order to an agent. A node that refuses to retire, since somebody came after it was found empty,
// is spared.
func (d *deeds) ordered(err error, verb fleet.Verb, id fleet.InstanceID) bool {
	if verb == fleet.VerbRetire && errors.Is(err, fleet.ErrOccupied) {
		d.spared = append(d.spared, fmt.Sprintf("%s stays: %s since it was found empty", id, err))
		return false
	}
	return d.did(err, "%s %s", verb, id)
}

// did notes one side effect and reports whether it succeeded.
func (d *deeds) did(err error, format string, args ...any) bool {
	what := fmt.Sprintf(format, args...)
	if err != nil {
		d.errs = append(d.errs, fmt.Errorf("%s: %w", what, err))
		return false
	}
	d.done = append(d.done, what)
	return true
}

// failure is everything that failed, nil when nothing did.
func (d *deeds) failure() error { return errors.Join(d.errs...) }

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

package reconcile

import (
	"errors"
	"fmt"
)

// deeds is what a run did to one group and what it failed to do.
type deeds struct {
	done []string
	errs []error
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

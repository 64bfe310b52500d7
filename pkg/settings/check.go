package settings

import (
	"cmp"
	"fmt"
	"regexp"
	"time"
)

// check looks at the values of one object in a document.
type check struct {
	*report
	path string
}

func (c check) at(key string) check                  { return check{c.report, below(c.path, key)} }
func (c check) element(i int) check                  { return check{c.report, fmt.Sprintf("%s[%d]", c.path, i)} }
func (c check) mend(v any, mend string, args ...any) { c.refuse(c.path, v, mend, args...) }

// whole refuses a number outside low to high.
func (c check) whole(v, low, high int) bool { return ranged(c, "whole number", v, low, high) }

// number refuses a number outside low to high.
func (c check) number(v, low, high float64) bool { return ranged(c, "number", v, low, high) }

// duration refuses a duration outside low to high.
func (c check) duration(v Duration, low, high time.Duration) bool {
	return ranged(c, "duration", v, Duration(low), Duration(high))
}

func ranged[T cmp.Ordered](c check, noun string, v, low, high T) bool {
	if v < low || v > high {
		c.mend(v, "write a %s from %s to %s", noun, asJSON(low), asJSON(high))
		return false
	}
	return true
}

// text refuses a text of another form; an empty one is missing.
func (c check) text(v string, form *regexp.Regexp, mend string) bool {
	switch {
	case form.MatchString(v):
		return true
	case v == "":
		c.mend(nil, "%s", mend)
	default:
		c.mend(v, "%s", mend)
	}
	return false
}

// unique refuses the second of two equal values; seen is where each was first.
func unique[K comparable](c check, v K, seen map[K]string) {
	if first, twice := seen[v]; twice {
		c.mend(v, "write another one, since %s is the same", first)
		return
	}
	seen[v] = c.path
}

package jitsi

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// fields reads one JSON object leniently: a field that is unknown or missing is nothing to speak of, one whose
// value has another kind than the documented one is remembered by name and reads as zero.
type fields struct {
	raw   map[string]json.RawMessage
	path  string
	wrong *[]string
}

// readFields reads an object. The only failure is that the text is no JSON object.
func readFields(text []byte) (fields, error) {
	f := fields{wrong: new([]string)}
	if err := json.Unmarshal(text, &f.raw); err != nil {
		return fields{}, fmt.Errorf("%w: not a JSON object: %w", ErrBadAnswer, err)
	}
	if f.raw == nil {
		return fields{}, fmt.Errorf("%w: null is not a JSON object", ErrBadAnswer)
	}
	return f, nil
}

// wrongKinds is the sorted list of fields whose value had another kind than the documented one.
func (f fields) wrongKinds() []string {
	slices.Sort(*f.wrong)
	return slices.Compact(*f.wrong)
}

// has reports whether a field is there with a value of the right kind so far.
func (f fields) has(name string) bool {
	value, ok := f.raw[name]
	return ok && string(value) != "null" && !slices.Contains(*f.wrong, f.path+name)
}

func (f fields) refuse(name string) { *f.wrong = append(*f.wrong, f.path+name) }

// value is a field's text; false when it is missing or null.
func (f fields) value(name string) (json.RawMessage, bool) {
	v, ok := f.raw[name]
	return v, ok && string(v) != "null"
}

// count reads a whole number that cannot be negative. Counters exceed 2^31, and some writers put "12.0".
func (f fields) count(name string) int64 {
	v, ok := f.value(name)
	if !ok {
		return 0
	}
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil && n >= 0 {
		return n
	}
	x, ok := number(v)
	if !ok || x < 0 || x >= math.MaxInt64 || x != math.Trunc(x) {
		f.refuse(name)
		return 0
	}
	return int64(x)
}

// float reads a number that cannot be negative.
func (f fields) float(name string) float64 {
	v, ok := f.value(name)
	if !ok {
		return 0
	}
	x, ok := number(v)
	if !ok || x < 0 {
		f.refuse(name)
		return 0
	}
	return x
}

func (f fields) flag(name string) bool {
	v, ok := f.value(name)
	if !ok {
		return false
	}
	switch string(v) {
	case "true":
		return true
	case "false":
		return false
	default:
		f.refuse(name)
		return false
	}
}

func (f fields) text(name string) string {
	v, ok := f.value(name)
	if !ok {
		return ""
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		f.refuse(name)
	}
	return s
}

// object reads a nested object; a missing one reads as empty.
func (f fields) object(name string) fields {
	inner := fields{path: f.path + name + ".", wrong: f.wrong}
	v, ok := f.value(name)
	if !ok {
		return inner
	}
	if json.Unmarshal(v, &inner.raw) != nil {
		f.refuse(name)
	}
	return inner
}

// number reads a JSON number; false for any other kind. JSON has no NaN and no infinity, and a number too large
// for a float64 is refused too.
func number(v json.RawMessage) (float64, bool) {
	if strings.ContainsAny(string(v[:1]), `"{[tfn`) {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(v), 64)
	return x, err == nil
}

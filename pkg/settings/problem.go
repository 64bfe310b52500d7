package settings

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that an operator must mend.
type Problem struct {
	Path  string // where it is: "fleet.bridges.min", "runtime.shards.shard-1.maxBridges", or a variable's name
	Value string // what stands there, as JSON text; empty when nothing does
	Mend  string // a sentence that tells what to write instead
}

// shown is how much of a value an error message repeats.
const shown = 60

// String is the problem in one line.
func (p Problem) String() string {
	value := []rune(p.Value)
	switch {
	case len(value) == 0:
		return fmt.Sprintf("%s is missing: %s", p.Path, p.Mend)
	case len(value) > shown:
		return fmt.Sprintf("%s is %s…: %s", p.Path, string(value[:shown]), p.Mend)
	default:
		return fmt.Sprintf("%s is %s: %s", p.Path, p.Value, p.Mend)
	}
}

// Invalid is every problem of one document, sorted by path.
type Invalid []Problem

// Error is one line for each problem.
func (v Invalid) Error() string {
	lines := make([]string, len(v))
	for i, p := range v {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// report collects the problems of one document.
type report struct {
	problems Invalid
	// unread are the paths that could not be decoded. What a rule says of them or of what lies below
	// would be about a default that the operator did not write.
	unread []string
}

// refuse adds a problem; value is what stands there, nil when nothing does.
func (r *report) refuse(path string, value any, mend string, args ...any) {
	if slices.ContainsFunc(r.unread, func(u string) bool { return within(path, u) }) {
		return
	}
	p := Problem{Path: path, Value: asJSON(value), Mend: fmt.Sprintf(mend, args...)}
	if !slices.Contains(r.problems, p) {
		r.problems = append(r.problems, p)
	}
}

// refuseOnce adds a problem unless its path has one already.
func (r *report) refuseOnce(path string, value any, mend string, args ...any) {
	if !slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Path == path }) {
		r.refuse(path, value, mend, args...)
	}
}

// cannotRead adds a problem of form, and silences the rules about that path.
func (r *report) cannotRead(path string, raw json.RawMessage, mend string, args ...any) {
	r.refuse(path, raw, mend, args...)
	r.unread = append(r.unread, path)
}

// err is nil when nothing was refused.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Mend, b.Mend))
	})
	return r.problems
}

// within reports whether a path is another or lies below it.
func within(path, parent string) bool {
	rest, below := strings.CutPrefix(path, parent)
	return below && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

func asJSON(value any) string {
	if value == nil {
		return ""
	}
	if raw, ok := value.(json.RawMessage); ok {
		return string(raw)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%q", fmt.Sprint(value))
	}
	return string(text)
}

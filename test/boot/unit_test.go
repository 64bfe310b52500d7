package boot

import (
	"strings"
)

// unit is what systemd reads in a unit file and its drop-ins: a directive's values in their order, by section and name.
type unit map[string][]string

// units merges files as systemd does: values gather, and an empty one forgets those before it.
func units(files ...string) unit {
	u, section := unit{}, ""
	for line := range strings.Lines(strings.Join(files, "\n")) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		key := section + "." + name
		if u[key] = append(u[key], value); value == "" {
			delete(u, key)
		}
	}
	return u
}

// last is the value of a directive that has one.
func (u unit) last(name string) string {
	values := u["Service."+name]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// environment are the variables that the unit sets; a later one wins.
func (u unit) environment() map[string]string {
	found := map[string]string{}
	for _, line := range u["Service.Environment"] {
		for _, assignment := range fields(line) {
			name, value, _ := strings.Cut(assignment, "=")
			found[name] = value
		}
	}
	return found
}

// start is the command line of ExecStart: $NAME as a word of its own is split, as systemd.service(5) says.
func (u unit) start() []string {
	var argv []string
	variables := u.environment()
	for _, word := range fields(u.last("ExecStart")) {
		if name, found := strings.CutPrefix(word, "$"); found {
			argv = append(argv, strings.Fields(variables[name])...)
			continue
		}
		argv = append(argv, word)
	}
	return argv
}

// fields splits a line at spaces that are in no double quotes.
func fields(line string) []string {
	quoted := false
	words := strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
	for i, w := range words {
		words[i] = strings.Trim(w, `"`)
	}
	return words
}

package telemetry

import "strings"

// Words are the words of the name: BridgesServing is Bridges Serving, ICEFailures is ICE Failures.
func (m Metric) Words() []string {
	var words []string
	upper := func(i int) bool { return i < len(m.Name) && m.Name[i] >= 'A' && m.Name[i] <= 'Z' }
	lower := func(i int) bool { return i < len(m.Name) && m.Name[i] >= 'a' && m.Name[i] <= 'z' }
	begin := 0
	for i := range len(m.Name) {
		// A word begins at a capital after a small letter or a digit, and at the last of several capitals.
		if i > 0 && upper(i) && (!upper(i-1) || lower(i+1)) {
			words, begin = append(words, m.Name[begin:i]), i
		}
	}
	return append(words, m.Name[begin:])
}

// Label is the name as people read it: Bridges serving, ICE failures, Bridge CPU.
func (m Metric) Label() string {
	words := m.Words()
	for i, word := range words {
		if i > 0 && strings.ToUpper(word) != word {
			words[i] = strings.ToLower(word)
		}
	}
	return strings.Join(words, " ")
}

package metrics

import (
	"fmt"
	"regexp"
	"slices"
)

// Rule is a composite alarm's rule: a truth value of other alarms' states.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
type Rule struct {
	Text  string
	holds func(state func(name string) State) bool
	Names []string // of the alarms in it
}

// ruleWords are the parts of a rule: parentheses, words, and names in quotes.
var ruleWords = regexp.MustCompile(`\s*(\(|\)|[A-Z_]+|"[^"]*")`)

// ParseRule reads a rule of AND, OR, NOT, parentheses and the states of alarms by quoted name. NOT binds closest, then
// AND.
func ParseRule(text string) (Rule, error) {
	r := reader{text: text}
	for at := 0; at < len(text); {
		found := ruleWords.FindStringSubmatchIndex(text[at:])
		if len(found) < 4 || found[0] != 0 {
			return Rule{}, fmt.Errorf("rule %q is not understood at character %d", text, at+1)
		}
		r.words = append(r.words, text[at+found[2]:at+found[3]])
		at += found[1]
	}
	holds, err := r.either()
	if err == nil && len(r.words) > 0 {
		err = fmt.Errorf("rule %q has more behind its end: %s", text, r.words[0])
	}
	return Rule{text, holds, r.names}, err
}

type reader struct {
	text         string
	words, names []string
}

type truth = func(state func(string) State) bool

func (r *reader) take(word string) bool {
	if len(r.words) == 0 || r.words[0] != word {
		return false
	}
	r.words = r.words[1:]
	return true
}

func (r *reader) either() (truth, error) {
	left, err := r.both()
	for err == nil && r.take("OR") {
		one := left
		var other truth
		other, err = r.both()
		left = func(s func(string) State) bool { return one(s) || other(s) }
	}
	return left, err
}

func (r *reader) both() (truth, error) {
	left, err := r.one()
	for err == nil && r.take("AND") {
		one := left
		var other truth
		other, err = r.one()
		left = func(s func(string) State) bool { return one(s) && other(s) }
	}
	return left, err
}

func (r *reader) one() (truth, error) {
	switch {
	case r.take("NOT"):
		inner, err := r.one()
		return func(s func(string) State) bool { return !inner(s) }, err
	case r.take("("):
		inner, err := r.either()
		if err == nil && !r.take(")") {
			err = fmt.Errorf("rule %q lacks a parenthesis", r.text)
		}
		return inner, err
	case len(r.words) >= 4 && r.words[1] == "(" && r.words[3] == ")":
		want, name := State(r.words[0]), r.words[2]
		if !slices.Contains([]State{OK, InAlarm, Insufficient}, want) || len(name) < 3 || name[0] != '"' {
			break
		}
		name = name[1 : len(name)-1]
		r.words, r.names = r.words[4:], append(r.names, name)
		return func(s func(string) State) bool { return s(name) == want }, nil
	}
	return nil, fmt.Errorf("rule %q is not understood before %q", r.text, r.words)
}

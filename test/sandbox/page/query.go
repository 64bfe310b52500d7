package page

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// query is a query of CloudWatch Logs Insights, as much of its language as the fleet's dashboards use: sources, fields, a
// filter, the newest first, and a limit.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
type query struct {
	groups []string
	fields []string
	keeps  func(record) bool
	limit  int
}

// record is one log line: its members by their paths, such as decision.reasons.0.
type record map[string]string

// at is the field of a line's time.
const at = "@timestamp"

// parseQuery reads a query and refuses what the page would not answer.
func parseQuery(text string) (*query, error) {
	q := &query{keeps: func(record) bool { return true }, limit: 1000}
	for command := range strings.SplitSeq(text, "|") {
		word, rest, _ := strings.Cut(strings.TrimSpace(command), " ")
		if err := q.take(word, strings.TrimSpace(rest)); err != nil {
			return nil, fmt.Errorf("the query's command %q is not known to the page: %w", strings.TrimSpace(command), err)
		}
	}
	if len(q.groups) == 0 || len(q.fields) == 0 {
		return nil, errors.New("the query names no source or no field")
	}
	return q, nil
}

func (q *query) take(word, rest string) (err error) {
	switch word {
	case "SOURCE":
		q.groups = append(q.groups, strings.Trim(rest, "'"))
	case "fields":
		for field := range strings.SplitSeq(rest, ",") {
			q.fields = append(q.fields, strings.TrimSpace(field))
		}
	case "filter":
		p := &filterParser{words: filterWords(rest)}
		if q.keeps, err = p.any(); err == nil && len(p.words) > 0 {
			err = fmt.Errorf("%q is left over", p.words)
		}
	case "sort":
		if rest != at+" desc" {
			err = errors.New("only the newest come first")
		}
	case "limit":
		q.limit, err = strconv.Atoi(rest)
	default:
		err = errors.New("there is no such command")
	}
	return err
}

// filterWords splits a condition at spaces and brackets, outside quotes.
func filterWords(text string) []string {
	var words []string
	quoted, word := false, ""
	end := func() {
		if word != "" {
			words, word = append(words, word), ""
		}
	}
	for _, r := range text {
		switch {
		case r == '\'':
			quoted, word = !quoted, word+"'"
		case !quoted && r == ' ':
			end()
		case !quoted && (r == '(' || r == ')'):
			end()
			words = append(words, string(r))
		default:
			word += string(r)
		}
	}
	end()
	return words
}

// filterParser reads a condition; "and" binds before "or".
type filterParser struct{ words []string }

func (p *filterParser) next() string {
	if len(p.words) == 0 {
		return ""
	}
	word := p.words[0]
	p.words = p.words[1:]
	return word
}

func (p *filterParser) take(word string) bool {
	if len(p.words) == 0 || p.words[0] != word {
		return false
	}
	p.words = p.words[1:]
	return true
}

type condition = func(record) bool

func (p *filterParser) any() (condition, error) {
	return p.joined("or", p.all, func(a, b bool) bool { return a || b })
}

func (p *filterParser) all() (condition, error) {
	return p.joined("and", p.one, func(a, b bool) bool { return a && b })
}

func (p *filterParser) joined(word string, part func() (condition, error), join func(a, b bool) bool) (condition, error) {
	left, err := part()
	for err == nil && p.take(word) {
		var right condition
		before := left
		right, err = part()
		left = func(r record) bool { return join(before(r), right(r)) }
	}
	return left, err
}

// one is a condition in brackets, ispresent(field), or a comparison, which a field that is not there never meets.
func (p *filterParser) one() (condition, error) {
	if p.take("(") {
		inner, err := p.any()
		return inner, errors.Join(err, p.closed())
	}
	field := p.next()
	if field == "ispresent" && p.take("(") {
		name := p.next()
		return func(r record) bool { _, there := r[name]; return there }, p.closed()
	}
	operator, value := p.next(), p.next()
	if value == "" || operator != "=" && operator != "!=" {
		return nil, fmt.Errorf("%s %s %s is no comparison", field, operator, value)
	}
	value = strings.Trim(value, "'")
	return func(r record) bool {
		is, there := r[field]
		return there && (is == value) == (operator == "=")
	}, nil
}

func (p *filterParser) closed() error {
	if !p.take(")") {
		return errors.New("a bracket is not closed")
	}
	return nil
}

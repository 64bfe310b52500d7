package page

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// query is a query of CloudWatch Logs Insights, as much of its language as the fleet's dashboards use: sources, fields, a
// filter, the newest first, and a limit.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
type query struct {
	groups  []string
	columns []column
	keeps   func(record) bool
	limit   int
}

// column is a field under its label, or the first of several that a line has.
type column struct {
	label  string
	fields []string
}

// of is what a line has in the column.
func (c column) of(r record) string {
	for _, field := range c.fields {
		if value, has := r[field]; has {
			return value
		}
	}
	return ""
}

// labels are the labels of the columns.
func (q *query) labels() []string {
	labels := make([]string, len(q.columns))
	for i, c := range q.columns {
		labels[i] = c.label
	}
	return labels
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
	if len(q.groups) == 0 || len(q.columns) == 0 {
		return nil, errors.New("the query names no source or no field")
	}
	return q, nil
}

func (q *query) take(word, rest string) (err error) {
	switch word {
	case "SOURCE":
		q.groups = append(q.groups, strings.Trim(rest, "'"))
	case "fields":
		q.columns, err = columnsOf(rest)
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

// oneColumn is a field, or the first of several, under its own name or another.
var oneColumn = regexp.MustCompile(`^\s*(?:([\w@.]+)|coalesce\(([\w@., ]+)\))(?:\s+as\s+(\w+))?\s*(?:,|$)`)

func columnsOf(text string) ([]column, error) {
	var columns []column
	for text != "" {
		found := oneColumn.FindStringSubmatch(text)
		if found == nil {
			return nil, fmt.Errorf("%q is no field", text)
		}
		one := column{found[3], []string{found[1]}}
		if found[1] == "" {
			one.fields = strings.FieldsFunc(found[2], func(r rune) bool { return r == ',' || r == ' ' })
		}
		if one.label == "" && len(one.fields) > 0 {
			one.label = one.fields[0]
		}
		columns, text = append(columns, one), text[len(found[0]):]
	}
	return columns, nil
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

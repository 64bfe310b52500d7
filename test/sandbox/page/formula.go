package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// formula is an expression of CloudWatch's metric math, as much of it as the fleet's dashboards use. Every figure is one
// per period; NaN is missing, and what is made of it is missing too.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
type formula struct {
	names []string // of the lines that it needs
	value func(lines map[string][]float64, n int) []float64
}

type values = func(lines map[string][]float64, n int) []float64

// formulaParser reads an expression from left to right.
type formulaParser struct {
	text  string
	names []string
}

func parseFormula(text string) (formula, error) {
	p := &formulaParser{text: text}
	v, err := p.comparison()
	if err == nil && p.skip() != "" {
		err = fmt.Errorf("%q is left over", p.text)
	}
	if err != nil {
		return formula{}, fmt.Errorf("the expression %q is not known to the page: %w", text, err)
	}
	return formula{p.names, v}, nil
}

// skip passes over spaces and returns what follows.
func (p *formulaParser) skip() string {
	p.text = strings.TrimLeft(p.text, " ")
	return p.text
}

// take passes over the first of some words that comes next, and returns it, or "".
func (p *formulaParser) take(words ...string) string {
	p.skip()
	for _, word := range words {
		if rest, is := strings.CutPrefix(p.text, word); is {
			p.text = rest
			return word
		}
	}
	return ""
}

func (p *formulaParser) comparison() (values, error) {
	return p.chain(p.sum, ">=", "<=", "==", "!=", ">", "<")
}
func (p *formulaParser) sum() (values, error)     { return p.chain(p.product, "+", "-") }
func (p *formulaParser) product() (values, error) { return p.chain(p.part, "*", "/") }

// chain reads parts with operators between them, of which the left binds first.
func (p *formulaParser) chain(part func() (values, error), operators ...string) (values, error) {
	left, err := part()
	for err == nil {
		operator := p.take(operators...)
		if operator == "" {
			return left, nil
		}
		var right values
		before := left
		right, err = part()
		left = each(func(v []float64) float64 { return operate(operator, v[0], v[1]) }, before, right)
	}
	return nil, err
}

func (p *formulaParser) part() (values, error) {
	if p.take("(") != "" {
		inner, err := p.comparison()
		if err == nil && p.take(")") == "" {
			err = fmt.Errorf("a bracket is not closed before %q", p.text)
		}
		return inner, err
	}
	word := p.word()
	if number, err := strconv.ParseFloat(word, 64); err == nil {
		return each(func([]float64) float64 { return number }), nil
	}
	if word == "" || unicode.IsDigit(rune(word[0])) {
		return nil, fmt.Errorf("a number, a line or a function is missing before %q", p.text)
	}
	if p.take("(") != "" {
		return p.call(word)
	}
	p.names = append(p.names, word)
	return func(lines map[string][]float64, _ int) []float64 { return lines[word] }, nil
}

func (p *formulaParser) word() string {
	end := strings.IndexFunc(p.skip(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '.' })
	if end < 0 {
		end = len(p.text)
	}
	word := p.text[:end]
	p.text = p.text[end:]
	return word
}

func (p *formulaParser) call(name string) (values, error) {
	var arguments []values
	for {
		a, err := p.comparison()
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, a)
		if p.take(",") == "" {
			break
		}
	}
	if p.take(")") == "" {
		return nil, fmt.Errorf("a bracket is not closed before %q", p.text)
	}
	switch {
	case name == "IF" && len(arguments) == 3:
		return each(choose, arguments...), nil
	case name == "DIFF" && len(arguments) == 1:
		return func(lines map[string][]float64, n int) []float64 { return growth(arguments[0](lines, n)) }, nil
	}
	return nil, fmt.Errorf("the function %s of %d arguments", name, len(arguments))
}

// each makes the figure of every period from those of its arguments.
func each(of func(v []float64) float64, arguments ...values) values {
	return func(lines map[string][]float64, n int) []float64 {
		columns := make([][]float64, len(arguments))
		for i, a := range arguments {
			columns[i] = a(lines, n)
		}
		out, row := make([]float64, n), make([]float64, len(arguments))
		for i := range out {
			for k := range columns {
				row[k] = columns[k][i]
			}
			out[i] = of(row)
		}
		return out
	}
}

func choose(v []float64) float64 {
	switch {
	case math.IsNaN(v[0]):
		return v[0]
	case v[0] != 0:
		return v[1]
	default:
		return v[2]
	}
}

// growth is how much each figure is above the one before it that is not missing.
func growth(v []float64) []float64 {
	out, before := make([]float64, len(v)), math.NaN()
	for i, now := range v {
		out[i] = now - before
		if !math.IsNaN(now) {
			before = now
		}
	}
	return out
}

func operate(operator string, a, b float64) float64 {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.NaN()
	}
	truth := map[string]bool{">=": a >= b, "<=": a <= b, "==": a == b, "!=": a != b, ">": a > b, "<": a < b}
	switch operator {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		return a / b
	}
	if truth[operator] {
		return 1
	}
	return 0
}

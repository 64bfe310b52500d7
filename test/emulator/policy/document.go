// Package policy evaluates IAM policy documents: identity policies of roles and resource policies of topics,
// queues, keys and functions, to the extent that an account with one owner needs.
//
// What it does not know (a condition operator, a condition key) is an error, never a silent yes or no.
package policy

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Document is a policy.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
type Document struct {
	Statement statements
}

// Statement is one statement of a policy.
type Statement struct {
	Sid          string
	Effect       string
	Principal    any
	NotPrincipal any
	Action       texts
	NotAction    texts
	Resource     texts
	NotResource  texts
	Condition    map[string]map[string]texts
}

type statements []Statement

// UnmarshalJSON accepts one statement as well as a list.
func (s *statements) UnmarshalJSON(raw []byte) error {
	var list []Statement
	if err := json.Unmarshal(raw, &list); err == nil {
		*s = list
		return nil
	}
	var one Statement
	if err := json.Unmarshal(raw, &one); err != nil {
		return err
	}
	*s = statements{one}
	return nil
}

type texts []string

// UnmarshalJSON accepts one value as well as a list, and booleans and numbers as text.
func (t *texts) UnmarshalJSON(raw []byte) error {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, item := range list {
		*t = append(*t, fmt.Sprint(item))
	}
	return nil
}

// Parse reads a policy document as a template holds it: an object, or JSON text.
func Parse(v any) (Document, error) {
	raw, ok := v.(string)
	if !ok {
		encoded, err := json.Marshal(v)
		if err != nil {
			return Document{}, fmt.Errorf("policy document is not readable: %w", err)
		}
		raw = string(encoded)
	}
	var d Document
	if err := json.Unmarshal([]byte(raw), &d); err != nil {
		return Document{}, fmt.Errorf("policy document is not valid: %w", err)
	}
	for _, s := range d.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" {
			return Document{}, fmt.Errorf("policy document is not valid: effect %q of statement %q", s.Effect, s.Sid)
		}
		if s.NotPrincipal != nil {
			return Document{}, fmt.Errorf("NotPrincipal in statement %q is not known to the emulator", s.Sid)
		}
	}
	return d, nil
}

// match reports whether text fits pattern, in which * is any run of characters and ? is any one.
func match(pattern, text string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(text) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == text[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

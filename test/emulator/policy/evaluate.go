package policy

import (
	"fmt"
	"strings"
)

// Principal is who asks: a service, or a role.
type Principal struct {
	Service string // "sns.amazonaws.com"; empty for a role
	ARN     string // "arn:aws:iam::123456789012:role/name"; empty for a service
	Account string
}

// String names the principal for messages.
func (p Principal) String() string {
	if p.Service != "" {
		return p.Service
	}
	return p.ARN
}

// Request is one action that somebody wants to do.
type Request struct {
	Principal Principal
	Action    string // "sqs:SendMessage"
	Resource  string // ARN; empty when the emulator cannot tell which
	// Context holds the condition keys' values, keys in lower case.
	Context map[string][]string
}

// Effect is what one document says of a request.
type Effect int

// The effects.
const (
	Silent Effect = iota
	Allow
	Deny
)

// Identity is what an identity policy says; it has no principals.
func (d Document) Identity(r Request) (Effect, error) { return d.decide(r, false) }

// Resource is what a resource policy says. A statement for the account or its root user delegates to identity
// policies and grants nothing by itself; see Delegates.
func (d Document) Resource(r Request) (Effect, error) { return d.decide(r, true) }

// Delegates reports whether a resource policy lets the account's identity policies decide, which for a KMS key
// is needed before any identity policy counts.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
func (d Document) Delegates(r Request) (bool, error) {
	r.Principal = Principal{ARN: "arn:aws:iam::" + r.Principal.Account + ":root", Account: r.Principal.Account}
	effect, err := d.decide(r, true)
	return effect == Allow, err
}

func (d Document) decide(r Request, principals bool) (Effect, error) {
	result := Silent
	for _, s := range d.Statement {
		if principals && !s.speaksOf(r.Principal) {
			continue
		}
		if !s.covers(r) {
			continue
		}
		held, err := s.conditionsHold(r)
		if err != nil {
			return Silent, fmt.Errorf("statement %q: %w", s.Sid, err)
		}
		if !held {
			continue
		}
		if s.Effect == "Deny" {
			return Deny, nil
		}
		result = Allow
	}
	return result, nil
}

func (s Statement) speaksOf(p Principal) bool {
	switch named := s.Principal.(type) {
	case string:
		return named == "*"
	case map[string]any:
		for kind, value := range named {
			for _, one := range asList(value) {
				if principalFits(kind, one, p) {
					return true
				}
			}
		}
	}
	return false
}

func principalFits(kind, name string, p Principal) bool {
	switch kind {
	case "Service":
		return p.Service != "" && name == p.Service
	case "AWS":
		return name == "*" || p.ARN != "" && (name == p.ARN ||
			name == p.Account && strings.HasSuffix(p.ARN, ":root"))
	default:
		return false
	}
}

func (s Statement) covers(r Request) bool {
	if len(s.NotAction) > 0 {
		if anyFits(s.NotAction, r.Action, true) {
			return false
		}
	} else if !anyFits(s.Action, r.Action, true) {
		return false
	}
	if r.Resource == "" {
		// Which resource is meant is not known: an Allow is taken to mean it, a Deny only when it means all.
		return s.Effect == "Allow" || anyFits(s.Resource, "", false)
	}
	if len(s.NotResource) > 0 {
		return !anyFits(s.NotResource, r.Resource, false)
	}
	return len(s.Resource) == 0 || anyFits(s.Resource, r.Resource, false)
}

func anyFits(patterns []string, text string, fold bool) bool {
	for _, p := range patterns {
		if fold {
			p, text = strings.ToLower(p), strings.ToLower(text)
		}
		if match(p, text) {
			return true
		}
	}
	return false
}

func asList(v any) []string {
	list, ok := v.([]any)
	if !ok {
		return []string{fmt.Sprint(v)}
	}
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = fmt.Sprint(item)
	}
	return out
}

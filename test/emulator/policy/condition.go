package policy

import (
	"fmt"
	"slices"
	"strings"
)

// known are the condition keys that the emulator can answer for; a trailing slash is a prefix. Tags are known of
// Auto Scaling groups only: of another resource they are absent, which grants nothing.
var known = []string{
	"aws:securetransport", "aws:sourceaccount", "aws:sourcearn", "aws:sourceowner", "aws:principalarn",
	"aws:principalaccount", "aws:resourceaccount", "aws:resourcetag/", "aws:principalisawsservice",
	"autoscaling:resourcetag/", "kms:viaservice", "kms:calleraccount", "events:source", "events:detail-type",
	"route53:changeresourcerecordsetsnormalizedrecordnames", "route53:changeresourcerecordsetsrecordtypes",
	"route53:changeresourcerecordsetsactions",
}

// conditionsHold evaluates a statement's conditions: all operators and keys must hold, any value of a key.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
func (s Statement) conditionsHold(r Request) (bool, error) {
	for operator, keys := range s.Condition {
		for key, wanted := range keys {
			key = strings.ToLower(key)
			if !slices.ContainsFunc(known, func(k string) bool {
				return k == key || strings.HasSuffix(k, "/") && strings.HasPrefix(key, k)
			}) {
				return false, fmt.Errorf("condition key %s is not known to the emulator", key)
			}
			held, err := holds(operator, wanted, r.Context[key])
			if err != nil || !held {
				return false, err
			}
		}
	}
	return true, nil
}

func holds(operator string, wanted, actual []string) (bool, error) {
	set, name, hasSet := strings.Cut(operator, ":")
	if !hasSet {
		set, name = "", operator
	}
	name, ifExists := strings.CutSuffix(name, "IfExists")
	if name == "Null" {
		return (len(actual) == 0) == (len(wanted) > 0 && wanted[0] == "true"), nil
	}
	fits, negated, err := comparison(name)
	if err != nil {
		return false, err
	}
	if len(actual) == 0 {
		return ifExists || negated || set == "ForAllValues", nil
	}
	one := func(a string) bool {
		return slices.ContainsFunc(wanted, func(w string) bool { return fits(w, a) }) != negated
	}
	switch set {
	case "", "ForAnyValue":
		return slices.ContainsFunc(actual, one), nil
	case "ForAllValues":
		return !slices.ContainsFunc(actual, func(a string) bool { return !one(a) }), nil
	default:
		return false, fmt.Errorf("condition operator %s is not known to the emulator", operator)
	}
}

func comparison(name string) (fits func(wanted, actual string) bool, negated bool, err error) {
	equal := func(w, a string) bool { return w == a }
	switch name {
	case "StringEquals":
		return equal, false, nil
	case "StringNotEquals":
		return equal, true, nil
	case "StringEqualsIgnoreCase", "Bool":
		return strings.EqualFold, false, nil
	case "StringNotEqualsIgnoreCase":
		return strings.EqualFold, true, nil
	case "StringLike", "ArnEquals", "ArnLike":
		return match, false, nil
	case "StringNotLike", "ArnNotEquals", "ArnNotLike":
		return match, true, nil
	default:
		return nil, false, fmt.Errorf("condition operator %s is not known to the emulator", name)
	}
}

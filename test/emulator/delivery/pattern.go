package delivery

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Pattern is an EventBridge event pattern that ParsePattern has accepted.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
type Pattern map[string]any

// ParsePattern refuses a pattern with a matcher that the emulator does not know.
func ParsePattern(v map[string]any) (Pattern, error) {
	if len(v) == 0 {
		return nil, errors.New("event pattern is empty")
	}
	return v, checkPattern(v)
}

func checkPattern(v map[string]any) error {
	for field, value := range v {
		switch inner := value.(type) {
		case map[string]any:
			if err := checkPattern(inner); err != nil {
				return err
			}
		case []any:
			for _, one := range inner {
				if err := checkMatcher(one); err != nil {
					return fmt.Errorf("event pattern at %s: %w", field, err)
				}
			}
		default:
			return fmt.Errorf("event pattern at %s is neither a list nor an object", field)
		}
	}
	return nil
}

func checkMatcher(one any) error {
	matcher, ok := one.(map[string]any)
	if !ok {
		return nil
	}
	for name := range matcher {
		switch name {
		case "prefix", "suffix", "exists", "anything-but", "equals-ignore-case":
		default:
			return fmt.Errorf("matcher %q is not known to the emulator", name)
		}
	}
	return nil
}

// Matches reports whether an event fits the pattern.
func (p Pattern) Matches(e Event) bool {
	raw, err := json.Marshal(e)
	if err != nil {
		return false
	}
	var event map[string]any
	if json.Unmarshal(raw, &event) != nil {
		return false
	}
	return matches(p, event)
}

func matches(pattern, event map[string]any) bool {
	for field, wanted := range pattern {
		actual, present := event[field]
		switch w := wanted.(type) {
		case map[string]any:
			inner, ok := actual.(map[string]any)
			if !ok {
				inner = map[string]any{}
			}
			if !matches(w, inner) {
				return false
			}
		case []any:
			if !anyMatches(w, actual, present) {
				return false
			}
		}
	}
	return true
}

func anyMatches(wanted []any, actual any, present bool) bool {
	values, isList := actual.([]any)
	if !isList {
		values = []any{actual}
	}
	for _, w := range wanted {
		for _, a := range values {
			if oneMatches(w, a, present) {
				return true
			}
		}
	}
	return false
}

func oneMatches(wanted, actual any, present bool) bool {
	matcher, ok := wanted.(map[string]any)
	if !ok {
		return present && reflect.DeepEqual(wanted, actual)
	}
	text, _ := actual.(string)
	for name, argument := range matcher {
		if name == "exists" {
			return present == (argument == true)
		}
		if !present {
			return false
		}
		switch name {
		case "prefix":
			return strings.HasPrefix(text, fmt.Sprint(argument))
		case "suffix":
			return strings.HasSuffix(text, fmt.Sprint(argument))
		case "equals-ignore-case":
			return strings.EqualFold(text, fmt.Sprint(argument))
		case "anything-but":
			list, isList := argument.([]any)
			if !isList {
				list = []any{argument}
			}
			return !anyMatches(list, actual, true)
		}
	}
	return false
}

package template

import (
	"fmt"
	"reflect"
)

// logic resolves Fn::If and the condition functions.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
func (r *Resolver) logic(s *Stack, name string, argument any) (any, error) {
	if name == "Condition" {
		return r.condition(s, fmt.Sprint(argument))
	}
	list, ok := argument.([]any)
	if !ok {
		return nil, fmt.Errorf("%s needs a list, it has %v", name, argument)
	}
	switch name {
	case "Fn::If":
		return r.branch(s, list)
	case "Fn::Equals":
		both, err := r.arguments(s, name, argument, 2)
		if err != nil {
			return nil, err
		}
		return reflect.DeepEqual(both[0], both[1]), nil
	case "Fn::Not":
		held, err := r.holds(s, list[0])
		return !held, err
	default:
		return r.combine(s, name == "Fn::And", list)
	}
}

// branch resolves only the side that its condition selects; the other may name what was never made.
func (r *Resolver) branch(s *Stack, list []any) (any, error) {
	if len(list) != 3 {
		return nil, fmt.Errorf("Fn::If needs 3 arguments, it has %d", len(list))
	}
	held, err := r.condition(s, fmt.Sprint(list[0]))
	if err != nil {
		return nil, err
	}
	if held {
		return r.Resolve(s, list[1])
	}
	return r.Resolve(s, list[2])
}

func (r *Resolver) combine(s *Stack, all bool, list []any) (any, error) {
	for _, item := range list {
		held, err := r.holds(s, item)
		if err != nil {
			return nil, err
		}
		if held != all {
			return !all, nil
		}
	}
	return all, nil
}

func (r *Resolver) condition(s *Stack, name string) (bool, error) {
	expression, ok := s.Conditions[name]
	if !ok {
		return false, fmt.Errorf("condition %q is not in stack %s", name, s.Name)
	}
	return r.holds(s, expression)
}

func (r *Resolver) holds(s *Stack, expression any) (bool, error) {
	v, err := r.Resolve(s, expression)
	if err != nil {
		return false, err
	}
	held, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("a condition is no truth value but %v", v)
	}
	return held, nil
}

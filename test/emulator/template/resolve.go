package template

import (
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Resolver turns template values into what CloudFormation would have passed to the service.
type Resolver struct {
	Account, Region string
	// Zones are the region's Availability Zones for Fn::GetAZs.
	Zones []string
	// Physical names the physical id that a deployment gave a resource.
	Physical func(stack, logicalID string) (string, bool)
	// Attribute overrides or completes the attributes that follow from the physical id; it may be nil.
	Attribute func(stack, logicalID, name string) (string, bool)
	// Parameter reads an SSM parameter, for parameters of an SSM type and for dynamic references.
	Parameter func(name string) (string, error)

	assembly *Assembly
}

// Over binds the resolver to an assembly, which Fn::ImportValue searches for exports.
func (r *Resolver) Over(a *Assembly) *Resolver {
	bound := *r
	bound.assembly = a
	return &bound
}

// Resolve returns value with every intrinsic function replaced; AWS::NoValue becomes nil and leaves its map.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
func (r *Resolver) Resolve(s *Stack, value any) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		if len(v) == 1 {
			for name, argument := range v {
				if name == "Ref" || name == "Condition" || strings.HasPrefix(name, "Fn::") {
					return r.intrinsic(s, name, argument)
				}
			}
		}
		return r.resolveMap(s, v)
	case []any:
		list := make([]any, 0, len(v))
		for i, item := range v {
			resolved, err := r.Resolve(s, item)
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			if resolved != nil {
				list = append(list, resolved)
			}
		}
		return list, nil
	case string:
		return r.dynamic(v)
	default:
		return value, nil
	}
}

func (r *Resolver) resolveMap(s *Stack, v map[string]any) (any, error) {
	out := make(map[string]any, len(v))
	for _, key := range slices.Sorted(maps.Keys(v)) {
		resolved, err := r.Resolve(s, v[key])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if resolved != nil {
			out[key] = resolved
		}
	}
	return out, nil
}

// Properties resolves all of a resource's properties.
func (r *Resolver) Properties(res *Resource) (map[string]any, error) {
	v, err := r.resolveMap(res.Stack, res.Properties)
	if err != nil {
		return nil, fmt.Errorf("%s (%s) cannot be resolved: %w", res.Name(), res.Type, err)
	}
	p, _ := v.(map[string]any) // resolveMap gives nothing else
	return p, nil
}

// Property resolves one property of a resource; an absent one is nil.
func (r *Resolver) Property(res *Resource, name string) (any, error) {
	v, err := r.Resolve(res.Stack, res.Properties[name])
	if err != nil {
		return nil, fmt.Errorf("%s (%s): %s cannot be resolved: %w", res.Name(), res.Type, name, err)
	}
	return v, nil
}

// Included reports whether a resource's condition, if it has one, holds.
func (r *Resolver) Included(res *Resource) (bool, error) {
	if res.Condition == "" {
		return true, nil
	}
	return r.condition(res.Stack, res.Condition)
}

func (r *Resolver) intrinsic(s *Stack, name string, argument any) (any, error) {
	switch name {
	case "Ref":
		return r.ref(s, fmt.Sprint(argument))
	case "Fn::GetAtt":
		return r.getAtt(s, argument)
	case "Fn::Join":
		return r.join(s, argument)
	case "Fn::Sub":
		return r.sub(s, argument)
	case "Fn::Select":
		return r.choose(s, argument)
	case "Fn::Split":
		return r.split(s, argument)
	case "Fn::GetAZs":
		return texts(r.Zones), nil
	case "Fn::ImportValue":
		return r.importValue(s, argument)
	case "Fn::FindInMap":
		return r.findInMap(s, argument)
	case "Fn::Base64":
		text, err := r.text(s, argument)
		return base64.StdEncoding.EncodeToString([]byte(text)), err
	case "Fn::If", "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not", "Condition":
		return r.logic(s, name, argument)
	default:
		return nil, fmt.Errorf("%s is not known to the emulator", name)
	}
}

func (r *Resolver) ref(s *Stack, name string) (any, error) {
	switch name {
	case "AWS::AccountId":
		return r.Account, nil
	case "AWS::Region":
		return r.Region, nil
	case "AWS::Partition":
		return "aws", nil
	case "AWS::URLSuffix":
		return "amazonaws.com", nil
	case "AWS::StackName":
		return s.Name, nil
	case "AWS::StackId":
		return fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/emulated", r.Region, r.Account, s.Name), nil
	case "AWS::NoValue":
		return nil, nil
	}
	if p, ok := s.Parameters[name]; ok {
		return r.parameter(p)
	}
	if _, ok := s.Resources[name]; !ok {
		return nil, fmt.Errorf("Ref names %q, which stack %s does not hold", name, s.Name)
	}
	if id, ok := r.Physical(s.Name, name); ok {
		return id, nil
	}
	return nil, fmt.Errorf("%s/%s has no physical id: the deployment did not make it", s.Name, name)
}

func (r *Resolver) parameter(p Parameter) (any, error) {
	if !strings.HasPrefix(p.Type, "AWS::SSM::Parameter::Value<") {
		return p.Default, nil
	}
	return r.Parameter(fmt.Sprint(p.Default))
}

func (r *Resolver) join(s *Stack, argument any) (any, error) {
	parts, err := r.arguments(s, "Fn::Join", argument, 2)
	if err != nil {
		return nil, err
	}
	list, ok := parts[1].([]any)
	if !ok {
		return nil, fmt.Errorf("the second argument of Fn::Join is no list but %v", parts[1])
	}
	words := make([]string, len(list))
	for i, item := range list {
		words[i] = fmt.Sprint(item)
	}
	return strings.Join(words, fmt.Sprint(parts[0])), nil
}

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

func (r *Resolver) sub(s *Stack, argument any) (any, error) {
	variables := map[string]any{}
	if list, ok := argument.([]any); ok && len(list) == 2 {
		resolved, err := r.Resolve(s, list[1])
		if err != nil {
			return nil, err
		}
		variables, _ = resolved.(map[string]any)
		argument = list[0]
	}
	var failed error
	text := placeholder.ReplaceAllStringFunc(fmt.Sprint(argument), func(match string) string {
		name := match[2 : len(match)-1]
		if strings.HasPrefix(name, "!") {
			return "${" + name[1:] + "}"
		}
		if v, ok := variables[name]; ok {
			return fmt.Sprint(v)
		}
		var v any
		var err error
		if strings.Contains(name, ".") {
			v, err = r.getAtt(s, name)
		} else {
			v, err = r.ref(s, name)
		}
		if err != nil {
			failed = err
		}
		return fmt.Sprint(v)
	})
	return text, failed
}

func (r *Resolver) choose(s *Stack, argument any) (any, error) {
	parts, err := r.arguments(s, "Fn::Select", argument, 2)
	if err != nil {
		return nil, err
	}
	list, _ := parts[1].([]any)
	var index int
	if _, err := fmt.Sscan(fmt.Sprint(parts[0]), &index); err != nil || index < 0 || index >= len(list) {
		return nil, fmt.Errorf("Fn::Select asks for item %v of %d", parts[0], len(list))
	}
	return list[index], nil
}

func (r *Resolver) split(s *Stack, argument any) (any, error) {
	parts, err := r.arguments(s, "Fn::Split", argument, 2)
	if err != nil {
		return nil, err
	}
	return texts(strings.Split(fmt.Sprint(parts[1]), fmt.Sprint(parts[0]))), nil
}

func (r *Resolver) importValue(s *Stack, argument any) (any, error) {
	name, err := r.text(s, argument)
	if err != nil {
		return nil, err
	}
	for _, other := range r.assembly.Stacks {
		for _, out := range other.Outputs {
			if out.Export == nil {
				continue
			}
			if export, err := r.text(other, out.Export.Name); err == nil && export == name {
				return r.Resolve(other, out.Value)
			}
		}
	}
	return nil, fmt.Errorf("Fn::ImportValue asks for %q, which no stack exports", name)
}

func (r *Resolver) findInMap(s *Stack, argument any) (any, error) {
	parts, err := r.arguments(s, "Fn::FindInMap", argument, 3)
	if err != nil {
		return nil, err
	}
	v, ok := s.Mappings[fmt.Sprint(parts[0])][fmt.Sprint(parts[1])][fmt.Sprint(parts[2])]
	if !ok {
		return nil, fmt.Errorf("Fn::FindInMap finds nothing at %v", parts)
	}
	return v, nil
}

var ssmReference = regexp.MustCompile(`\{\{resolve:ssm:([^:}]+)(:\d+)?\}\}`)

// dynamic replaces {{resolve:ssm:NAME}}; secrets stay references, as they do in what CloudFormation shows.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
func (r *Resolver) dynamic(text string) (any, error) {
	var failed error
	out := ssmReference.ReplaceAllStringFunc(text, func(match string) string {
		v, err := r.Parameter(ssmReference.FindStringSubmatch(match)[1])
		if err != nil {
			failed = err
		}
		return v
	})
	return out, failed
}

// arguments resolves an intrinsic function's list of exactly n arguments.
func (r *Resolver) arguments(s *Stack, name string, argument any, n int) ([]any, error) {
	list, ok := argument.([]any)
	if !ok || len(list) < n {
		return nil, fmt.Errorf("%s needs %d arguments, it has %v", name, n, argument)
	}
	out := make([]any, len(list))
	for i, item := range list {
		v, err := r.Resolve(s, item)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func (r *Resolver) text(s *Stack, value any) (string, error) {
	v, err := r.Resolve(s, value)
	return fmt.Sprint(v), err
}

func texts(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

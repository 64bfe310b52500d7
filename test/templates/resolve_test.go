//go:build !race

package templates

import (
	"fmt"
	"strings"
)

// What AWS would know. The values are invented; only their equality counts.
var pseudo = map[string]string{
	"AWS::Partition": "aws", "AWS::Region": "eu-central-1", "AWS::AccountId": "123456789012", "AWS::URLSuffix": "amazonaws.com",
}

// resolve is a template's value as CloudFormation would hand it to a service, so that a name that one stack builds
// can be compared with the resource that another stack makes.
func (a assembly) resolve(stack string, value any) string {
	object, ok := value.(map[string]any)
	if !ok {
		return fmt.Sprint(value)
	}
	for function, argument := range object {
		switch function {
		case "Ref":
			id := argument.(string)
			if v, ok := pseudo[id]; ok {
				return v
			}
			return a.attribute(stack, id, "Ref")
		case "Fn::GetAtt":
			return a.attribute(stack, at(argument, 0).(string), at(argument, 1).(string))
		case "Fn::ImportValue":
			return a.imported(a.resolve(stack, argument))
		case "Fn::Join":
			var parts []string
			for _, part := range list(at(argument, 1)) {
				parts = append(parts, a.resolve(stack, part))
			}
			return strings.Join(parts, at(argument, 0).(string))
		case "Fn::Sub":
			return a.substitute(stack, argument.(string))
		case "Fn::Base64":
			return a.resolve(stack, argument)
		}
	}
	panic(fmt.Sprintf("%s: no value in %v", stack, value))
}

func (a assembly) substitute(stack, text string) string {
	for name, v := range pseudo {
		text = strings.ReplaceAll(text, "${"+name+"}", v)
	}
	if strings.Contains(text, "${") {
		panic(fmt.Sprintf("%s: Fn::Sub of a resource in %q", stack, text))
	}
	return text
}

// arns are how the ARNs of named resources are built, and which attribute has them.
var arns = map[string]struct{ property, service, prefix, attribute string }{
	"AWS::SNS::Topic":       {"TopicName", "sns", "", "Ref"},
	"AWS::SQS::Queue":       {"QueueName", "sqs", "", "Arn"},
	"AWS::Lambda::Function": {"FunctionName", "lambda", "function:", "Arn"},
	"AWS::DynamoDB::Table":  {"TableName", "dynamodb", "table/", "Arn"},
	"AWS::Logs::LogGroup":   {"LogGroupName", "logs", "log-group:", ""},
}

func (a assembly) attribute(stack, id, name string) string {
	r, ok := a.templates[stack].Resources[id]
	if !ok {
		panic(fmt.Sprintf("%s refers to %s, which is not there", stack, id))
	}
	if form, ok := arns[r.Type]; ok && r.Properties[form.property] != nil {
		physical := a.resolve(stack, r.Properties[form.property])
		if name == form.attribute {
			return fmt.Sprintf("arn:aws:%s:eu-central-1:123456789012:%s%s", form.service, form.prefix, physical)
		}
		if name == "Ref" {
			return physical
		}
	}
	return stack + "." + id + "." + name
}

func (a assembly) imported(name string) string {
	for stack, t := range a.templates {
		for _, output := range t.Outputs {
			if export := at(output.Export, "Name"); export != nil && a.resolve(stack, export) == name {
				return a.resolve(stack, output.Value)
			}
		}
	}
	panic("nobody exports " + name)
}

// find is the resource of a type whose ARN that is.
func (a assembly) find(kind, arn string) (resource, bool) {
	for r := range a.of(kind) {
		if a.attribute(r.Stack, r.ID, arns[kind].attribute) == arn {
			return r, true
		}
	}
	return resource{}, false
}

// statement is one statement of a policy with everything resolved.
type statement struct {
	Effect     string
	Service    string // of the principal; empty when it is none
	Actions    []string
	Resources  []string
	Conditions map[string]map[string]string
}

func (a assembly) statements(stack string, document any) []statement {
	var out []statement
	for _, s := range list(at(document, "Statement")) {
		one := statement{Effect: at(s, "Effect").(string), Conditions: map[string]map[string]string{}}
		if service := at(s, "Principal", "Service"); service != nil {
			one.Service = a.resolve(stack, service)
		}
		for _, action := range list(at(s, "Action")) {
			one.Actions = append(one.Actions, action.(string))
		}
		for _, r := range list(at(s, "Resource")) {
			one.Resources = append(one.Resources, a.resolve(stack, r))
		}
		conditions, _ := at(s, "Condition").(map[string]any)
		for operator, keys := range conditions {
			one.Conditions[operator] = map[string]string{}
			for key, v := range keys.(map[string]any) {
				one.Conditions[operator][key] = a.resolve(stack, v)
			}
		}
		out = append(out, one)
	}
	return out
}

// allows reports whether one of the statements lets a service do an action on a resource, and what it asks for.
func allows(statements []statement, service, action, on string) (conditions map[string]map[string]string, ok bool) {
	for _, s := range statements {
		if s.Effect == "Allow" && s.Service == service && matches(s.Actions, action) && matches(s.Resources, on) {
			return s.Conditions, true
		}
	}
	return nil, false
}

func matches(patterns []string, value string) bool {
	for _, p := range patterns {
		if prefix, star := strings.CutSuffix(p, "*"); p == value || star && strings.HasPrefix(value, prefix) {
			return true
		}
	}
	return false
}

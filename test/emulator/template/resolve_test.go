package template

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sample is a stack with one of each kind that functions refer to.
func sample() *Stack {
	s := &Stack{Name: "app", Resources: map[string]*Resource{}, Parameters: map[string]Parameter{
		"Plain": {Type: "String", Default: "plain"},
		"Image": {Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: "/image"}},
		Conditions: map[string]any{"Yes": map[string]any{"Fn::Equals": []any{"a", "a"}}, "No": map[string]any{"Fn::Not": []any{map[string]any{"Condition": "Yes"}}}},
		Mappings:   map[string]map[string]map[string]any{"M": {"us-east-1": {"size": "large"}}},
		Outputs: map[string]Output{"Q": {Value: map[string]any{"Ref": "Queue"}, Export: &struct {
			Name any `json:"Name"`
		}{map[string]any{"Fn::Sub": "${AWS::StackName}:queue"}}}}}
	for id, kind := range map[string]string{"Queue": "AWS::SQS::Queue", "Role": "AWS::IAM::Role", "Vpc": "AWS::EC2::VPC", "Ghost": "AWS::SNS::Topic"} {
		s.Resources[id] = &Resource{Stack: s, LogicalID: id, Type: kind, Properties: map[string]any{"CidrBlock": "10.0.0.0/16"}}
	}
	return s
}

func resolver(s *Stack) *Resolver {
	r := &Resolver{Account: "123456789012", Region: "us-east-1", Zones: []string{"us-east-1a", "us-east-1b"},
		Physical: func(_, id string) (string, bool) {
			v, ok := map[string]string{"Queue": "https://sqs.us-east-1.amazonaws.com/123456789012/work", "Role": "worker", "Vpc": "vpc-1"}[id]
			return v, ok
		},
		Attribute: func(_, id, name string) (string, bool) { return "seven", id == "Vpc" && name == "Luck" },
		Parameter: func(name string) (string, error) {
			if name != "/image" {
				return "", errors.New("no parameter " + name)
			}
			return "ami-1", nil
		}}
	return r.Over(&Assembly{Stacks: []*Stack{s}})
}

func TestIntrinsicFunctionsAreResolved(t *testing.T) {
	for text, want := range map[string]any{
		`{"Ref":"AWS::Region"}`:                    "us-east-1",
		`{"Ref":"AWS::Partition"}`:                 "aws",
		`{"Ref":"Plain"}`:                          "plain",
		`{"Ref":"Image"}`:                          "ami-1",
		`{"Ref":"Queue"}`:                          "https://sqs.us-east-1.amazonaws.com/123456789012/work",
		`{"Fn::GetAtt":["Queue","Arn"]}`:           "arn:aws:sqs:us-east-1:123456789012:work",
		`{"Fn::GetAtt":"Role.Arn"}`:                "arn:aws:iam::123456789012:role/worker",
		`{"Fn::GetAtt":["Vpc","CidrBlock"]}`:       "10.0.0.0/16",
		`{"Fn::GetAtt":["Vpc","Luck"]}`:            "seven",
		`{"Fn::Join":["-",["a",{"Ref":"Plain"}]]}`: "a-plain",
		`{"Fn::Sub":"${AWS::AccountId}/${Queue.QueueName}/${!literal}"}`: "123456789012/work/${literal}",
		`{"Fn::Sub":["${X}-${Plain}",{"X":{"Ref":"AWS::StackName"}}]}`:   "app-plain",
		`{"Fn::Select":[1,{"Fn::GetAZs":""}]}`:                           "us-east-1b",
		`{"Fn::Select":["0",{"Fn::Split":[",","x,y"]}]}`:                 "x",
		`{"Fn::ImportValue":"app:queue"}`:                                "https://sqs.us-east-1.amazonaws.com/123456789012/work",
		`{"Fn::FindInMap":["M",{"Ref":"AWS::Region"},"size"]}`:           "large",
		`{"Fn::Base64":"hi"}`:                                            "aGk=",
		`{"Fn::If":["Yes",1,{"Ref":"Ghost"}]}`:                           float64(1),
		`{"Fn::If":["No",{"Ref":"Ghost"},2]}`:                            float64(2),
		`{"Fn::And":[{"Condition":"Yes"},{"Condition":"No"}]}`:           false,
		`{"Fn::Or":[{"Condition":"No"},{"Condition":"Yes"}]}`:            true,
		`"image {{resolve:ssm:/image}}"`:                                 "image ami-1",
		`{"a":{"Ref":"AWS::NoValue"},"b":[{"Ref":"AWS::NoValue"},true]}`: map[string]any{"b": []any{true}},
		`{"Ref":"Plain","Other":1}`:                                      map[string]any{"Ref": "Plain", "Other": float64(1)},
	} {
		var v any
		require.NoError(t, json.Unmarshal([]byte(text), &v))
		s := sample()
		got, err := resolver(s).Resolve(s, v)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestWhatCannotBeResolvedIsAnErrorThatNamesIt(t *testing.T) {
	for text, want := range map[string]string{
		`{"Ref":"Nothing"}`:                    `Ref names "Nothing"`,
		`{"Ref":"Ghost"}`:                      "app/Ghost has no physical id",
		`{"Fn::GetAtt":["Ghost","TopicName"]}`: "app/Ghost has no physical id",
		`{"Fn::GetAtt":["Queue","Colour"]}`:    "attribute Colour of app/Queue",
		`{"Fn::ImportValue":"x"}`:              "which no stack exports",
		`{"Fn::Transform":{}}`:                 "Fn::Transform is not known",
		`{"Fn::Select":[2,["a"]]}`:             "asks for item 2 of 1",
		`{"Fn::Join":["-","a"]}`:               "is no list",
		`{"Fn::Sub":"${Nothing}"}`:             `Ref names "Nothing"`,
		`{"Fn::If":["Perhaps",1,2]}`:           `condition "Perhaps" is not in stack app`,
		`"{{resolve:ssm:/other}}"`:             "no parameter /other",
		`{"deep":[{"Ref":"Nothing"}]}`:         `deep: [0]: Ref names`,
	} {
		var v any
		require.NoError(t, json.Unmarshal([]byte(text), &v))
		s := sample()
		_, err := resolver(s).Resolve(s, v)
		assert.ErrorContains(t, err, want, text)
	}
}

func TestStacksComeAfterWhatTheyDependOn(t *testing.T) {
	a, err := Load("../testdata/assembly")
	require.NoError(t, err)
	require.Len(t, a.Stacks, 2)
	assert.Equal(t, "net", a.Stacks[0].Name)
	assert.Equal(t, "app", a.Stacks[1].Name)
	assert.Len(t, a.ByType("AWS::AutoScaling::AutoScalingGroup"), 2)
}

func TestABrokenAssemblyIsAnError(t *testing.T) {
	for name, manifest := range map[string]string{
		"no stack":             `{"artifacts":{}}`,
		"no JSON":              `{`,
		"an absent template":   `{"artifacts":{"a":{"type":"aws:cloudformation:stack","properties":{"templateFile":"a.json"}}}}`,
		"a circle of stacks":   `{"artifacts":{"a":{"type":"aws:cloudformation:stack","dependencies":["b"],"properties":{"templateFile":"t.json"}},"b":{"type":"aws:cloudformation:stack","dependencies":["a"],"properties":{"templateFile":"t.json"}}}}`,
		"an absent asset list": `{"artifacts":{"a":{"type":"cdk:asset-manifest","properties":{"file":"a.assets.json"}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(manifest), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "t.json"), []byte(`{"Resources":{}}`), 0o600))
			_, err := Load(dir)
			assert.ErrorContains(t, err, "assembly")
		})
	}
}

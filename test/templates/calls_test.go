//go:build !race

package templates

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// call is the input of an SDK call, as code writes it: "autoscaling.SetDesiredCapacityInput".
var call = regexp.MustCompile(`\b(autoscaling|dynamodb|ec2|eventbridge|route53|s3|secretsmanager|sns|sqs|ssm)\.([A-Z][A-Za-z]+)Input\b`)

// renamed are the calls that IAM names otherwise.
var renamed = strings.NewReplacer("eventbridge:", "events:", "s3:HeadObject", "s3:GetObject")

// calls are the IAM actions that the code below a folder needs.
func calls(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range call.FindAllStringSubmatch(string(source), -1) {
			found[renamed.Replace(m[1]+":"+m[2])] = path
		}
		return err
	}))
	return found
}

// granted are all actions that roles for a service have.
func (a assembly) granted(service string) []string {
	var actions []string
	for role := range a.of("AWS::IAM::Role") {
		if a.statements(role.Stack, role.Properties["AssumeRolePolicyDocument"])[0].Service != service {
			continue
		}
		for _, p := range list(role.Properties["Policies"]) {
			for _, s := range a.statements(role.Stack, at(p, "PolicyDocument")) {
				actions = append(actions, s.Actions...)
			}
		}
	}
	return actions
}

func TestEveryCallOfTheCodeIsAllowedToSomeRole(t *testing.T) {
	for folder, service := range map[string]string{
		filepath.Join("..", "..", "pkg", "awscloud"): "lambda.amazonaws.com",
		filepath.Join("..", "..", "assets", "agent"): "ec2.amazonaws.com",
	} {
		needed := calls(t, folder)
		require.NotEmpty(t, needed, folder)
		granted := deployed.granted(service)
		for action, path := range needed {
			assert.Contains(t, granted, action, "%s needs it", path)
		}
	}
}

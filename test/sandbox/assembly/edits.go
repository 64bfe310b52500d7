// Package assembly prepares what npx cdk synth made for a deployment on moto: it edits a copy of it where moto
// would fail, and makes through the API what moto's CloudFormation passes over in silence.
//
// Each edit and each type that is passed over is listed here with its reason, and a test holds the lists against
// moto: an entry that is not needed any more, or a type that is missing from them, fails.
package assembly

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// Edit is one change of the templates that moto needs.
type Edit struct {
	Type   string // the CloudFormation type of the resources that are changed
	What   string
	Reason string
	apply  func(template map[string]any, logicalID string)
}

// Edits are all changes. AWS needs none of them.
var Edits = []Edit{
	{
		Type:   "AWS::ElasticLoadBalancingV2::Listener",
		What:   "taken out",
		Reason: "moto makes every load balancer of CloudFormation an ALB, which refuses a TLS listener; the sandbox's users speak to HAProxy as the load balancer would, with PROXY protocol v2",
		apply:  remove,
	},
}

func remove(template map[string]any, logicalID string) {
	resources, _ := template["Resources"].(map[string]any)
	delete(resources, logicalID)
}

// Applied is one edit of one resource.
type Applied struct {
	Stack, LogicalID string
	Edit             Edit
}

// String is the edit as the sandbox prints it.
func (a Applied) String() string {
	return fmt.Sprintf("%s: %s %s is %s: %s", a.Stack, a.Edit.Type, a.LogicalID, a.Edit.What, a.Edit.Reason)
}

const templateSuffix = ".template.json"

// Copy copies a synthesized assembly and applies the edits to the copy.
func Copy(from, to string) ([]Applied, error) {
	if err := os.RemoveAll(to); err != nil {
		return nil, err
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return nil, fmt.Errorf("the assembly %s is not copied: %w", from, err)
	}
	templates, err := filepath.Glob(filepath.Join(to, "*"+templateSuffix))
	if err != nil {
		return nil, err
	}
	sort.Strings(templates)
	var applied []Applied
	for _, path := range templates {
		done, err := edit(path)
		if err != nil {
			return nil, fmt.Errorf("template %s is not edited: %w", path, err)
		}
		applied = append(applied, done...)
	}
	return applied, nil
}

func edit(path string) ([]Applied, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var template map[string]any
	if err := json.Unmarshal(raw, &template); err != nil {
		return nil, err
	}
	var applied []Applied
	types := typesOf(template)
	for _, id := range sortedKeys(types) {
		for _, e := range Edits {
			if e.Type == types[id] {
				e.apply(template, id)
				applied = append(applied, Applied{Stack: strings.TrimSuffix(filepath.Base(path), templateSuffix), LogicalID: id, Edit: e})
			}
		}
	}
	if len(applied) == 0 {
		return nil, nil
	}
	raw, err = json.MarshalIndent(template, "", " ")
	if err != nil {
		return nil, err
	}
	return applied, os.WriteFile(path, raw, 0o600)
}

// typesOf are the types of a template's resources by logical id.
func typesOf(template map[string]any) map[string]string {
	types := map[string]string{}
	resources, _ := template["Resources"].(map[string]any)
	for id, r := range resources {
		if resource, ok := r.(map[string]any); ok {
			types[id], _ = resource["Type"].(string)
		}
	}
	return types
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

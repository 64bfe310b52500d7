// Package template reads a synthesized cloud assembly (cdk.out) and resolves the intrinsic functions in its
// CloudFormation templates, given the physical ids that a deployment made. Everything that the emulator does
// follows from what this package reads.
//
// It must not know any stack, resource or setting of the CDK app by name.
package template

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
)

// Assembly is a cloud assembly: its stacks in an order in which each comes after those that it depends on.
type Assembly struct {
	Dir    string
	Stacks []*Stack
	// Assets maps the S3 object key of a file asset ("<sha256>.zip") to its source path in the assembly.
	Assets map[string]string
}

// Stack is one CloudFormation template and the name that it is deployed under.
type Stack struct {
	Name       string
	Resources  map[string]*Resource
	Parameters map[string]Parameter
	Conditions map[string]any
	Mappings   map[string]map[string]map[string]any
	Outputs    map[string]Output
	artifact   string
	needs      []string
}

// Resource is one resource of a template, with its properties unresolved.
type Resource struct {
	Stack      *Stack         `json:"-"`
	LogicalID  string         `json:"-"`
	Type       string         `json:"Type"`
	Condition  string         `json:"Condition"`
	Properties map[string]any `json:"Properties"`
	Metadata   map[string]any `json:"Metadata"`
}

// Parameter is a template parameter; only its default is ever used.
type Parameter struct {
	Type    string `json:"Type"`
	Default any    `json:"Default"`
}

// Output is a stack output; Export is unresolved and nil when nothing is exported.
type Output struct {
	Value  any `json:"Value"`
	Export *struct {
		Name any `json:"Name"`
	} `json:"Export"`
}

type manifest struct {
	Artifacts map[string]struct {
		Type         string   `json:"type"`
		Dependencies []string `json:"dependencies"`
		DisplayName  string   `json:"displayName"`
		Properties   struct {
			TemplateFile string `json:"templateFile"`
			StackName    string `json:"stackName"`
			File         string `json:"file"`
		} `json:"properties"`
	} `json:"artifacts"`
}

// Load reads the cloud assembly in dir.
func Load(dir string) (*Assembly, error) {
	var m manifest
	if err := readJSON(filepath.Join(dir, "manifest.json"), &m); err != nil {
		return nil, err
	}
	a := &Assembly{Dir: dir, Assets: map[string]string{}}
	for id, artifact := range m.Artifacts {
		switch artifact.Type {
		case "aws:cloudformation:stack":
			stack, err := loadStack(filepath.Join(dir, artifact.Properties.TemplateFile))
			if err != nil {
				return nil, err
			}
			stack.artifact, stack.needs = id, artifact.Dependencies
			stack.Name = firstText(artifact.Properties.StackName, artifact.DisplayName, id)
			a.Stacks = append(a.Stacks, stack)
		case "cdk:asset-manifest":
			if err := a.loadAssets(filepath.Join(dir, artifact.Properties.File)); err != nil {
				return nil, err
			}
		}
	}
	if len(a.Stacks) == 0 {
		return nil, fmt.Errorf("assembly %s holds no stack: its manifest.json lists none", dir)
	}
	return a, a.order()
}

func loadStack(file string) (*Stack, error) {
	var s Stack
	if err := readJSON(file, &s); err != nil {
		return nil, err
	}
	for id, r := range s.Resources {
		r.Stack, r.LogicalID = &s, id
	}
	return &s, nil
}

func (a *Assembly) loadAssets(file string) error {
	var list struct {
		Files map[string]struct {
			Source struct {
				Path string `json:"path"`
			} `json:"source"`
			Destinations map[string]struct {
				ObjectKey string `json:"objectKey"`
			} `json:"destinations"`
		} `json:"files"`
	}
	if err := readJSON(file, &list); err != nil {
		return err
	}
	for _, f := range list.Files {
		for _, d := range f.Destinations {
			a.Assets[d.ObjectKey] = filepath.Join(a.Dir, f.Source.Path)
		}
	}
	return nil
}

// order sorts the stacks so that each follows its dependencies; equals are in the order of their names.
func (a *Assembly) order() error {
	sort.Slice(a.Stacks, func(i, j int) bool { return a.Stacks[i].Name < a.Stacks[j].Name })
	var ordered []*Stack
	placed := map[string]bool{}
	stackIDs := map[string]bool{}
	for _, s := range a.Stacks {
		stackIDs[s.artifact] = true
	}
	for len(ordered) < len(a.Stacks) {
		before := len(ordered)
		for _, s := range a.Stacks {
			waits := slices.ContainsFunc(s.needs, func(n string) bool { return stackIDs[n] && !placed[n] })
			if !placed[s.artifact] && !waits {
				placed[s.artifact] = true
				ordered = append(ordered, s)
			}
		}
		if len(ordered) == before {
			return fmt.Errorf("assembly %s cannot be ordered: its stacks depend on each other in a circle", a.Dir)
		}
	}
	a.Stacks = ordered
	return nil
}

// ByType lists the resources of a type over all stacks, in deploy order and then by logical id.
func (a *Assembly) ByType(kind string) []*Resource {
	var found []*Resource
	for _, s := range a.Stacks {
		found = append(found, s.ByType(kind)...)
	}
	return found
}

// ByType lists the resources of a type, by logical id.
func (s *Stack) ByType(kind string) []*Resource {
	var found []*Resource
	for _, r := range s.Resources {
		if r.Type == kind {
			found = append(found, r)
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].LogicalID < found[j].LogicalID })
	return found
}

// Name says where a resource is, for messages: "stack/LogicalId".
func (r *Resource) Name() string { return r.Stack.Name + "/" + r.LogicalID }

func readJSON(file string, into any) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("assembly is not readable: %w", err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("assembly file %s is not valid: %w", file, err)
	}
	return nil
}

func firstText(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

//go:build !race

package templates

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/stacks"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// resource is one resource of a template.
type resource struct {
	ID, Stack                           string
	Type                                string
	Properties                          map[string]any
	UpdatePolicy                        map[string]any
	DependsOn                           any
	Metadata                            map[string]any
	DeletionPolicy, UpdateReplacePolicy string
}

// name says where a resource is, for messages.
func (r resource) name() string { return r.Stack + "/" + r.ID }

type template struct {
	Resources  map[string]resource
	Outputs    map[string]struct{ Value, Export any }
	Parameters map[string]any
}

// assembly is everything that one synth wrote.
type assembly struct {
	folder    string
	settings  settings.Settings
	templates map[string]template // by stack name
	raw       map[string]string
}

// of are all resources of a type, in a fixed order.
func (a assembly) of(kind string) iter.Seq[resource] {
	return func(yield func(resource) bool) {
		for r := range a.all() {
			if r.Type == kind && !yield(r) {
				return
			}
		}
	}
}

func (a assembly) all() iter.Seq[resource] {
	return func(yield func(resource) bool) {
		for _, stack := range slices.Sorted(maps.Keys(a.templates)) {
			for _, id := range slices.Sorted(maps.Keys(a.templates[stack].Resources)) {
				r := a.templates[stack].Resources[id]
				r.ID, r.Stack = id, stack
				if !yield(r) {
					return
				}
			}
		}
	}
}

// at follows keys and indices into a JSON value; nil when the way ends.
func at(value any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			object, ok := value.(map[string]any)
			if !ok {
				return nil
			}
			value = object[key]
		case int:
			list, ok := value.([]any)
			if !ok || key >= len(list) {
				return nil
			}
			value = list[key]
		}
	}
	return value
}

// list is a JSON value as a list: IAM and CloudFormation write one element without brackets.
func list(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// deployed is the project's own cdk.json, synthesized once; wider is the same fleet with every option used
// differently; unrecorded has no recorders. All went through cdk-nag.
var deployed, wider, oneMoreShard, unrecorded assembly

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	defer jsii.Close()
	folder, err := os.MkdirTemp("", "templates")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }()
	context, err := cdkContext()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	small := context["fleet"].(map[string]any)
	for into, fleet := range map[*assembly]map[string]any{
		&deployed: small, &wider: widen(small), &oneMoreShard: withShard(small), &unrecorded: withoutJibris(small),
	} {
		if *into, err = synthesize(folder, context, fleet); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// cdkContext is the context of cdk.json: only the CDK CLI reads that file by itself.
func cdkContext() (map[string]any, error) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "cdk.json"))
	if err != nil {
		return nil, err
	}
	var file struct{ Context map[string]any }
	err = json.Unmarshal(raw, &file)
	return file.Context, err
}

func withShard(fleet map[string]any) map[string]any {
	more := maps.Clone(fleet)
	more["shards"] = append(slices.Clone(list(fleet["shards"])), map[string]any{"name": "new", "id": 77})
	return more
}

func withoutJibris(fleet map[string]any) map[string]any {
	none := maps.Clone(fleet)
	none["jibris"] = map[string]any{"free": 0, "min": 0, "max": 0}
	return none
}

// widen is a fleet of three zones, x86 bridges, an own certificate, four slots and people to tell.
func widen(fleet map[string]any) map[string]any {
	wide := maps.Clone(fleet)
	delete(wide, "hostedZone")
	maps.Copy(wide, map[string]any{
		"fleet":          "wide",
		"certificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b2c3d-0000-4000-8000-000000000000",
		"network":        map[string]any{"cidr": "10.80.0.0/18", "availabilityZones": 3, "natGateways": 3},
		"edge":           map[string]any{"slots": 4, "shardLimit": 3000, "warmUp": "1m"},
		"bridges":        map[string]any{"instanceTypes": []any{"c7i.xlarge", "c6i.xlarge", "m7i.xlarge"}, "min": 3, "max": 9},
		"shards":         []any{map[string]any{"name": "a", "id": 4, "minBridges": 1, "maxBridges": 30}, map[string]any{"name": "b", "id": 9}},
		"jibris":         map[string]any{"free": 2, "min": 4, "max": 40, "instanceTypes": []any{"c7g.xlarge", "c6g.xlarge"}, "volumeGiB": 200, "diskFloorGiB": 20},
		"recordings":     map[string]any{"cheaperAfterDays": 60, "expireAfterDays": 365, "lateAfter": "1h"},
		"alerts":         map[string]any{"email": []any{"ops@example.org"}, "pageEmail": []any{"duty@example.org"}, "monthlyBudgetUSD": 5000},
		"tags":           map[string]any{"team": "video"},
	})
	return wide
}

func synthesize(folder string, context, fleet map[string]any) (assembly, error) {
	raw, err := json.Marshal(fleet)
	if err != nil {
		return assembly{}, err
	}
	parsed, err := settings.Parse(raw)
	if err != nil {
		return assembly{}, err
	}
	out, err := os.MkdirTemp(folder, "cdk.out")
	if err != nil {
		return assembly{}, err
	}
	app := awscdk.NewApp(&awscdk.AppProps{Context: &context, Outdir: jsii.String(out)})
	stacks.Deploy(app, stacks.Fleet{Settings: parsed, Built: stubs(folder)})
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Reports: jsii.Bool(true)}), nil)
	app.Synth(nil)
	return read(out, parsed)
}

func read(out string, parsed settings.Settings) (assembly, error) {
	a := assembly{folder: out, settings: parsed, templates: map[string]template{}, raw: map[string]string{}}
	files, err := filepath.Glob(filepath.Join(out, "*.template.json"))
	if err != nil {
		return a, err
	}
	for _, file := range files {
		raw, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			return a, err
		}
		var t template
		if err := json.Unmarshal(raw, &t); err != nil {
			return a, err
		}
		stack := strings.TrimSuffix(filepath.Base(file), ".template.json")
		a.templates[stack], a.raw[stack] = t, string(raw)
	}
	return a, nil
}

// stubs stands for what ./scripts/build makes: the templates' form does not depend on it.
type stubs string

func (s stubs) Lambda(name string) string { return s.folder(name, "bootstrap") }

func (s stubs) Boot(a settings.Architecture) string { return s.folder("boot-"+string(a), "agent") }

func (s stubs) folder(name, file string) string {
	folder := filepath.Join(string(s), "stubs", name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(folder, file), []byte(name), 0o600); err != nil {
		panic(err)
	}
	return folder
}

// every runs a law over the project's own fleet and over the wider one.
func every(t *testing.T, law func(*testing.T, assembly)) {
	t.Helper()
	for name, a := range map[string]assembly{"the fleet of cdk.json": deployed, "a fleet with every option used": wider} {
		t.Run(name, func(t *testing.T) {
			require.NotEmpty(t, a.templates)
			law(t, a)
		})
	}
}

package boot

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/template"
)

// node is one group's node: what it is told at its first boot, and the bundle that it fetches.
type node struct {
	name     string
	role     fleet.Role
	shard    string
	userData string
	url      string // of the bundle
	bundle   string // the bundle's folder in the assembly
}

// nodes are those of cdk.json's own fleet, deployed its settings.
var (
	nodes    []node
	deployed settings.Settings
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "the boot scripts cannot be tested: only root may give them a file system of their own")
		return 1
	}
	dir, err := os.MkdirTemp("", "boot")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		err = synthesize(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// synthesize runs the CDK app as the CDK CLI does; it needs what ./scripts/build makes.
func synthesize(dir string) error {
	raw, err := os.ReadFile("../../cdk.json")
	if err != nil {
		return err
	}
	var file struct {
		Context map[string]json.RawMessage `json:"context"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return err
	}
	if deployed, err = settings.Parse(file.Context["fleet"]); err != nil {
		return err
	}
	context, err := json.Marshal(file.Context)
	if err != nil {
		return err
	}
	app, out := filepath.Join(dir, "cdk"), filepath.Join(dir, "cdk.out")
	if said, err := exec.Command("go", "build", "-o", app, "../../cdk").CombinedOutput(); err != nil {
		return fmt.Errorf("the CDK app is not built: %w: %s", err, said)
	}
	synth := exec.Command(app)
	synth.Dir = filepath.Join("..", "..")
	synth.Env = append(os.Environ(), "CDK_CONTEXT_JSON="+string(context), "CDK_OUTDIR="+out)
	if said, err := synth.CombinedOutput(); err != nil {
		return fmt.Errorf("nothing is synthesized: %w: %s", err, said)
	}
	return load(out)
}

var fetched = regexp.MustCompile(`aws s3 cp --no-progress '(s3://[^/]+/([^']+))'`)

// load reads what each launch template says to its nodes.
func load(out string) error {
	assembly, err := template.Load(out)
	if err != nil {
		return err
	}
	resolver := (&template.Resolver{
		Account: "123456789012", Region: "eu-central-1",
		Physical: func(_, id string) (string, bool) { return "eni-" + id, true },
	}).Over(assembly)
	for _, t := range assembly.ByType("AWS::EC2::LaunchTemplate") {
		data, ok := t.Properties["LaunchTemplateData"].(map[string]any)
		if !ok {
			return fmt.Errorf("%s has no data", t.Name())
		}
		encoded, err := resolver.Resolve(t.Stack, data["UserData"])
		if err != nil {
			return err
		}
		text, err := base64.StdEncoding.DecodeString(fmt.Sprint(encoded))
		if err != nil {
			return err
		}
		from := fetched.FindStringSubmatch(string(text))
		if from == nil {
			return fmt.Errorf("%s fetches no bundle", t.Name())
		}
		n := node{name: t.Name(), userData: string(text), url: from[1], bundle: assembly.Assets[from[2]]}
		for script, role := range map[string]fleet.Role{"bridge": fleet.RoleBridge, "signal": fleet.RoleSignal, "edge": fleet.RoleEdge, "jibri": fleet.RoleJibri} {
			if strings.Contains(n.userData, "/"+script+".sh\n") {
				n.role = role
			}
		}
		_, n.shard, _ = strings.Cut(t.Stack.Name, "-shard-")
		nodes = append(nodes, n)
	}
	if len(nodes) == 0 {
		return errors.New("no launch template is synthesized")
	}
	return nil
}

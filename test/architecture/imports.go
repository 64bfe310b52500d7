package architecture

import (
	"fmt"
	"slices"
	"strings"
)

// A Direction says what the packages of one folder may import beside the standard library.
type Direction struct {
	// Folder is where the packages are; the first Direction whose folder holds a package is its own.
	Folder string
	// Ours are the folders of this project that they may import.
	Ours []string
	// Others are the beginnings of the import paths of other modules that they may import.
	Others []string
	// Closed are packages of the standard library that they may not import.
	Closed []string
}

// outside is what a pure package cannot have: the network, files, processes, dice and logs.
var outside = []string{"crypto/rand", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec", "syscall"}

// control are the packages that a deployed program may be made of.
var control = []string{
	"pkg/admit", "pkg/agent", "pkg/awscloud", "pkg/capacity", "pkg/collector", "pkg/drain", "pkg/elastic", "pkg/event", "pkg/fleet", "pkg/jitsi",
	"pkg/reconcile", "pkg/recording", "pkg/routing", "pkg/settings", "pkg/shards", "pkg/telemetry",
}

const (
	sdk    = "github.com/aws/aws-sdk-go-v2"
	smithy = "github.com/aws/smithy-go"
)

// Directions are DESIGN.md's, from the bottom up.
var Directions = []Direction{
	{Folder: "pkg/fleet", Closed: outside},
	{Folder: "pkg/admit", Ours: []string{"pkg/fleet"}, Closed: outside},
	{Folder: "pkg/capacity", Ours: []string{"pkg/fleet"}, Closed: outside},
	{Folder: "pkg/drain", Ours: []string{"pkg/fleet"}, Closed: outside},
	{Folder: "pkg/event", Ours: []string{"pkg/fleet"}, Closed: outside},
	{Folder: "pkg/recording", Ours: []string{"pkg/fleet"}, Closed: outside},
	{Folder: "pkg/routing", Ours: []string{"pkg/fleet"}, Closed: outside},
	{Folder: "pkg/settings", Ours: []string{"pkg/fleet"}, Closed: outside},
	{Folder: "pkg/shards", Ours: []string{"pkg/fleet"}, Closed: outside},
	{Folder: "pkg/spool", Ours: []string{"pkg/fleet", "pkg/recording"}, Closed: []string{"net", "net/http", "os/exec"}},
	{Folder: "pkg/telemetry", Ours: []string{"pkg/fleet"}},
	{Folder: "pkg/dashboard", Ours: []string{"pkg/alarm", "pkg/fleet", "pkg/settings", "pkg/telemetry"}, Closed: outside},
	{Folder: "pkg/alarm", Ours: []string{"pkg/fleet", "pkg/settings", "pkg/telemetry"}, Closed: outside},
	{
		Folder: "pkg/reconcile",
		Ours: []string{
			"pkg/admit", "pkg/capacity", "pkg/drain", "pkg/event", "pkg/fleet", "pkg/recording", "pkg/routing", "pkg/settings",
			"pkg/shards", "pkg/telemetry",
		},
		Others: []string{"golang.org/x/sync"},
		Closed: []string{"net", "net/http", "os", "os/exec"},
	},
	{Folder: "pkg/awscloud", Ours: []string{"pkg/fleet", "pkg/recording", "pkg/settings", "pkg/telemetry"}, Others: []string{sdk, smithy}},
	{Folder: "pkg/haproxy", Ours: []string{"pkg/fleet"}},
	{Folder: "pkg/jitsi", Ours: []string{"pkg/fleet"}},
	{
		Folder: "pkg/agent",
		Ours:   []string{"pkg/fleet", "pkg/haproxy", "pkg/jitsi", "pkg/routing", "pkg/settings", "pkg/telemetry"},
		Others: []string{"golang.org/x/net", "golang.org/x/sync"},
	},
	{Folder: "pkg/elastic", Others: []string{"github.com/opensearch-project/opensearch-go"}},
	{
		Folder: "pkg/collector",
		Ours:   []string{"pkg/agent", "pkg/elastic", "pkg/fleet", "pkg/haproxy", "pkg/jitsi", "pkg/settings", "pkg/telemetry"},
		Others: []string{"golang.org/x/sync"},
	},
	{
		Folder: "pkg/simulate",
		Ours: []string{
			"pkg/admit", "pkg/capacity", "pkg/drain", "pkg/event", "pkg/fleet", "pkg/reconcile", "pkg/settings", "pkg/simulate", "pkg/telemetry",
		},
	},
	{
		Folder: "cdk",
		Ours:   []string{"cdk", "pkg/alarm", "pkg/dashboard", "pkg/fleet", "pkg/routing", "pkg/settings", "pkg/telemetry"},
		Others: []string{
			"github.com/aws/aws-cdk-go", "github.com/aws/constructs-go", "github.com/aws/jsii-runtime-go", "github.com/cdklabs/cdk-nag-go",
		},
	},
	{Folder: "lambdas", Ours: append([]string{"lambdas/internal"}, control...), Others: []string{sdk, smithy, "github.com/aws/aws-lambda-go"}},
	{
		Folder: "assets",
		Ours: []string{
			"assets", "pkg/agent", "pkg/awscloud", "pkg/fleet", "pkg/haproxy", "pkg/jitsi", "pkg/recording", "pkg/settings", "pkg/spool",
			"pkg/telemetry",
		},
		Others: []string{sdk, smithy, "golang.org/x/sync"},
	},
	{Folder: "scripts", Ours: []string{"pkg", "scripts", "test"}, Others: []string{""}},
	{Folder: "test", Ours: []string{"cdk", "pkg", "scripts", "test"}, Others: []string{""}},
}

// Judge returns a sentence for every import of a package that its direction does not allow.
func Judge(p Package, directions []Direction) []string {
	i := slices.IndexFunc(directions, func(d Direction) bool { return p.Under(d.Folder) })
	if i < 0 {
		return []string{p.Path() + " has no direction: say in test/architecture what it may import"}
	}
	var wrong []string
	for _, imported := range p.Imports {
		if !directions[i].allows(imported) {
			wrong = append(wrong, fmt.Sprintf("%s imports %s: %s may not", p.Path(), imported, directions[i].Folder))
		}
	}
	return wrong
}

func (d Direction) allows(imported string) bool {
	if ours, found := strings.CutPrefix(imported, Module+"/"); found {
		return slices.ContainsFunc(d.Ours, func(folder string) bool { return within(ours, folder) })
	}
	if standard(imported) {
		return !slices.Contains(d.Closed, imported)
	}
	return slices.ContainsFunc(d.Others, func(start string) bool { return start == "" || within(imported, start) })
}

// standard tells whether an import path is of Go's own library: its first element has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

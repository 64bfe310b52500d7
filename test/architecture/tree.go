package architecture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// Module is the import path of the whole project.
const Module = "github.com/jitsi-fleet/jitsi-fleet"

// Package is one Go package of the project, as the go command lists it.
type Package struct {
	ImportPath string
	Name       string
	Dir        string
	// GoFiles are the sources for this machine, without tests.
	GoFiles []string
	// IgnoredGoFiles are those that a build tag or another machine's name keeps out.
	IgnoredGoFiles []string
	TestGoFiles    []string
	XTestGoFiles   []string
	Imports        []string
	TestImports    []string
	XTestImports   []string
}

// Path is the package's folder in the project: "pkg/fleet".
func (p Package) Path() string { return strings.TrimPrefix(p.ImportPath, Module+"/") }

// Under tells whether the package is the folder named or inside it.
func (p Package) Under(folder string) bool { return within(p.Path(), folder) }

// within tells whether a slash-separated path is the folder named or inside it.
func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// List asks the go command for every package of the module that holds the folder root.
func List(ctx context.Context, root string) ([]Package, error) {
	var failed bytes.Buffer
	list := exec.CommandContext(ctx, "go", "list", "-json=ImportPath,Name,Dir,GoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports", "./...")
	list.Dir, list.Stderr = root, &failed
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("packages are not listed: %w: %s", err, failed.String())
	}
	var packages []Package
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p Package
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("the list of packages is not read: %w", err)
		}
		packages = append(packages, p)
	}
}

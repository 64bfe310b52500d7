package stacks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// Folder is where ./scripts/build puts what it builds.
type Folder string

// Lambda is the folder with the bootstrap of a Lambda. Lambdas run on arm64.
func (d Folder) Lambda(name string) string { return filepath.Join(string(d), "lambda", "arm64", name) }

// Boot is the folder that nodes of an architecture load.
func (d Folder) Boot(a settings.Architecture) string {
	return filepath.Join(string(d), "boot", map[settings.Architecture]string{settings.ARM64: "arm64", settings.X86: "amd64"}[a])
}

// Check names everything that is not built yet.
func (d Folder) Check(s settings.Settings) error {
	var missing []error
	need := func(path string) {
		if _, err := os.Stat(path); err != nil {
			missing = append(missing, fmt.Errorf("%s is missing: run ./scripts/build", path))
		}
	}
	for _, name := range functions(s) {
		need(filepath.Join(d.Lambda(name), "bootstrap"))
	}
	architectures := map[settings.Architecture]bool{}
	types := append([]string{s.Signal.InstanceType, s.Edge.InstanceType}, s.Bridges.InstanceTypes...)
	if s.Jibris.Max > 0 {
		types = append(types, s.Jibris.InstanceTypes...)
	}
	for _, t := range types {
		if a := settings.ArchitectureOf(t); !architectures[a] {
			architectures[a] = true
			need(filepath.Join(d.Boot(a), "agent"))
		}
	}
	return errors.Join(missing...)
}

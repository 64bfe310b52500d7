package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// root is the project's folder.
const root = "../.."

// pure are the packages that decide: the same input gives the same answer, anywhere and at any time.
var pure = []string{
	"pkg/admit", "pkg/capacity", "pkg/drain", "pkg/event", "pkg/fleet", "pkg/recording", "pkg/routing", "pkg/settings",
}

func packages(t *testing.T) []Package {
	t.Helper()
	all, err := List(t.Context(), root)
	require.NoError(t, err)
	require.Greater(t, len(all), 20, "the tree is not the whole project")
	return all
}

// eachFile parses every source of a package that is not a test, those behind build tags too.
func eachFile(t *testing.T, p Package, visit func(*token.FileSet, *ast.File)) {
	t.Helper()
	for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles) {
		if matched, _ := filepath.Match("*_test.go", name); matched {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		require.NoError(t, err)
		visit(files, file)
	}
}

func TestEveryPackageImportsOnlyWhatItsDirectionAllows(t *testing.T) {
	for _, p := range packages(t) {
		assert.Empty(t, Judge(p, Directions))
	}
}

func TestOnlyScriptsAndTestsImportTheSimulator(t *testing.T) {
	for _, p := range packages(t) {
		if p.Under("scripts") || p.Under("test") || p.Under("pkg/simulate") {
			continue
		}
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			assert.False(t, within(imported, Module+"/pkg/simulate"), "%s imports %s", p.Path(), imported)
		}
	}
}

func TestWhatIsDeployedKnowsNothingOfTheTestsFolder(t *testing.T) {
	for _, p := range packages(t) {
		if p.Under("scripts") || p.Under("test") {
			continue
		}
		for _, imported := range p.Imports {
			assert.False(t, within(imported, Module+"/test"), "%s imports %s", p.Path(), imported)
		}
	}
}

func TestOnlyMainPackagesReadTheEnvironmentOrExit(t *testing.T) {
	for _, p := range packages(t) {
		if p.Name == "main" {
			continue
		}
		eachFile(t, p, func(files *token.FileSet, file *ast.File) { assert.Empty(t, Ambient(files, file)) })
	}
}

func TestPurePackagesReadNoClock(t *testing.T) {
	for _, p := range packages(t) {
		if slices.ContainsFunc(pure, p.Under) {
			eachFile(t, p, func(files *token.FileSet, file *ast.File) { assert.Empty(t, Clocks(files, file)) })
		}
	}
}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, p := range packages(t) {
		eachFile(t, p, func(files *token.FileSet, file *ast.File) { assert.Empty(t, Sizes(files, file)) })
	}
}

func TestPackagesAreNamedAfterTheDomain(t *testing.T) {
	vague := []string{"base", "common", "helper", "helpers", "manager", "misc", "shared", "tools", "util", "utils"}
	for _, p := range packages(t) {
		assert.NotContains(t, vague, filepath.Base(p.Path()))
		assert.NotContains(t, vague, p.Name)
	}
}

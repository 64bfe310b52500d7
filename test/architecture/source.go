package architecture

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
)

// Limits on the size of sources other than tests and generated ones. Measured on the projects that STYLE.md names,
// nine files of ten have up to about 350 lines, and nineteen functions of twenty up to about 50.
const (
	MaxFileLines     = 400
	MaxFunctionLines = 80
)

// ambient are the functions that read the environment or end the program, by the package they are in.
var ambient = map[string][]string{
	"os":      {"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "Clearenv", "Exit"},
	"syscall": {"Getenv", "Environ", "Exit"},
	"log":     {"Fatal", "Fatalf", "Fatalln"},
}

// clocks are the functions that read or wait for the machine's time.
var clocks = map[string][]string{
	"time":    {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
	"context": {"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause"},
}

// Ambient returns a sentence for every use in a file of what only a main package may do.
func Ambient(files *token.FileSet, file *ast.File) []string {
	return uses(files, file, ambient, "only a main package may")
}

// Clocks returns a sentence for every use in a file of the machine's time.
func Clocks(files *token.FileSet, file *ast.File) []string {
	return uses(files, file, clocks, "time is passed in")
}

// uses returns a sentence for every mention, called or not, of the functions named.
func uses(files *token.FileSet, file *ast.File, names map[string][]string, why string) []string {
	imported := map[string]string{} // local name -> import path
	for _, spec := range file.Imports {
		from, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser accepts quoted paths only
		}
		local := path.Base(from)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		imported[local] = from
	}
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && slices.Contains(names[imported[x.Name]], selector.Sel.Name) {
			found = append(found, fmt.Sprintf("%s: %s.%s: %s", files.Position(selector.Pos()), x.Name, selector.Sel.Name, why))
		}
		return true
	})
	return found
}

// Sizes returns a sentence for a file and for every function in it that is longer than the limits.
func Sizes(files *token.FileSet, file *ast.File) []string {
	if ast.IsGenerated(file) {
		return nil
	}
	var found []string
	if lines := files.File(file.FileStart).LineCount(); lines > MaxFileLines {
		found = append(found, fmt.Sprintf("%s: %d lines, more than %d", files.Position(file.FileStart).Filename, lines, MaxFileLines))
	}
	for _, declared := range file.Decls {
		function, ok := declared.(*ast.FuncDecl)
		if !ok {
			continue
		}
		lines := files.Position(function.End()).Line - files.Position(function.Pos()).Line + 1
		if lines > MaxFunctionLines {
			found = append(found, fmt.Sprintf("%s: %s has %d lines, more than %d", files.Position(function.Pos()), function.Name.Name, lines, MaxFunctionLines))
		}
	}
	return found
}

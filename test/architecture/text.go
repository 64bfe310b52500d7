package architecture

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Texts walks the project's own files and calls visit with the path in the project, slash-separated. What .gitignore
// names at the top level is not the project's own, nor is what is inside .git.
func Texts(root string, visit func(path string) error) error {
	foreign, err := ignored(root)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		path := filepath.ToSlash(inside)
		if entry.IsDir() && slices.Contains(foreign, path) {
			return filepath.SkipDir
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		return visit(path)
	})
}

// ignored are the folders that .gitignore names as "/folder/".
func ignored(root string) ([]string, error) {
	lines, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		return nil, fmt.Errorf("what is not committed is not known: %w", err)
	}
	folders := []string{".git"}
	for line := range strings.Lines(string(lines)) {
		folders = append(folders, strings.Trim(strings.TrimSpace(line), "/"))
	}
	return folders, nil
}

// Mentions returns a sentence for every line of a text that a pattern matches.
func Mentions(path, text string, pattern *regexp.Regexp, why string) []string {
	var found []string
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for n := 1; lines.Scan(); n++ {
		if word := pattern.FindString(lines.Text()); word != "" {
			found = append(found, fmt.Sprintf("%s:%d: %s: %s", path, n, word, why))
		}
	}
	return found
}

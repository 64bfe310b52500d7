package settings

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// paths walks a type as its JSON is written.
func paths(t reflect.Type, path string) []string {
	switch {
	case t.Kind() == reflect.Pointer:
		return paths(t.Elem(), path)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && t.Elem().PkgPath() == reflect.TypeFor[Settings]().PkgPath():
		return paths(t.Elem(), path+"[]")
	case t.Kind() == reflect.Map:
		return paths(t.Elem(), path+".{}")
	case t.Kind() != reflect.Struct || t.PkgPath() != reflect.TypeFor[Settings]().PkgPath():
		return []string{path}
	}
	var all []string
	for _, f := range fieldsOf(reflect.New(t).Elem()) {
		all = append(all, paths(f.value.Type(), strings.TrimPrefix(path+"."+f.key, "."))...)
	}
	return all
}

func TestTheReferenceHasEachPathOnceInTheOrderOfTheTypes(t *testing.T) {
	var listed []string
	for _, k := range knobs {
		listed = append(listed, k.path)
		assert.NotEmpty(t, k.takes, k.path)
		assert.NotEmpty(t, k.meaning, k.path)
	}
	var typed []string
	for _, p := range paths(reflect.TypeFor[Settings](), "") {
		if p != "tags.{}" {
			typed = append(typed, p)
		}
	}
	assert.Equal(t, append(typed, "tags.{}"), listed)
}

func TestTheReferenceShowsDefaultsAsTheyAreWritten(t *testing.T) {
	table := Reference()
	assert.Contains(t, table, "| `bridges.bootTime` | `\"4m\"` | 30s to 30m |")
	assert.Contains(t, table, "| `network.cidr` | `\"10.64.0.0/16\"` |")
	assert.Contains(t, table, "| `shards[].id` |  | 1 to 4095 |")
	assert.Equal(t, len(knobs)+2, strings.Count(table, "\n"))
}

// A range of the reference is the one that Parse enforces: its ends are taken, and what lies just outside is not.
func TestTheRangesOfTheReferenceAreThoseThatAreEnforced(t *testing.T) {
	checked := 0
	for _, k := range knobs {
		low, high, found := strings.Cut(k.takes, " to ")
		high, _, _ = strings.Cut(high, ",")
		high, _, _ = strings.Cut(high, ";")
		if !found || strings.HasPrefix(k.path, "schedules") {
			continue
		}
		t.Run(k.path, func(t *testing.T) {
			for end, step := range map[string]int{low: -1, high: 1} {
				inside, outside, ok := ends(end, step)
				if !ok {
					continue
				}
				checked++
				path := "fleet." + strings.ReplaceAll(k.path, "[]", "[0]")
				assert.Contains(t, refused(t, set(k.path, outside)), path, "%v is outside of %q", outside, k.takes)
				for _, p := range problems(t, set(k.path, inside)) {
					assert.False(t, p.Path == path && strings.Contains(p.Mend, " from "), "%v is inside of %q: %s", inside, k.takes, p)
				}
			}
		})
	}
	assert.Greater(t, checked, 40)
}

// ends is an end of a range and the value just outside of it.
func ends(end string, step int) (inside, outside any, ok bool) {
	if n, err := strconv.Atoi(end); err == nil {
		return n, n + step, true
	}
	if f, err := strconv.ParseFloat(end, 64); err == nil {
		return f, f + float64(step)/1000, true
	}
	if d, err := time.ParseDuration(end); err == nil {
		return end, (d + time.Duration(step)*time.Millisecond).String(), true
	}
	return nil, nil, false
}

// set is an edit of the example that writes a value at a path; "[]" is the first element.
func set(path string, value any) func(map[string]any) {
	return func(doc map[string]any) {
		keys := strings.Split(path, ".")
		for _, key := range keys[:len(keys)-1] {
			name, list := strings.CutSuffix(key, "[]")
			switch child := doc[name].(type) {
			case map[string]any:
				doc = child
			case []any:
				doc = child[0].(map[string]any)
			default:
				fresh := map[string]any{}
				doc[name] = fresh
				if list {
					doc[name] = []any{fresh}
				}
				doc = fresh
			}
		}
		doc[keys[len(keys)-1]] = value
	}
}

// document is the example, edited.
func document(t *testing.T, edits ...func(map[string]any)) []byte {
	t.Helper()
	var doc map[string]any
	require.NoError(t, json.Unmarshal(example, &doc))
	for _, edit := range edits {
		edit(doc)
	}
	raw, err := json.Marshal(doc)
	require.NoError(t, err)
	return raw
}

// problems is what Parse finds in the edited example.
func problems(t *testing.T, edits ...func(map[string]any)) Invalid {
	t.Helper()
	_, err := Parse(document(t, edits...))
	return invalid(t, err)
}

func invalid(t *testing.T, err error) Invalid {
	t.Helper()
	if err == nil {
		return nil
	}
	var list Invalid
	require.ErrorAs(t, err, &list)
	for _, p := range list {
		assert.NotEmpty(t, p.Path)
		assert.NotEmpty(t, p.Mend, p.Path)
	}
	return list
}

// refused is the paths of what Parse finds in the edited example.
func refused(t *testing.T, edits ...func(map[string]any)) []string {
	t.Helper()
	return pathsOf(problems(t, edits...))
}

func pathsOf(list Invalid) []string {
	var all []string
	for _, p := range list {
		all = append(all, p.Path)
	}
	return all
}

package boards

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/collector"
)

var update = flag.Bool("update", false, "write ../saved-objects.ndjson anew")

const file = "../saved-objects.ndjson"

func TestTheFileIsWhatIsSaidHere(t *testing.T) {
	want, err := Objects(All())
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(file, want, 0o644))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "go test ./assets/collector/boards -update mends it")
}

func TestEverySeriesIsOfAMappedFieldOfARightType(t *testing.T) {
	types := map[string]string{}
	for _, f := range collector.Fields() {
		types[f.Path] = f.Type
	}
	for _, b := range All() {
		for _, p := range b.Panels {
			for _, s := range p.Series {
				numeric := slices.Contains([]string{"long", "float", "double"}, types[s.Field])
				assert.True(t, numeric || s.Agg == "cardinality" && types[s.Field] == "keyword", "%s: %s has the type %q", p.Title, s.Field, types[s.Field])
				assert.True(t, s.Split == "" || types[s.Split] == "keyword", "%s: %s has the type %q", p.Title, s.Split, types[s.Split])
			}
		}
	}
}

func TestEveryReferenceIsToAnObjectThatComesBefore(t *testing.T) {
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	known, titles := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		var o object
		require.NoError(t, json.Unmarshal([]byte(line), &o))
		for _, r := range o.References {
			assert.True(t, known[r.Type+"/"+r.ID], "%s refers to %s", o.ID, r.ID)
		}
		key, title := o.Type+"/"+o.ID, o.Type+"/"+o.Attributes["title"].(string)
		assert.False(t, known[key], "%s stands twice", key)
		assert.False(t, titles[title], "%s stands twice", title)
		known[key], titles[title] = true, true
		for _, attribute := range []string{"visState", "panelsJSON", "optionsJSON"} {
			if inner, ok := o.Attributes[attribute].(string); ok {
				assert.True(t, json.Valid([]byte(inner)), "%s: %s", o.ID, attribute)
			}
		}
	}
	assert.Equal(t, len(All()), strings.Count(string(raw), `"type":"dashboard"`))
}

func TestNoPanelCoversAnother(t *testing.T) {
	for _, b := range All() {
		objects, err := b.objects()
		require.NoError(t, err)
		var panels []struct {
			GridData struct{ X, Y, W, H int }
		}
		require.NoError(t, json.Unmarshal([]byte(objects[len(objects)-1].Attributes["panelsJSON"].(string)), &panels))
		require.Len(t, panels, len(b.Panels))
		for i, p := range panels {
			a := p.GridData
			assert.LessOrEqual(t, a.X+a.W, columns)
			for _, q := range panels[:i] {
				z := q.GridData
				apart := a.X >= z.X+z.W || z.X >= a.X+a.W || a.Y >= z.Y+z.H || z.Y >= a.Y+a.H
				assert.True(t, apart, "%s: %v and %v", b.ID, a, z)
			}
		}
	}
}

package telemetry

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// units are CloudWatch's, as far as they are used.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
var units = []string{"Count", "None", "Milliseconds", "Seconds", "Percent", "Bytes", "Kilobits/Second", "Count/Second"}

func TestEveryMetricIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range All {
		assert.Regexp(t, `^[A-Z][A-Za-z0-9]+$`, m.Name)
		assert.False(t, seen[m.Name], "%s is twice in the list", m.Name)
		seen[m.Name] = true
		assert.Contains(t, units, m.Unit, m.Name)
		assert.Contains(t, []Scope{PerFleet, PerShard}, m.Scope, m.Name)
		assert.NotEmpty(t, m.Meaning, m.Name)
		assert.NotContains(t, []string{DimensionFleet, DimensionShard, "_aws"}, m.Name, "a metric would replace a dimension's value")
	}
}

func TestEveryMetricOfTheSourceIsInTheList(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "names.go", nil, 0)
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, m := range All {
		listed[m.Name] = true
	}
	declared := 0
	for _, decl := range file.Decls {
		g, ok := decl.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			for i, value := range s.(*ast.ValueSpec).Values {
				literal, is := value.(*ast.CompositeLit)
				if !is {
					continue
				}
				if kind, is := literal.Type.(*ast.Ident); is && kind.Name == "Metric" {
					declared++
					name := s.(*ast.ValueSpec).Names[i].Name
					assert.True(t, listed[name], "%s is declared and not in the list under that name", name)
				}
			}
		}
	}
	assert.Equal(t, len(All)-5*len(Hosts), declared)
}

package settings

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestTheNearestWord(t *testing.T) {
	for _, c := range []struct{ name, word, want string }{
		{"a letter is missing", "targt", "target"},
		{"two letters are swapped", "tagret", "target"},
		{"capitals do not count", "SPARE", "spare"},
		{"three letters are too many", "tarrrrget", ""},
		{"a short word is not like another one", "id", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := nearest(c.word, []string{"min", "target", "spare"})
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.want != "", ok)
		})
	}
}

func TestTheDistanceIsAMetric(t *testing.T) {
	word := rapid.StringMatching(`[a-c]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := word.Draw(t, "a"), word.Draw(t, "b"), word.Draw(t, "c")
		assert.Equal(t, a == b, distance(a, b) == 0)
		assert.Equal(t, distance(a, b), distance(b, a))
		assert.LessOrEqual(t, distance(a, c), distance(a, b)+distance(b, c))
		assert.LessOrEqual(t, distance(a, b), max(len(a), len(b)))
	})
}

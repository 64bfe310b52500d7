package main

import (
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestThePictureOfADayIsAPNGOfItsSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "day.png")
	require.NoError(t, good(t).draw(path))
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	picture, err := png.Decode(file)
	require.NoError(t, err)
	const perCentimeter = pictureDPI / 2.54
	assert.InDelta(t, 22*perCentimeter, picture.Bounds().Dx(), 1)
	assert.InDelta(t, 14*perCentimeter, picture.Bounds().Dy(), 1)
	seen := map[[3]uint32]bool{}
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			r, g, b, _ := picture.At(x, y).RGBA()
			seen[[3]uint32{r >> 8, g >> 8, b >> 8}] = true
		}
	}
	for name, c := range map[string]struct{ R, G, B uint8 }{
		"participants": {blue.R, blue.G, blue.B}, "running": {green.R, green.G, green.B}, "stress": {red.R, red.G, red.B},
	} {
		assert.Contains(t, seen, [3]uint32{uint32(c.R), uint32(c.G), uint32(c.B)}, "the line of %s is drawn", name)
	}
}

func TestAPictureThatCannotBeWrittenIsAnError(t *testing.T) {
	assert.Error(t, good(t).draw(filepath.Join(t.TempDir(), "missing", "day.png")))
}

func TestTheAxisNamesFullHours(t *testing.T) {
	labels := func(low, high float64) []string {
		var all []string
		for _, tick := range hours(low, high) {
			all = append(all, tick.Label)
		}
		return all
	}
	assert.Equal(t, []string{"06:00", "07:00", "08:00"}, labels(6, 8.5))
	assert.Equal(t, []string{"23:00", "00:00", "01:00"}, labels(22.5, 25))
	assert.Equal(t, []string{"00:00", "06:00", "12:00", "18:00", "00:00", "06:00"}, labels(0, 31))
}

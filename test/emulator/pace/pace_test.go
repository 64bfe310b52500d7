package pace

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestDurationsAreDividedByTheFactor(t *testing.T) {
	assert.Equal(t, time.Second, Clock{Factor: 60}.Scale(time.Minute))
	assert.Equal(t, time.Minute, Clock{}.Scale(time.Minute), "no factor is the factor 1")
	assert.Equal(t, time.Microsecond, Clock{Factor: 1e9}.Scale(time.Second), "what takes time never takes none")
	assert.Equal(t, time.Minute, Clock{Factor: 60}.Unscale(time.Second))
	assert.Equal(t, 3, Clock{Factor: 144}.Seconds(5*time.Minute), "2.08 s are rounded up")
}

func TestScalingKeepsOrderAndProportion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Clock{Factor: rapid.Float64Range(1, 10_000).Draw(t, "factor")}
		short := time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Hour)).Draw(t, "short"))
		long := short + time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "more"))
		if c.Scale(short) > c.Scale(long) {
			t.Fatalf("%s takes longer than %s", short, long)
		}
		if c.Scale(long) > long {
			t.Fatalf("%s takes %s", long, c.Scale(long))
		}
	})
}

func TestASleepLastsItsScaledTimeOrUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		assert.NoError(t, Clock{Factor: 60}.Sleep(t.Context(), time.Hour))
		assert.Equal(t, time.Minute, time.Since(start))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, Clock{Factor: 60}.Sleep(ctx, time.Hour), context.DeadlineExceeded)
		assert.Equal(t, time.Minute+time.Second, time.Since(start))
	})
}

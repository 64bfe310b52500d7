package capacity

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestALostShardsShareIsRoomThatIsNeeded(t *testing.T) {
	p := Policy{Target: 0.6, Spare: 1, Slack: 0.25, BootTime: 4 * time.Minute, Reaction: 2 * time.Minute, ShrinkAfter: 10 * time.Minute, Min: 2, Max: 10}
	in := seen(steady(1.2), bridges("s", Serving, repeat(0.3, 4)...))
	assert.Zero(t, DecideBridges(in, p).Launch, "1.2 of room covers a spare of 0.6")
	in.Lost = 0.6
	assert.Zero(t, DecideBridges(in, p).Launch, "and as much of a lost shard")
	in.Lost = 0.7
	d := DecideBridges(in, p)
	assert.Equal(t, 1, d.Launch)
	assert.Contains(t, d.Reasons[0], "a lost shard's share 0.70")

	in = seen(steady(0.6), bridges("s", Serving, repeat(0.1, 6)...), bridges("d", Draining, 0))
	assert.NotEmpty(t, DecideBridges(in, p).Drain)
	assert.NotEmpty(t, DecideBridges(in, p).Release)
	in.Lost = 3
	assert.Empty(t, DecideBridges(in, p).Drain, "room that is kept for a lost shard is not given up")
	assert.Empty(t, DecideBridges(in, p).Release, "nor is the reserve")
}

func TestMoreOfALostShardNeverWantsFewerBridges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, p := anyGroup().Draw(t, "group"), policies().Draw(t, "policy")
		more := in
		more.Lost += hundredths(0, 300).Draw(t, "more")
		assert.LessOrEqual(t, DecideBridges(in, p).Wanted, DecideBridges(more, p).Wanted)
	})
}

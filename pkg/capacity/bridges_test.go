package capacity

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// plain is the default policy of package settings.
func plain() Policy {
	return Policy{Target: 0.6, Spare: 1, Slack: 0.25, BootTime: 4 * time.Minute, Reaction: 2 * time.Minute, ShrinkAfter: 10 * time.Minute, Min: 2, Max: 20}
}

// bridges are bridges of one state, by their stress, with ids that no other call with another prefix makes.
func bridges(prefix string, state State, stress ...float64) []Bridge {
	var bs []Bridge
	for i, s := range stress {
		bs = append(bs, Bridge{ID: fleet.InstanceID(fmt.Sprintf("i-%s%d", prefix, i)), State: state, Stress: s, Endpoints: int64(100 * s)})
	}
	return bs
}

// holding are bridges with so many conferences each.
func holding(bs []Bridge, conferences ...int64) []Bridge {
	for i := range bs {
		bs[i].Conferences = conferences[i]
	}
	return bs
}

func outdated(bs []Bridge) []Bridge {
	for i := range bs {
		bs[i].Outdated = true
	}
	return bs
}

// steady is a sample each minute of the same demand over the last 20 minutes, the present one left out.
func steady(demand float64) []Sample { return minutes(20, func(int) float64 { return demand }) }

// minutes is a sample each minute, the last one a minute ago.
func minutes(n int, demand func(ago int) float64) []Sample {
	var h []Sample
	for ago := n; ago >= 1; ago-- {
		h = append(h, Sample{At: noon.Add(-time.Duration(ago) * time.Minute), Demand: demand(ago)})
	}
	return h
}

// seen is an observation at noon in which Auto Scaling counts every bridge and wants no more.
func seen(history []Sample, groups ...[]Bridge) Input {
	in := Input{Now: noon, History: history}
	for _, g := range groups {
		in.Bridges = append(in.Bridges, g...)
	}
	in.Counted = len(in.Bridges)
	in.Desired = in.Counted
	return in
}

func repeat(stress float64, n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = stress
	}
	return all
}

func TestBridgesAreDecided(t *testing.T) {
	type want struct {
		wanted, launch, undrain, drain, release, short int
		reason                                         string // a part of one
	}
	for _, c := range []struct {
		name   string
		in     Input
		policy func(*Policy)
		want   want
	}{
		{
			name: "nine bridges with 500 participants launch a tenth, as the package's example says",
			in:   seen(nil, bridges("a", Serving, repeat(5.0/9, 9)...)),
			want: want{wanted: 10, launch: 1, reason: "room 0.40 and reserve 0.00 are below the needed 0.60"},
		},
		{
			name: "ten bridges with 500 participants are enough, and one is a reserve, as the example says",
			in:   seen(steady(5), bridges("a", Serving, repeat(0.5, 10)...)),
			want: want{wanted: 10, drain: 1, reason: "draining: i-a0 (stress 0.50), because the room of 0.90 on the others covers 0.15 and the 0.50"},
		},
		{
			name: "nine of ten that serve 500 participants stay so, as the example says",
			in:   seen(steady(5), bridges("a", Serving, repeat(5.0/9, 9)...), bridges("d", Draining, 0)),
			want: want{wanted: 10, reason: "room 0.40 covers the needed 0.15, and with the reserve of 0.60 the 0.60"},
		},
		{
			name: "an empty group gets its minimum",
			in:   seen(nil),
			want: want{wanted: 2, launch: 2, reason: "the minimum is 2"},
		},
		{
			name: "what was bought and is not visible yet is not bought again",
			in:   func() Input { in := seen(nil); in.Desired = 2; return in }(),
			want: want{wanted: 2},
		},
		{
			name: "a booting bridge counts as the room that it will have",
			in:   seen(nil, bridges("a", Serving, 0.6, 0.6), bridges("b", Booting, 0)),
			want: want{wanted: 3},
		},
		{
			name: "a hot bridge is full, and what its people do not explain is no more demand",
			in:   seen(steady(2.6), []Bridge{{ID: "i-a", State: Serving, Stress: 3, Endpoints: 60}}, bridges("b", Serving, 0.3, 0.3)),
			want: want{wanted: 3},
		},
		{
			name: "growth of the last boot time is expected once more, as much as came of it just now",
			in: seen(minutes(20, func(ago int) float64 { return []float64{0, 0.8, 0.6, 0.4}[min(ago, 3)] }),
				bridges("a", Serving, 0.5, 0.5)),
			want: want{wanted: 4, launch: 2, reason: "growth 0.40"},
		},
		{
			name: "growth that has come to rest is expected no more",
			in: seen(minutes(20, func(ago int) float64 {
				if ago <= 3 {
					return 1.0
				}
				return 0.4
			}), bridges("a", Serving, repeat(0.25, 4)...)),
			want: want{wanted: 4, drain: 2, reason: "covers 0.15 and the 0.50"},
		},
		{
			name: "a dip that fills again is no growth",
			in: seen(minutes(20, func(ago int) float64 {
				if ago <= 5 && ago >= 2 {
					return 0.2
				}
				return 1.4
			}), bridges("a", Serving, 0.35, 0.35, 0.35, 0.35)),
			want: want{wanted: 4, drain: 1, reason: "covers 0.15"},
		},
		{
			name:   "all that is missing is launched at once",
			in:     seen(nil, bridges("a", Serving, 0.6, 0.6)),
			policy: func(p *Policy) { p.Spare = 5 },
			want:   want{wanted: 7, launch: 5},
		},
		{
			name:   "the maximum bounds a launch and what is missing is told",
			in:     seen(nil, bridges("a", Serving, 0.6, 0.6)),
			policy: func(p *Policy) { p.Spare, p.Max = 5, 4 },
			want:   want{wanted: 4, launch: 2, short: 3, reason: "the maximum of 4 leaves 3 of 5 bridges missing"},
		},
		{
			name:   "a maximum lowered below what there is ends nothing that is needed",
			in:     seen(steady(1.8), bridges("a", Serving, 0.6, 0.6, 0.6)),
			policy: func(p *Policy) { p.Max = 2 },
			want:   want{wanted: 3, short: 1},
		},
		{
			name: "the reserve is taken back before anything is launched, and counts for the boot time",
			in:   seen(nil, bridges("a", Serving, 0.6, 0.6), bridges("d", Draining, 0.1, 0.3)),
			want: want{wanted: 4, undrain: 1, reason: "taken back from draining: i-d1 (stress 0.30), because room for 0.15 is needed within 2m0s"},
		},
		{
			name: "only what room and reserve lack together is launched",
			in: func() Input {
				in := seen(nil, bridges("a", Serving, 0.6, 0.6), bridges("d", Draining, 0.1, 0.3))
				in.Expected = 0.4
				return in
			}(),
			want: want{wanted: 5, launch: 1, undrain: 1, reason: "room 0.00 and reserve 0.80 are below the needed 1.00"},
		},
		{
			name: "no more is taken back than those that serve lack",
			in: func() Input {
				in := seen(nil, bridges("a", Serving, 0.6, 0.6), bridges("d", Draining, 0, 0.1, 0.2))
				in.Soon = 0.5
				return in
			}(),
			want: want{wanted: 5, undrain: 2, reason: "taken back from draining: i-d2 (stress 0.20), i-d1 (stress 0.10)"}, // the fullest two have 0.4 and 0.5 of the missing 0.80
		},
		{
			name: "a full draining bridge is no room and is not taken back",
			in:   seen(nil, bridges("a", Serving, 0.6, 0.6), bridges("d", Draining, 0.7)),
			want: want{wanted: 4, launch: 1},
		},
		{
			name: "draining bridges are taken back for the minimum too",
			in:   seen(nil, bridges("a", Serving, 0), bridges("d", Draining, 0.7)),
			want: want{wanted: 2, undrain: 1, reason: "taken back from draining: i-d0 (stress 0.70), because the minimum is 2"},
		},
		{
			name: "retiring bridges are never taken back",
			in:   seen(nil, bridges("a", Serving, 0.6, 0.6), bridges("r", Retiring, 0)),
			want: want{wanted: 3, launch: 1},
		},
		{
			name: "an outdated bridge is the last to be taken back",
			in:   seen(nil, bridges("a", Serving, 0.6, 0.6), bridges("d", Draining, 0), outdated(bridges("o", Draining, 0.3))),
			want: want{wanted: 4, undrain: 1, reason: "taken back from draining: i-d0 (stress 0.00)"},
		},
		{
			name: "what those that serve can do without drains at once, the least loaded first",
			in:   seen(nil, bridges("a", Serving, 0.1, 0.1, 0.1, 0)),
			want: want{wanted: 4, drain: 2, reason: "draining: i-a3 (stress 0.00), i-a0 (stress 0.10)"},
		},
		{
			name: "one large conference drains before three small ones",
			in:   seen(nil, holding(bridges("a", Serving, 0.1, 0.15, 0.2), 3, 1, 2)),
			want: want{wanted: 3, drain: 1, reason: "draining: i-a1 (stress 0.15)"},
		},
		{
			name: "three small conferences are taken back before one large one",
			in:   seen(nil, bridges("a", Serving, 0.6, 0.6), holding(bridges("d", Draining, 0.3, 0.2), 1, 3)),
			want: want{wanted: 4, undrain: 1, reason: "taken back from draining: i-d1 (stress 0.20)"},
		},
		{
			name: "nothing drains whose load the others cannot take",
			in:   seen(nil, bridges("a", Serving, 0.4, 0.4, 0.4)),
			want: want{wanted: 3},
		},
		{
			name: "nothing drains while what drains already carries as much as the others can take",
			in:   seen(nil, bridges("a", Serving, 0, 0, 0), bridges("d", Draining, 0.6, 0.6)),
			want: want{wanted: 5},
		},
		{
			name: "nothing drains that was needed within the last two minutes",
			in: seen(minutes(20, func(ago int) float64 {
				if ago <= 2 {
					return 1.2
				}
				return 0
			}), bridges("a", Serving, 0, 0, 0)),
			want: want{wanted: 3},
		},
		{
			name: "a group at its minimum drains and releases nothing",
			in:   seen(steady(0), bridges("a", Serving, 0), bridges("d", Draining, 0)),
			want: want{wanted: 2, undrain: 1},
		},
		{
			name: "draining bridges that are proven not to be needed are released, the emptiest first",
			in:   seen(steady(0.3), bridges("a", Serving, 0.1, 0.1), bridges("d", Draining, 0.1, 0)),
			want: want{wanted: 2, release: 2, reason: "empty and ending: i-d1 (stress 0.00), because the others have 1.00 of room for the needed 0.75"},
		},
		{
			name: "a reserve that a boot time needs is not released",
			in:   seen(steady(0.9), bridges("a", Serving, 0.45, 0.45), bridges("d", Draining, 0)),
			want: want{wanted: 3},
		},
		{
			name: "where an empty bridge is needed none that is fuller is released",
			in:   seen(steady(1.1), bridges("a", Serving, 0.3, 0.3), bridges("d", Draining, 0, 0.5)),
			want: want{wanted: 4},
		},
		{
			name: "nothing is drained or released while a bridge is silent",
			in:   seen(steady(0), bridges("a", Serving, repeat(0, 9)...), bridges("s", Silent, 0), bridges("d", Draining, 0)),
			want: want{wanted: 11, reason: "nothing is released: not every bridge answered"},
		},
		{
			name: "nothing is drained or released while a bridge is broken",
			in:   seen(steady(0), bridges("a", Serving, repeat(0, 9)...), bridges("s", Broken, 0), bridges("d", Draining, 0)),
			want: want{wanted: 10, reason: "nothing is released: a bridge is broken"},
		},
		{
			name: "what boots is no reason to release what is there",
			in:   seen(steady(0.9), bridges("a", Serving, 0.45, 0.45), bridges("d", Draining, 0), bridges("b", Booting, 0)),
			want: want{wanted: 4},
		},
		{
			name: "nothing is released without a history",
			in:   seen(nil, bridges("a", Serving, 0, 0), bridges("d", Draining, repeat(0, 7)...)),
			want: want{wanted: 9, reason: "not known without gaps"},
		},
		{
			name: "nothing is released when the history has a gap of more than half its window",
			in: seen(append(minutes(20, func(int) float64 { return 0 })[:8], minutes(6, func(int) float64 { return 0 })...),
				bridges("a", Serving, 0, 0), bridges("d", Draining, repeat(0, 7)...)),
			want: want{wanted: 9, reason: "not known without gaps"},
		},
		{
			name: "a reserve is kept for the peak of the last minutes",
			in:   seen(minutes(20, func(int) float64 { return 3 }), bridges("a", Serving, 0, 0), bridges("d", Draining, repeat(0, 5)...)),
			want: want{wanted: 7},
		},
		{
			name: "a reserve is kept for what retiring bridges still carry",
			in:   seen(steady(1), bridges("a", Serving, 0, 0), bridges("d", Draining, 0), bridges("r", Retiring, 0.5, 0.5)),
			want: want{wanted: 3},
		},
		{
			name: "a reserve is kept for what a hot bridge carries above the target",
			in:   seen(steady(1.5), bridges("a", Serving, 1.5, 0), bridges("d", Draining, 0, 0)),
			want: want{wanted: 4},
		},
		{
			name: "one silent bridge of ten is presumed full",
			in:   seen(nil, bridges("a", Serving, repeat(0.54, 9)...), bridges("s", Silent, 0)),
			want: want{wanted: 11, launch: 1},
		},
		{
			name: "when half are silent they are presumed to be like those that answer",
			in:   seen(nil, bridges("a", Serving, repeat(0.45, 4)...), bridges("s", Silent, repeat(0, 4)...)),
			want: want{wanted: 8},
		},
		{
			name: "when all are silent nothing is launched",
			in:   seen(steady(5), bridges("s", Silent, repeat(0, 8)...)),
			want: want{wanted: 8, reason: "nothing is known"},
		},
		{
			name:   "when all are silent the minimum holds",
			in:     seen(steady(5), bridges("s", Silent, 0)),
			policy: func(p *Policy) { p.Min = 3 },
			want:   want{wanted: 3, launch: 2, reason: "nothing is known"},
		},
		{
			name: "a broken bridge is no capacity",
			in:   seen(nil, bridges("a", Serving, 0, 0.6), bridges("b", Broken, 0)),
			want: want{wanted: 2},
		},
		{
			name: "a broken bridge below the minimum is made up for",
			in:   seen(nil, bridges("a", Serving, 0), bridges("b", Broken, 0)),
			want: want{wanted: 2, launch: 1, reason: "the minimum is 2"},
		},
		{
			name: "an outdated bridge is the first to drain",
			in:   seen(steady(0.4), bridges("a", Serving, 0, 0, 0), outdated(bridges("o", Serving, 0.4))),
			want: want{wanted: 4, drain: 2, reason: "draining: i-o0 (stress 0.40, outdated launch template)"},
		},
		{
			name: "an outdated bridge is the first to be released",
			in:   seen(steady(1), bridges("a", Serving, 0.3, 0.6), bridges("d", Draining, 0), outdated(bridges("o", Draining, 0.1))),
			want: want{wanted: 3, release: 1, reason: ""},
		},
		{
			name: "a current bridge of the reserve takes the place of an outdated one",
			in:   seen(steady(0), outdated(bridges("o", Serving, 0, 0)), bridges("d", Draining, 0)),
			want: want{wanted: 3, undrain: 1, reason: "i-d0 is taken back in the place of an outdated bridge"},
		},
		{
			name: "an outdated bridge at the minimum is replaced before it drains",
			in:   seen(steady(0), outdated(bridges("o", Serving, 0, 0))),
			want: want{wanted: 3, launch: 1, reason: "an outdated bridge is replaced before it is ended"},
		},
		{
			name: "an outdated bridge without room for its load elsewhere is replaced before it drains",
			in:   seen(steady(1.5), outdated(bridges("o", Serving, 0.5, 0.5, 0.5)), outdated(bridges("d", Draining, 0))),
			want: want{wanted: 5, launch: 1},
		},
		{
			name: "outdated bridges wait while another leaves",
			in:   seen(steady(0), outdated(bridges("o", Serving, 0, 0)), outdated(bridges("d", Draining, 0))),
			want: want{wanted: 2, release: 1},
		},
		{
			name: "outdated bridges wait while one boots",
			in:   seen(steady(0), outdated(bridges("o", Serving, 0, 0)), bridges("b", Booting, 0)),
			want: want{wanted: 3},
		},
		{
			name: "outdated bridges wait while one is silent",
			in:   seen(steady(0), outdated(bridges("o", Serving, 0, 0)), bridges("s", Silent, 0)),
			want: want{wanted: 3},
		},
		{
			name:   "a full current bridge in drain takes nobody's place",
			in:     seen(steady(0.6), outdated(bridges("o", Serving, 0, 0, 0)), bridges("d", Draining, 0.6)),
			policy: func(p *Policy) { p.Min = 3 },
			want:   want{wanted: 5, launch: 1, reason: "an outdated bridge is replaced"},
		},
		{
			name: "an outdated reserve that only the recent peak keeps is not replaced",
			in:   seen(steady(2), bridges("a", Serving, 0, 0), outdated(bridges("d", Draining, 0, 0))),
			want: want{wanted: 4},
		},
		{
			name: "an outdated bridge that those that serve cannot spare is replaced",
			in: func() Input {
				in := seen(steady(0), outdated(bridges("o", Serving, 0, 0, 0)))
				in.Soon = 1.2
				return in
			}(),
			want: want{wanted: 4, launch: 1, reason: "an outdated bridge is replaced"},
		},
		{
			name:   "an outdated group at its maximum is not called short",
			in:     seen(steady(0), outdated(bridges("o", Serving, 0, 0))),
			policy: func(p *Policy) { p.Max = 2 },
			want:   want{wanted: 2},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := plain()
			if c.policy != nil {
				c.policy(&p)
			}
			got := DecideBridges(c.in, p)
			assert.Equal(t, c.want.wanted, got.Wanted, "wanted")
			assert.Equal(t, c.want.launch, got.Launch, "launch")
			assert.Len(t, got.Undrain, c.want.undrain, "undrain")
			assert.Len(t, got.Drain, c.want.drain, "drain")
			assert.Len(t, got.Release, c.want.release, "release")
			assert.Equal(t, c.want.short, got.Short, "short")
			assert.Contains(t, fmt.Sprint(got.Reasons), c.want.reason)
			assert.NotEmpty(t, got.Reasons)
		})
	}
}

func TestMoreStressIsMoreDemandAsFarAsPeopleExplainIt(t *testing.T) {
	for name, c := range map[string]struct {
		stress    float64
		endpoints int64
		demand    float64
	}{
		"a bridge with room":                     {0.5, 50, 0.5},
		"people who send more than the average":  {1.9, 20, 1.9},
		"a figure that nobody explains":          {7, 20, 2},
		"a crowd that found no other bridge":     {5, 500, 5},
		"a crowd of which a part explains it":    {5, 300, 3},
		"a crowd that sends less than it could":  {1.2, 500, 1.2},
		"nobody on a bridge that reports nobody": {0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			assert.InDelta(t, c.demand, Demand([]Bridge{{State: Serving, Stress: c.stress, Endpoints: c.endpoints}}), epsilon)
		})
	}
}

func TestOnlyACompleteObservationIsASample(t *testing.T) {
	assert.True(t, DecideBridges(seen(nil, bridges("a", Serving, 0.1), bridges("b", Booting, 0)), plain()).Complete)
	assert.False(t, DecideBridges(seen(nil, bridges("a", Serving, 0.1), bridges("b", Silent, 0)), plain()).Complete)
	assert.False(t, DecideBridges(seen(nil, bridges("a", Serving, 0.1), bridges("b", Broken, 0)), plain()).Complete)
}

package capacity

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// pooled is recorders in the given numbers, every one in service long ago.
func pooled(states map[JibriState]int) JibriInput {
	in := JibriInput{Now: noon, History: minutes(30, func(int) float64 { return 0 })}
	for _, s := range []JibriState{JibriFree, JibriBusy, JibriBooting, JibriRetiring, JibriUnfit, JibriSilent} {
		for n := range states[s] {
			in.Jibris = append(in.Jibris, Jibri{ID: fleet.InstanceID(fmt.Sprintf("i-%s-%d", s, n)), State: s, IdleFor: time.Duration(n) * time.Minute})
		}
	}
	in.Counted, in.Desired = len(in.Jibris), len(in.Jibris)
	return in
}

var threeFree = JibriPolicy{Free: 3, Min: 3, Max: 20, BootTime: 150 * time.Second, RetireAfter: 10 * time.Minute}

func TestThePoolIsSized(t *testing.T) {
	type states = map[JibriState]int
	began := func(ago time.Duration, n int) func(*JibriInput, *JibriPolicy) {
		return func(in *JibriInput, _ *JibriPolicy) { in.Starts = append(in.Starts, Starts{noon.Add(-ago), n}) }
	}
	for _, c := range []struct {
		name   string
		states states
		edit   func(*JibriInput, *JibriPolicy)
		want   JibriDecision // Wanted, Launch, Short and Retire are compared
		reason string
	}{
		{"a pool at rest stays", states{JibriFree: 3, JibriBusy: 5}, nil, JibriDecision{Wanted: 8}, "3 free and 0 booting cover 3 free and 0 expected"},
		{"each start is answered by one launch", states{JibriFree: 1, JibriBusy: 7}, began(time.Second, 2), JibriDecision{Wanted: 10, Launch: 2}, "2 more than there are"},
		{"what boots is free to be", states{JibriFree: 1, JibriBusy: 7, JibriBooting: 2}, began(time.Minute, 2), JibriDecision{Wanted: 10}, "recorders are booting"},
		{"what is bought and not visible yet is free to be", states{JibriFree: 1, JibriBusy: 7}, func(in *JibriInput, _ *JibriPolicy) { in.Desired += 2 }, JibriDecision{Wanted: 10}, "recorders are booting"},
		{"more starts in a boot time than the free cover are expected again", states{JibriFree: 2, JibriBusy: 8}, began(time.Minute, 6), JibriDecision{Wanted: 15, Launch: 5}, "4 expected"},
		{"starts of longer ago are not expected again", states{JibriFree: 3, JibriBusy: 8}, began(150*time.Second, 6), JibriDecision{Wanted: 11}, "0 expected"},
		{"while nobody is free, what came is expected again but one", states{JibriBusy: 8}, began(time.Minute, 3), JibriDecision{Wanted: 13, Launch: 5}, "2 expected"},
		{"a single start is no rush", states{JibriBusy: 8}, began(time.Minute, 1), JibriDecision{Wanted: 11, Launch: 3}, "0 expected"},
		{"what a forecast foresees is launched before it comes", states{JibriFree: 3}, func(in *JibriInput, _ *JibriPolicy) { in.Expected = 9 }, JibriDecision{Wanted: 12, Launch: 9}, "9 expected"},
		{"a schedule's free count is met at once", states{JibriFree: 3}, func(_ *JibriInput, p *JibriPolicy) { p.Free = 12 }, JibriDecision{Wanted: 12, Launch: 9}, "9 more"},
		{"the minimum is met where fewer are needed", states{JibriFree: 1}, func(_ *JibriInput, p *JibriPolicy) { p.Free, p.Min = 0, 4 }, JibriDecision{Wanted: 4, Launch: 3}, "the minimum is 4"},
		{"the maximum leaves recorders missing and says how many", states{JibriBusy: 19}, nil, JibriDecision{Wanted: 20, Launch: 1, Short: 2}, "leaves 2 of 3"},
		{"a leaving recorder takes a place under the maximum", states{JibriBusy: 18, JibriRetiring: 1}, nil, JibriDecision{Wanted: 20, Launch: 1, Short: 2}, "leaves 2 of 3"},
		{"a retiring recorder is no capacity", states{JibriFree: 2, JibriRetiring: 1}, nil, JibriDecision{Wanted: 3, Launch: 1}, "1 more"},
		{"an unfit recorder is not free", states{JibriFree: 2, JibriUnfit: 1, JibriBusy: 1}, nil, JibriDecision{Wanted: 4, Launch: 1}, "1 more"},
		{"a silent recorder is presumed busy", states{JibriFree: 2, JibriSilent: 1, JibriBusy: 1}, nil, JibriDecision{Wanted: 5, Launch: 1}, "2 busy"},
		{"two silent of four launch nothing above the minimum", states{JibriFree: 1, JibriSilent: 2, JibriBusy: 1}, nil, JibriDecision{Wanted: 4}, "nothing is launched beyond the minimum"},
		{"silence launches up to the minimum", states{JibriSilent: 2}, nil, JibriDecision{Wanted: 3, Launch: 1}, "the minimum is 3"},
		{"all unfit at once are taken to be free soon", states{JibriUnfit: 3, JibriBusy: 4}, nil, JibriDecision{Wanted: 7}, "the unfit are taken to be free soon"},
		{"a start while all are unfit is answered all the same", states{JibriUnfit: 2, JibriBusy: 5}, began(time.Second, 1), JibriDecision{Wanted: 8, Launch: 1}, "1 more"},
		{"what was needed ten minutes ago is retired, the longest idle first", states{JibriFree: 5}, nil, JibriDecision{Wanted: 3, Retire: []fleet.InstanceID{"i-free-4", "i-free-3"}}, "idle for 4m0s"},
		{"the recent peak is kept", states{JibriFree: 5}, func(in *JibriInput, _ *JibriPolicy) { in.History[25].Demand = 4 }, JibriDecision{Wanted: 3, Retire: []fleet.InstanceID{"i-free-4"}}, "at most 4"},
		{"an older launch template goes first", states{JibriFree: 4}, func(in *JibriInput, _ *JibriPolicy) { in.Jibris[0].Outdated = true }, JibriDecision{Wanted: 3, Retire: []fleet.InstanceID{"i-free-0"}}, "outdated launch template"},
		{"nothing is retired below the minimum", states{JibriFree: 5}, func(_ *JibriInput, p *JibriPolicy) { p.Min = 5 }, JibriDecision{Wanted: 5}, ""},
		{"nothing is retired while one boots", states{JibriFree: 5, JibriBooting: 1}, nil, JibriDecision{Wanted: 3}, "booting"},
		{"nothing is retired while one is silent", states{JibriFree: 5, JibriSilent: 1}, nil, JibriDecision{Wanted: 4}, "not every recorder answered"},
		{"nothing is retired while one is unfit", states{JibriFree: 5, JibriUnfit: 1}, nil, JibriDecision{Wanted: 3}, "a recorder is unfit"},
		{"nothing is retired after a gap", states{JibriFree: 5}, func(in *JibriInput, _ *JibriPolicy) { in.History = in.History[:24] }, JibriDecision{Wanted: 3}, "without gaps"},
		{"a busy recorder is never retired, however many there are", states{JibriBusy: 30, JibriFree: 1}, nil, JibriDecision{Wanted: 20, Short: 2, Retire: nil}, "leaves 2"},
		{"an outdated recorder is replaced before it goes", states{JibriFree: 3}, func(in *JibriInput, _ *JibriPolicy) { in.Jibris[1].Outdated = true }, JibriDecision{Wanted: 3, Launch: 1}, "replaced before it is retired"},
		{"outdated recorders are replaced one at a time", states{JibriFree: 3, JibriRetiring: 1}, func(in *JibriInput, _ *JibriPolicy) { in.Jibris[1].Outdated = true }, JibriDecision{Wanted: 3}, ""},
		{"an outdated busy recorder is left alone", states{JibriFree: 3, JibriBusy: 1}, func(in *JibriInput, _ *JibriPolicy) { in.Jibris[3].Outdated = true }, JibriDecision{Wanted: 4}, ""},
		{"nothing is rolled at the maximum", states{JibriFree: 3}, func(in *JibriInput, p *JibriPolicy) { in.Jibris[1].Outdated, p.Max = true, 3 }, JibriDecision{Wanted: 3}, ""},
		{"an empty pool is filled to its minimum", states{}, nil, JibriDecision{Wanted: 3, Launch: 3}, "3 more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, p := pooled(c.states), threeFree
			if c.edit != nil {
				c.edit(&in, &p)
			}
			d := DecideJibris(in, p)
			assert.Equal(t, c.want, JibriDecision{Wanted: d.Wanted, Launch: d.Launch, Short: d.Short, Retire: d.Retire}, "%v", d.Reasons)
			assert.Contains(t, fmt.Sprint(d.Reasons), c.reason)
			assert.NotEmpty(t, d.Reasons)
		})
	}
}

func TestRunsThatAreAFewSecondsLateAreProofOverThreeMinutesAndNoneOverTwo(t *testing.T) {
	in, p := pooled(map[JibriState]int{JibriFree: 4}), threeFree
	in.History = nil
	for n := 10; n >= 0; n-- {
		in.History = append(in.History, Sample{At: noon.Add(-time.Duration(n) * 61 * time.Second), Demand: 3})
	}
	p.RetireAfter = 3 * time.Minute // the least that settings accept
	assert.Len(t, DecideJibris(in, p).Retire, 1)
	p.RetireAfter = 2 * time.Minute
	assert.Empty(t, DecideJibris(in, p).Retire)
}

func TestTheWorkedExampleOfTheRecorders(t *testing.T) {
	at := func(free, busy int) JibriInput {
		in := pooled(map[JibriState]int{JibriFree: free, JibriBusy: busy})
		return in
	}
	assert.Equal(t, 2, DecideJibris(at(1, 7), threeFree).Launch)
	in := at(2, 8)
	in.Starts = []Starts{{noon, 6}}
	d := DecideJibris(in, threeFree)
	assert.Equal(t, []int{4, 15, 5}, []int{d.Expected, d.Wanted, d.Launch})
	assert.Len(t, DecideJibris(at(7, 8), threeFree).Retire, 4)
}

func TestADecisionOnHundredsOfRecordersNamesTheFirst(t *testing.T) {
	in := JibriInput{Now: noon, Counted: 5, Desired: 5, History: []Sample{{At: noon.Add(-2 * time.Minute)}, {At: noon.Add(-time.Minute)}}}
	for i := range 5 {
		in.Jibris = append(in.Jibris, Jibri{ID: fleet.InstanceID(fmt.Sprintf("i-%d", i)), State: JibriFree, IdleFor: time.Hour, Outdated: i == 4})
	}
	p := JibriPolicy{Max: 10, BootTime: time.Minute, RetireAfter: 2 * time.Minute}
	p.Free = 2
	assert.Equal(t, []string{
		"retiring: i-4 (idle for 1h0m0s, outdated launch template), i-0 (idle for 1h0m0s), i-1 (idle for 1h0m0s), because at most 2 were needed in the last 2m0s",
	}, DecideJibris(in, p).Reasons)
	p.Free = 0
	assert.Equal(t, []string{
		"retiring: i-4 (idle for 1h0m0s, outdated launch template), i-0 (idle for 1h0m0s), i-1 (idle for 1h0m0s), 2 more, because at most 0 were needed in the last 2m0s",
	}, DecideJibris(in, p).Reasons)
}

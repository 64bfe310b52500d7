package fleet

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestWhatTheJicofosSayOfARecorder(t *testing.T) {
	const me InstanceID = "i-1"
	says := func(v JibriView) Report {
		return Report{Status: Status{Signal: &SignalLoad{JibriViews: map[InstanceID]JibriView{me: v}}}}
	}
	free := says(JibriView{Healthy: true, Idle: true, Available: true})
	busy := says(JibriView{Healthy: true})
	failed := says(JibriView{Healthy: true, Idle: true})
	unhealthy := says(JibriView{Idle: true, Available: true})
	other := Report{Status: Status{Signal: &SignalLoad{JibriViews: map[InstanceID]JibriView{"i-2": {}}}}}
	stale := busy
	stale.Status.AgeSeconds = 31
	for _, c := range []struct {
		name                   string
		reports                []Report
		want                   JibriOpinion
		contradicts, unanimous bool
	}{
		{"nobody is asked", nil, JibriOpinion{}, false, false},
		{"both would choose it", []Report{free, free}, JibriOpinion{Jicofos: 2}, false, false},
		{"one records with it", []Report{free, busy}, JibriOpinion{Jicofos: 2, Busy: 1}, false, false},
		{"one does not list it", []Report{free, other}, JibriOpinion{Jicofos: 2, Missing: 1}, true, false},
		{"one lists it and would not choose it", []Report{free, failed}, JibriOpinion{Jicofos: 2, Unavailable: 1}, true, false},
		{"one sees it idle and unhealthy", []Report{unhealthy}, JibriOpinion{Jicofos: 1, Unavailable: 1}, true, true},
		{"none would choose it", []Report{failed, other}, JibriOpinion{Jicofos: 2, Missing: 1, Unavailable: 1}, true, true},
		{"one records with it and one does not list it", []Report{busy, other}, JibriOpinion{Jicofos: 2, Busy: 1, Missing: 1}, true, false},
		{"silence, stale figures and no list say nothing", []Report{{Err: errors.New("no answer")}, stale, {Status: Status{Signal: &SignalLoad{}}}, {}}, JibriOpinion{}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			signals := map[string]Report{}
			for i, r := range c.reports {
				signals[string(rune('a'+i))] = r
			}
			o := OpinionOf(signals, me, 30*time.Second)
			assert.Equal(t, c.want, o)
			assert.Equal(t, c.contradicts, o.Contradicts())
			assert.Equal(t, c.unanimous, o.Unanimous())
		})
	}
}

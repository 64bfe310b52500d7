package capacity

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

func TestBrokenBridgesAreJudged(t *testing.T) {
	const deadAfter = 3 * time.Minute
	dead := func(id fleet.InstanceID, minutes int) Suspect {
		return Suspect{ID: id, For: time.Duration(minutes) * time.Minute, Confirmed: true}
	}
	doubted := func(id fleet.InstanceID, minutes int) Suspect {
		s := dead(id, minutes)
		s.Confirmed = false
		return s
	}
	for _, c := range []struct {
		name     string
		suspects []Suspect
		crowd    Crowd
		replace  []fleet.InstanceID
		frozen   bool
		reason   string
	}{
		{"nothing is said of a sound group", nil, Crowd{InService: 10}, nil, false, ""},
		{"a bridge that Jicofo confirms dead is replaced", []Suspect{dead("i-1", 3)}, Crowd{InService: 3}, []fleet.InstanceID{"i-1"}, false, "in Jicofo's view"},
		{"a bridge that is broken for a short time waits", []Suspect{dead("i-1", 2)}, Crowd{InService: 3}, nil, false, "2m0s of 3m0s"},
		{"a bridge that Jicofo does not confirm waits", []Suspect{doubted("i-1", 60)}, Crowd{InService: 3}, nil, false, "does not confirm"},
		{"two of ten at once freeze the group", []Suspect{dead("i-1", 3), dead("i-2", 3)}, Crowd{InService: 10}, nil, true, "observer is presumed wrong"},
		{"a broken one beside a silent one freezes a small group", []Suspect{dead("i-1", 3)}, Crowd{InService: 10, Silent: 1}, nil, true, "observer is presumed wrong"},
		{"silent ones alone freeze the group", nil, Crowd{InService: 10, Silent: 2}, nil, true, "observer is presumed wrong"},
		{"one silent bridge is tolerated", nil, Crowd{InService: 10, Silent: 1}, nil, false, ""},
		{"a second one within the window waits", []Suspect{dead("i-1", 3)}, Crowd{InService: 10, Recent: 1, Window: 10 * time.Minute}, nil, false, "1 were replaced"},
		{"of thirty, three are replaced, the longest broken first", []Suspect{dead("i-1", 3), dead("i-2", 5), dead("i-3", 4)}, Crowd{InService: 30}, []fleet.InstanceID{"i-2", "i-3", "i-1"}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := Quarantine(c.suspects, c.crowd, deadAfter)
			assert.Equal(t, c.replace, v.Replace)
			assert.Equal(t, c.frozen, v.Frozen)
			assert.Contains(t, fmt.Sprint(v.Reasons), c.reason)
		})
	}
}

func TestQuarantineIsBoundedWhateverIsSuspected(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var suspects []Suspect
		for i := range rapid.IntRange(0, 12).Draw(t, "suspects") {
			suspects = append(suspects, Suspect{
				ID:        fleet.InstanceID(fmt.Sprintf("i-%d", i)),
				For:       time.Duration(rapid.IntRange(0, 600).Draw(t, "for")) * time.Second,
				Confirmed: rapid.Bool().Draw(t, "confirmed"),
			})
		}
		c := Crowd{
			InService: rapid.IntRange(len(suspects), 200).Draw(t, "in service"),
			Silent:    rapid.IntRange(0, 20).Draw(t, "silent"),
			Recent:    rapid.IntRange(0, 20).Draw(t, "recent"),
		}
		deadAfter := time.Duration(rapid.IntRange(0, 600).Draw(t, "dead after")) * time.Second
		byID := map[fleet.InstanceID]Suspect{}
		for _, s := range suspects {
			byID[s.ID] = s
		}
		v := Quarantine(suspects, c, deadAfter)
		limit := fleet.Tolerated(c.InService)
		if len(v.Replace) > max(0, limit-c.Recent) {
			t.Fatalf("%d replaced and %d recently, more than %d", len(v.Replace), c.Recent, limit)
		}
		if v.Frozen != (len(suspects)+c.Silent > limit) {
			t.Fatalf("frozen is %v with %d suspects and %d silent of %d", v.Frozen, len(suspects), c.Silent, c.InService)
		}
		if v.Frozen && len(v.Replace) > 0 {
			t.Fatal("a frozen group replaces")
		}
		for _, id := range v.Replace {
			if s := byID[id]; !s.Confirmed || s.For < deadAfter {
				t.Fatalf("%+v is replaced without proof", s)
			}
		}
	})
}

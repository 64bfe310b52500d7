package simulate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/capacity"
)

// tracking is a target tracking policy of EC2 Auto Scaling on the mean load of the bridges in service, at a target of
// 50 %: its alarms are three minutes above the target, and fifteen minutes below 90 % of it. The first makes the group as
// many times larger as the load is above the target, at once; machines that boot are part of the new number. The second
// makes it as small as keeps the load below the target, but not while machines boot.
//
// What is ended is ended as AWS ends it: by the default termination policy, which goes by the age of the launch template and then by
// the next billing hour, whoever is on the machine.
type tracking struct {
	target       float64
	above, under int // minutes in a row
}

const (
	trackingOut   = 3
	trackingIn    = 15
	trackingShare = 0.9
)

// Period is that of CloudWatch's metric.
func (*tracking) Period() time.Duration { return time.Minute }

// Decide is one minute of both alarms.
func (t *tracking) Decide(v BridgeView) Deeds {
	serving, booting := v.count(capacity.Serving), v.count(capacity.Booting)
	if serving == 0 {
		return Deeds{Launch: max(0, 1-booting)}
	}
	load := 0.0
	for _, b := range v.Bridges {
		if b.State == capacity.Serving {
			load += b.Stress
		}
	}
	load /= float64(serving)
	t.above, t.under = row(t.above, load > t.target), row(t.under, load < trackingShare*t.target)
	fitting := max(1, int(math.Ceil(float64(serving)*load/t.target)))
	switch {
	case t.above >= trackingOut:
		return Deeds{Launch: max(0, fitting-serving-booting)}
	case t.under >= trackingIn && booting == 0:
		return Deeds{Kill: byBillingHour(v, max(0, serving-fitting))}
	}
	return Deeds{}
}

// row is how many times in a row something is so.
func row(before int, again bool) int {
	if !again {
		return 0
	}
	return before + 1
}

// byBillingHour are the bridges that are closest to the end of their hour.
func byBillingHour(v BridgeView, n int) []int {
	able := slices.DeleteFunc(slices.Clone(v.Bridges), func(b SeenBridge) bool { return b.State != capacity.Serving })
	into := func(b SeenBridge) time.Duration { return v.Now.Sub(b.Launched) % time.Hour }
	slices.SortStableFunc(able, func(x, y SeenBridge) int { return cmp.Compare(into(y), into(x)) })
	ids := make([]int, 0, n)
	for _, b := range able[:min(n, len(able))] {
		ids = append(ids, b.ID)
	}
	return ids
}

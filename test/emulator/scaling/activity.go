package scaling

import (
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
)

// activity is one scaling activity.
type activity struct {
	id, description, cause, status, message string
	started, ended                          time.Time
}

// kept is how many activities a group remembers; AWS remembers six weeks of them.
const kept = 200

// begun records an activity that starts now; the newest is first.
func (g *group) begun(description, cause string, now time.Time) *activity {
	a := &activity{id: ident.UUID(), description: description, cause: cause, status: "InProgress", started: now}
	g.activities = append([]*activity{a}, g.activities...)
	if len(g.activities) > kept {
		g.activities = g.activities[:kept]
	}
	return a
}

func (a *activity) end(now time.Time, status, message string) {
	a.ended, a.status, a.message = now, status, message
}

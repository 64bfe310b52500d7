package settings

import (
	"slices"
	"time"
)

// Active reports whether a schedule holds at a moment. It goes by the clock on the wall in its time zone: a
// schedule holds while that clock reads From or later and earlier than To. So an hour that summer time skips is
// skipped, and one that is repeated counts twice. One over midnight belongs to the day on which it begins.
func (s Schedule) Active(now time.Time) bool {
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return false
	}
	local := now.In(zone)
	clock, from, to := local.Hour()*60+local.Minute(), s.From.Minutes(), s.To.Minutes()
	today := local.Weekday()
	if from < to {
		return s.on(today) && from <= clock && clock < to
	}
	yesterday := (today + 6) % 7
	return s.on(today) && clock >= from || s.on(yesterday) && clock < to
}

func (s Schedule) on(day time.Weekday) bool { return slices.Contains(s.Days, DayOf(day)) }

// ParseSchedules reads a JSON list of schedules, as BridgesEnv carries it. It validates all but the values, of
// which Parse has made sure. The error is Invalid.
func ParseSchedules(raw []byte) ([]Schedule, error) {
	r := &report{}
	var list []Schedule
	if (decoder{r}).document(raw, &list, "schedules") {
		validateSchedules(check{r, "schedules"}, list)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return list, nil
}

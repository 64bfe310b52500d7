package settings

import (
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var week = []Day{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// 2026-11-23 is a Monday. In Berlin, summer time begins on Sunday 2026-03-29 and ends on Sunday 2026-10-25.
func TestWhenAScheduleIsActive(t *testing.T) {
	monday := func(from, to Clock) Schedule { return Schedule{Days: []Day{"mon"}, From: from, To: to} }
	berlin := func(day Day, from, to Clock) Schedule {
		return Schedule{TimeZone: "Europe/Berlin", Days: []Day{day}, From: from, To: to}
	}
	for _, c := range []struct {
		name string
		s    Schedule
		at   string
		want bool
	}{
		{"it begins at its first minute", monday("08:55", "09:10"), "2026-11-23T08:55:00Z", true},
		{"it has not begun a second before", monday("08:55", "09:10"), "2026-11-23T08:54:59Z", false},
		{"it holds in its last second", monday("08:55", "09:10"), "2026-11-23T09:09:59Z", true},
		{"it has ended at its end", monday("08:55", "09:10"), "2026-11-23T09:10:00Z", false},
		{"it is on no other day", monday("08:55", "09:10"), "2026-11-24T09:00:00Z", false},
		{"over midnight it begins on its day", monday("22:00", "06:00"), "2026-11-23T22:00:00Z", true},
		{"over midnight it ends on the next day", monday("22:00", "06:00"), "2026-11-24T05:59:59Z", true},
		{"over midnight it has ended on the next day", monday("22:00", "06:00"), "2026-11-24T06:00:00Z", false},
		{"over midnight its own morning belongs to the day before", monday("22:00", "06:00"), "2026-11-23T03:00:00Z", false},
		{"over midnight the next evening is no longer its own", monday("22:00", "06:00"), "2026-11-24T23:00:00Z", false},
		{"it can end at midnight", monday("22:00", "00:00"), "2026-11-23T23:59:59Z", true},
		{"it ends at midnight", monday("22:00", "00:00"), "2026-11-24T00:00:00Z", false},
		{"a whole day ends with it", monday("00:00", "24:00"), "2026-11-23T23:59:59Z", true},
		{"a whole day is over on the next", monday("00:00", "24:00"), "2026-11-24T00:00:00Z", false},
		{"over the week's end it holds on", Schedule{Days: []Day{"sun"}, From: "23:00", To: "01:00"}, "2026-11-23T00:30:00Z", true},
		{"it goes by its own zone in winter", berlin("mon", "09:00", "10:00"), "2026-11-23T08:00:00Z", true},
		{"it goes by its own zone in summer", berlin("mon", "09:00", "10:00"), "2026-07-20T07:00:00Z", true},
		{"its day is its zone's day", berlin("tue", "00:00", "01:00"), "2026-11-23T23:30:00Z", true},
		{"a beginning in the skipped hour is the hour's end", berlin("sun", "02:30", "05:00"), "2026-03-29T01:00:00Z", true},
		{"nothing begins before the skipped hour", berlin("sun", "02:30", "05:00"), "2026-03-29T00:59:59Z", false},
		{"an end in the skipped hour is the hour's beginning", berlin("sun", "01:00", "02:30"), "2026-03-29T01:00:00Z", false},
		{"the hour before it holds until the skip", berlin("sun", "01:00", "02:30"), "2026-03-29T00:59:59Z", true},
		{"the repeated hour holds the first time", berlin("sun", "02:00", "03:00"), "2026-10-25T00:30:00Z", true},
		{"the repeated hour holds the second time", berlin("sun", "02:00", "03:00"), "2026-10-25T01:30:00Z", true},
		{"it ends after the repeated hour", berlin("sun", "02:00", "03:00"), "2026-10-25T02:00:00Z", false},
		{"a night over the skipped hour ends by the clock", berlin("sat", "22:00", "06:00"), "2026-03-29T03:59:59Z", true},
		{"a night over the skipped hour is not longer", berlin("sat", "22:00", "06:00"), "2026-03-29T04:00:00Z", false},
		{"an unknown zone is never active", Schedule{TimeZone: "Mars/Base", Days: week, From: "00:00", To: "24:00"}, "2026-11-23T12:00:00Z", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, c.at)
			require.NoError(t, err)
			assert.Equal(t, c.want, c.s.Active(at))
		})
	}
}

func clocks(t *rapid.T, label string) Clock {
	return Clock(time.Unix(int64(rapid.IntRange(0, endOfDay-1).Draw(t, label))*60, 0).UTC().Format("15:04"))
}

// In UTC, where each minute is there once, a schedule is active for exactly its length on each of its days.
func TestAScheduleIsActiveForItsLengthOnEachOfItsDays(t *testing.T) {
	monday := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		s := Schedule{From: clocks(t, "from"), To: clocks(t, "to")}
		s.Days = slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.SampledFrom(week), 1, 7).Draw(t, "days"))))
		length := (s.To.Minutes() - s.From.Minutes() + endOfDay) % endOfDay
		if length == 0 {
			t.Skip("refused by the rules")
		}
		active := 0
		for minute := range 7 * endOfDay {
			if s.Active(monday.Add(time.Duration(minute) * time.Minute)) {
				active++
			}
		}
		assert.Equal(t, length*len(s.Days), active)
	})
}

// On any day of any zone, also when its clock is changed, what counts is the clock on the wall.
func TestWhatCountsIsTheClockOnTheWall(t *testing.T) {
	zones := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", "Africa/Casablanca", ""}
	year := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		s := Schedule{TimeZone: rapid.SampledFrom(zones).Draw(t, "zone"), Days: week, From: clocks(t, "from"), To: clocks(t, "to")}
		if s.From == s.To {
			t.Skip("refused by the rules")
		}
		s.From, s.To = min(s.From, s.To), max(s.From, s.To)
		now := year.Add(time.Duration(rapid.Int64Range(0, 366*24*3600).Draw(t, "second")) * time.Second)
		zone, err := time.LoadLocation(s.TimeZone)
		require.NoError(t, err)
		wall := Clock(now.In(zone).Format("15:04"))
		assert.Equal(t, s.From <= wall && wall < s.To, s.Active(now))
	})
}

func TestDeployedSchedulesAreReadBack(t *testing.T) {
	s := Settings{Schedules: []Schedule{{Name: "hour", TimeZone: "Asia/Tokyo", Days: []Day{"mon"}, From: "08:55", To: "09:10", Values: Values{MinBridges: ptr(4)}}}}
	back, err := ParseSchedules([]byte(s.BridgesEnv(Control{}).Schedules))
	require.NoError(t, err)
	assert.Equal(t, s.Schedules, back)

	none, err := ParseSchedules([]byte(Settings{}.BridgesEnv(Control{}).Schedules))
	require.NoError(t, err)
	assert.Empty(t, none)

	_, err = ParseSchedules([]byte(`[{"name": "hour", "days": ["mon"], "from": "08:55", "until": "9", "values": {"minBridges": 1}}]`))
	assert.Equal(t, []string{"schedules[0].to", "schedules[0].until"}, pathsOf(invalid(t, err)))
}

func ptr[T any](v T) *T { return &v }

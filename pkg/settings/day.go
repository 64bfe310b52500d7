package settings

import (
	"fmt"
	"slices"
	"time"
)

// Day is a weekday, "mon" to "sun".
type Day string

// days are the weekdays in the order of time.Weekday.
var days = []Day{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// DayOf is the Day of a time.Weekday.
func DayOf(w time.Weekday) Day { return days[w] }

// UnmarshalText reads one of the seven names.
func (d *Day) UnmarshalText(text []byte) error {
	if !slices.Contains(days, Day(text)) {
		return fmt.Errorf("%q is not a weekday: %v are", text, days)
	}
	*d = Day(text)
	return nil
}

// Clock is a time of day, "00:00" to "24:00", in hours and minutes. "24:00" is the end of the day.
type Clock string

// endOfDay is "24:00" in minutes.
const endOfDay = 24 * 60

// Minutes is the time since midnight in minutes, 0 to 1,440, and 0 for a Clock that was not validated.
func (c Clock) Minutes() int {
	m, _ := minutes(string(c))
	return m
}

// UnmarshalText reads two digits, a colon and two digits.
func (c *Clock) UnmarshalText(text []byte) error {
	if _, ok := minutes(string(text)); !ok {
		return fmt.Errorf("%q is not a time of day: two digits, a colon and two digits are, up to 24:00", text)
	}
	*c = Clock(text)
	return nil
}

func minutes(text string) (int, bool) {
	if len(text) != 5 || text[2] != ':' {
		return 0, false
	}
	for _, i := range []int{0, 1, 3, 4} {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	hour, minute := int(text[0]-'0')*10+int(text[1]-'0'), int(text[3]-'0')*10+int(text[4]-'0')
	total := hour*60 + minute
	return total, minute < 60 && total <= endOfDay
}

package settings

import (
	"encoding/json"
	"regexp"
	"time"
)

var scheduleForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9 _.-]{0,62}[A-Za-z0-9])?$`)

// maxSchedulesJSON is what schedules may take of the 4 KB that a Lambda's whole environment has, in bytes.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxSchedulesJSON = 2048

// validateSchedules is every rule about schedules but those about their values.
func validateSchedules(c check, list []Schedule) {
	names := map[string]string{}
	for i, s := range list {
		at := c.element(i)
		if at.at("name").text(s.Name, scheduleForm, `write a name of 1 to 64 letters, digits, spaces and _.-, such as "monday morning"`) {
			unique(at.at("name"), s.Name, names)
		}
		timeZone(at.at("timeZone"), s.TimeZone)
		s.validateTimes(at)
		if s.Values == (Values{}) {
			at.at("values").mend(nil, `write at least one value, such as {"minBridges": 4}`)
		}
	}
	if raw, err := json.Marshal(list); err == nil && len(raw) > maxSchedulesJSON {
		c.mend(len(list), "write fewer schedules: these take %d bytes as JSON, and at most %d are carried; the run-time parameter and the settings have room for as many each", len(raw), maxSchedulesJSON)
	}
}

const zoneMend = `write an IANA time zone, such as "Europe/Berlin" or "UTC"`

// timeZone refuses what is no zone of the database, and the machine's own, which is another on another machine.
func timeZone(c check, name string) {
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		c.mend(name, zoneMend)
	}
}

func (s Schedule) validateTimes(c check) {
	if len(s.Days) == 0 {
		c.at("days").mend(nil, `write at least one weekday, such as ["mon"]`)
	}
	seen := map[Day]string{}
	for i, d := range s.Days {
		unique(c.at("days").element(i), d, seen)
	}
	switch from, to := c.at("from"), c.at("to"); {
	case s.From == "":
		from.mend(nil, `write when it begins, such as "08:55"`)
	case s.From.Minutes() == endOfDay:
		from.mend(s.From, `write "00:00" and the day after`)
	case s.To == "":
		to.mend(nil, `write when it ends, such as "09:10"`)
	case s.From == s.To:
		to.mend(s.To, `write another time than "from"; a whole day is from "00:00" to "24:00"`)
	}
}

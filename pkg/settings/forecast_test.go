package settings

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheForecastsTimeZoneIsOneThatIsTheSameEverywhere(t *testing.T) {
	for _, zone := range []string{"", "Local", "Europe/Jena", "CEST+2", "../UTC"} {
		assert.Equal(t, []string{"fleet.timeZone"}, refused(t, set("timeZone", zone)), zone)
	}
	for _, zone := range []string{"UTC", "Europe/Berlin", "Asia/Kathmandu"} {
		assert.Empty(t, refused(t, set("timeZone", zone)), zone)
	}
}

func TestTheForecastGoesByItsServiceLevelAndWithoutAWordByUTC(t *testing.T) {
	s := Defaults()
	s.Bridges.ServiceLevel, s.Jibris.ServiceLevel = 0.97, 0.96
	assert.Equal(t, "UTC", s.BridgesEnv(Control{}).TimeZone)
	assert.Equal(t, "UTC", s.JibrisEnv(Control{}).TimeZone)
	assert.InDelta(t, 0.97, s.BridgesEnv(Control{}).ServiceLevel, 0)
	assert.InDelta(t, 0.96, s.JibrisEnv(Control{}).ServiceLevel, 0)
}

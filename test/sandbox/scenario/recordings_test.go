package scenario

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRecordedMeetingsHaveTheirPeopleAndBeginEvenly(t *testing.T) {
	s, err := Parse(document(t, map[string]any{
		"curve":    []any{map[string]any{"at": "08:00", "participants": 0}},
		"meetings": []any{map[string]any{"at": "09:00", "number": 4, "within": 2, "minutes": 10}},
		"jibris":   map[string]any{"free": 1, "min": 2, "max": 9},
	}))
	require.NoError(t, err)
	assert.Equal(t, []Recording{
		{Room: "recorded-1-1", Start: 3600, End: 4200}, {Room: "recorded-1-2", Start: 3630, End: 4230},
		{Room: "recorded-1-3", Start: 3660, End: 4260}, {Room: "recorded-1-4", Start: 3690, End: 4290},
	}, s.Recordings())
	require.Len(t, s.Visits(), 4*meetingSize)
	assert.Equal(t, Visit{Room: "recorded-1-1", Join: 3420, Leave: 4320}, s.Visits()[0], "there before, and a while after")
	assert.Equal(t, &Pool{Free: 1, Min: 2, Max: 9}, s.Jibris)
}

func TestAMeetingMayBeStreamedOrBeLarge(t *testing.T) {
	s, err := Parse(document(t, map[string]any{
		"curve": []any{map[string]any{"at": "08:00", "participants": 0}},
		"meetings": []any{
			map[string]any{"at": "09:00", "number": 1, "within": 0, "minutes": 5, "stream": true},
			map[string]any{"at": "09:10", "number": 1, "within": 0, "minutes": 5, "kilobytesPerSecond": 80},
		},
	}))
	require.NoError(t, err)
	assert.Equal(t, []Recording{
		{Room: "recorded-1-1", Start: 3600, End: 3900, Stream: true}, {Room: "recorded-2-1", Start: 4200, End: 4500, BytesPerSecond: 80_000},
	}, s.Recordings())
}

func TestWhatCannotBeRecordedIsRefused(t *testing.T) {
	meetings := func(at string, number, within, minutes int) map[string]any {
		return map[string]any{"meetings": []any{map[string]any{"at": at, "number": number, "within": within, "minutes": minutes}}}
	}
	for name, c := range map[string]struct {
		changes map[string]any
		says    string
	}{
		"no meetings":                        {meetings("09:00", 0, 2, 10), "meetings 1 are 0 within 2 minutes"},
		"meetings of no length":              {meetings("09:00", 1, 2, 0), "of 0 minutes"},
		"meetings before anybody could join": {meetings("08:01", 1, 0, 10), "meetings 1 begin 3m0s before they are recorded"},
		"meetings that outlast the scenario": {meetings("11:50", 1, 0, 10), "last until 12:02"},
		"meetings at another time":           {meetings("07:00", 1, 0, 10), "meetings 1 is at 07:00"},
		"a recording that no disk could take": {map[string]any{"meetings": []any{map[string]any{"at": "09:00", "number": 1, "within": 0, "minutes": 5, "kilobytesPerSecond": 2000}}},
			"meetings 1 take 2000 kB of the disk in a second"},
		"an end of a broken machine": {map[string]any{"faults": []any{map[string]any{"kind": BreakRecorder, "at": "09:00", "until": "09:10"}}},
			`"break recorder" has an end, 09:10: it happens at once`},
		"a pool that is less than what is free": {map[string]any{"jibris": map[string]any{"free": 3, "min": 2, "max": 9}}, "3 free, 2 to 9"},
		"an end of what happens at once": {map[string]any{"faults": []any{map[string]any{"kind": KillAgent, "at": "09:00", "until": "09:10"}}},
			`"kill agent" has an end, 09:10: it happens at once`},
		"refusals without an end": {map[string]any{"faults": []any{map[string]any{"kind": RefuseUploads, "at": "09:00"}}},
			`the end of "refuse uploads" has no time`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(document(t, c.changes))
			assert.ErrorContains(t, err, c.says)
		})
	}
}

package scenario

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const first = "room,join,leave,recording_start,recording_end\n"

func TestAWorkloadIsReadInTheOrderOfJoins(t *testing.T) {
	s, err := ParseCSV("two.csv", strings.NewReader(first+"late,90,7200.5,120,3600\n\"a, b\",0,60,,\n"))
	require.NoError(t, err)
	assert.Equal(t, []Visit{{Room: "a, b", Join: 0, Leave: 60}, {Room: "late", Join: 90, Leave: 7200.5}}, s.Visits())
	assert.Equal(t, "two.csv", s.Name)
	assert.Equal(t, 2*time.Hour+afterLast, s.Length())
	assert.Equal(t, "02:00", s.TimeOfDay(2*time.Hour))
	assert.Empty(t, s.Expect)
	assert.Equal(t, []Recording{{Room: "late", Start: 120, End: 3600}}, s.Recordings())
}

func TestARecordingThatSeveralRowsTellOfIsOne(t *testing.T) {
	s, err := ParseCSV("w.csv", strings.NewReader(first+"r,0,600,60,120\nr,5,600,60,120\nr,9,600,300,400\nq,0,600,10,20\n"))
	require.NoError(t, err)
	assert.Equal(t, []Recording{{Room: "q", Start: 10, End: 20}, {Room: "r", Start: 60, End: 120}, {Room: "r", Start: 300, End: 400}}, s.Recordings())
}

func TestAWorkloadOfMoreThanADayGoesOn(t *testing.T) {
	s, err := ParseCSV("long.csv", strings.NewReader(first+"r,0,108000,,\n"))
	require.NoError(t, err)
	assert.Equal(t, 31*time.Hour, s.Length())
	assert.Equal(t, "06:00", s.TimeOfDay(30*time.Hour), "the next day's time")
	_, err = s.With(Fault{Kind: KillBridge, At: "24:00"})
	assert.NoError(t, err, "faults can be on the first day")
}

func TestParseCSVRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"nothing":                         {"", "w.csv has no header"},
		"a header alone":                  {first, "w.csv has no participants"},
		"no header":                       {"r,0,60,,\n", `begins with ["r" "0" "60" "" ""]: write ["room" "join" "leave"`},
		"a header in another order":       {"room,leave,join,recording_start,recording_end\nr,60,0,,\n", "begins with"},
		"a header with a column too few":  {"room,join,leave\nr,0,60\n", "has no header"},
		"a row with a column too few":     {first + "r,0,60\n", "w.csv is not readable"},
		"a quote that is not closed":      {first + "\"r,0,60,,\n", "w.csv is not readable"},
		"no room":                         {first + ",0,60,,\n", "line 2: the room is empty"},
		"a join that is no number":        {first + "r,0,60,,\nr,soon,60,,\n", `line 3: join is "soon": write seconds from the start`},
		"a join before the start":         {first + "r,-1,60,,\n", `line 2: join is "-1"`},
		"a join that is not a number":     {first + "r,NaN,60,,\n", `line 2: join is "NaN"`},
		"a leave that is not a number":    {first + "r,0,NaN,,\n", `line 2: leave is "NaN"`},
		"a leave that never comes":        {first + "r,0,Inf,,\n", `line 2: leave is "Inf"`},
		"a leave after more than a year":  {first + "r,0,4e7,,\n", `line 2: leave is "4e7"`},
		"no leave":                        {first + "r,0,,,\n", `line 2: leave is ""`},
		"a leave before the join":         {first + "r,60,59,,\n", "line 2: leave, 59, is not after join, 60"},
		"a leave at the join":             {first + "r,60,60,,\n", "line 2: leave, 60, is not after join, 60"},
		"a recording without an end":      {first + "r,0,60,10,\n", `line 2: recording_end is ""`},
		"a recording without a start":     {first + "r,0,60,,10\n", `line 2: recording_start is ""`},
		"a recording that ends too early": {first + "r,0,60,20,10\n", "line 2: recording_end, 10, is not after recording_start, 20"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseCSV("w.csv", strings.NewReader(c.text))
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func FuzzParseCSV(f *testing.F) {
	f.Add(first + "r,0,60,,\nr,1.5,7200,3,9\n")
	f.Add(first + "\"a\nb\",0,1e3,,\n")
	f.Add(first + "r,NaN,Inf,-0,0x1p4\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseCSV("fuzz", strings.NewReader(text))
		if err != nil {
			return
		}
		if len(s.Visits()) == 0 || s.Length() < afterLast {
			t.Errorf("%d visits in %s", len(s.Visits()), s.Length())
		}
		if wrong := impossible(s.Visits(), s.Length()); wrong != "" {
			t.Error(wrong)
		}
	})
}

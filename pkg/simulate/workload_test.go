package simulate

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAWorkloadIsTheSameAfterItsFile(t *testing.T) {
	for _, k := range Kinds() {
		w, err := Generate(k.Name, 2, 7)
		require.NoError(t, err)
		var file bytes.Buffer
		require.NoError(t, w.WriteCSV(&file))
		read, err := ReadCSV(w.Name, w.Start, &file)
		require.NoError(t, err)
		assert.Len(t, read.Visits, len(w.Visits))
		assert.Len(t, read.Recordings, len(w.Recordings))
		assert.Equal(t, w.Rooms, read.Rooms)
		assert.InDelta(t, w.Length().Seconds(), read.Length().Seconds(), 1)
	}
}

func TestAGeneratedWorkloadIsTheSameForTheSameSeed(t *testing.T) {
	for _, k := range Kinds() {
		a, err := Generate(k.Name, 3, 5)
		require.NoError(t, err)
		b, _ := Generate(k.Name, 3, 5)
		c, _ := Generate(k.Name, 3, 6)
		assert.Equal(t, a, b)
		assert.NotEqual(t, a.Visits, c.Visits)
		assert.True(t, slices.IsSortedFunc(a.Visits, func(x, y Visit) int { return int(1e6*x.Join) - int(1e6*y.Join) }))
		for _, v := range a.Visits {
			require.Less(t, v.Join, v.Leave)
			require.GreaterOrEqual(t, v.Join, 0.0)
		}
	}
}

func TestAWrongFileIsRefusedWithItsLineAndTheMend(t *testing.T) {
	const head = "room,join,leave,recording_start,recording_end\n"
	for name, c := range map[string]struct{ file, says string }{
		"an empty one":                        {"", "has no header: write room,join,leave,recording_start,recording_end"},
		"one with other columns":              {"a,b,c,d,e\n", `line 1: the header is "a,b,c,d,e": write room,join,`},
		"one that lacks a column":             {"room,join,leave\nr,1,2\n", `line 1: the header is "room,join,leave": write room,join,`},
		"one with semicolons":                 {"room;join;leave;recording_start;recording_end\nr;1;2;;\n", `line 1: the header is "room;join;leave;recording_start;recording_end"`},
		"one without rows":                    {head, "has no participants"},
		"a row with too few fields":           {head + "r,1,2,,\nr,1\n", `line 3: 2 fields, "r,1": write the 5 of room,join,`},
		"a row with too many fields":          {head + "r,1,2,,,x\n", `line 2: 6 fields, "r,1,2,,,x": write the 5`},
		"a room with half a quote":            {head + "r\"s,1,2,,\n", `write " around a field`},
		"a room without a name":               {head + ",1,2,,\n", "line 2: the room"},
		"a join that is no number":            {head + "r,x,2,,\n", `line 2: join is "x"`},
		"a join that is not a number":         {head + "r,NaN,2,,\n", `line 2: join is "NaN"`},
		"a join before the start":             {head + "r,-1,2,,\n", `line 2: join is "-1"`},
		"somebody who leaves before he joins": {head + "r,1,2,,\nr,5,4,,\n", "line 3: leave, 4, is not after join, 5"},
		"a recording without an end":          {head + "r,1,2,1,\n", `line 2: recording_end is ""`},
		"a recording that ends as it begins":  {head + "r,1,2,1,1\n", "recording_end, 1, is not after"},
		"a recording on two rows of its room": {head + "r,1,9,2,3\ns,1,9,2,3\nr,2,9,2,3\n", `line 4: recording_start, 2, and recording_end, 3, of room "r" are on line 2 already: write them on one row`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadCSV("w", Monday, strings.NewReader(c.file))
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestAFileIsReadAsSpreadsheetsWriteIt(t *testing.T) {
	file := "\ufeffroom,join,leave,recording_start,recording_end\r\n\"Room, one\",600,900,,\r\nr,0,100,5,50\r\nr,20,100,60,90\r\n"
	w, err := ReadCSV("w", Monday, strings.NewReader(file))
	require.NoError(t, err)
	assert.Equal(t, []Visit{{1, 0, 100}, {1, 20, 100}, {0, 600, 900}}, w.Visits, "in the order of the joins")
	assert.Equal(t, []Recording{{1, 5, 50}, {1, 60, 90}}, w.Recordings, "one room may be recorded twice, at different times")
	assert.Equal(t, 2, w.Rooms)
}

func FuzzReadCSV(f *testing.F) {
	f.Add("room,join,leave,recording_start,recording_end\na,0,10.5,1,2\nb,3,4,,\n")
	f.Add("\ufeffroom,join,leave,recording_start,recording_end\r\n\"a,b\",0,1,0,1\r\n\"a,b\",0,1,0,1\r\n")
	f.Fuzz(func(t *testing.T, file string) {
		w, err := ReadCSV("w", Monday, strings.NewReader(file))
		if err != nil {
			return
		}
		for _, v := range w.Visits {
			if !(v.Join >= 0 && v.Join < v.Leave && v.Leave <= longest) || int(v.Room) >= w.Rooms {
				t.Fatalf("%+v", v)
			}
		}
		for _, r := range w.Recordings {
			if !(r.Start >= 0 && r.Start < r.End && r.End <= longest) || int(r.Room) >= w.Rooms {
				t.Fatalf("%+v", r)
			}
		}
	})
}

func TestUnknownNamesAreRefusedWithTheKnownOnes(t *testing.T) {
	_, err := Generate("offices", 1, 1)
	assert.ErrorContains(t, err, `workload "offices" is none: write school, office`)
	w, err := Generate("office", 1, 1)
	require.NoError(t, err)
	for _, policy := range []string{"", "n-free-", "n-free-0", "n-free-x", "3", "jitsi"} {
		_, err = Named(policy, w, Options{})
		assert.ErrorContains(t, err, "is none: write some of jitsi-fleet,", policy)
	}
	_, err = ParseFaults("gaps,noise")
	assert.ErrorContains(t, err, `fault "noise" is none`)
}

func TestFaultsAddUp(t *testing.T) {
	f, err := ParseFaults("gaps,outage")
	require.NoError(t, err)
	g := newGremlin(Options{Faults: f})
	assert.Positive(t, f.Gaps)
	assert.False(t, g.down(10.4*3600))
	assert.True(t, g.down(10.5*3600))
	assert.True(t, g.down((24+11.49)*3600))
	assert.False(t, g.down(11.5*3600))
}

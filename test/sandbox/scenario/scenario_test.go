package scenario

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// document is a scenario file that is right, with some of its members replaced; nil takes one out.
func document(t *testing.T, replaced map[string]any) []byte {
	t.Helper()
	members := map[string]any{
		"name": "a test", "start": "08:00", "end": "12:00", "seed": 7,
		"curve": []any{map[string]any{"at": "08:30", "participants": 0}, map[string]any{"at": "09:30", "participants": 100}},
	}
	for name, value := range replaced {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
	raw, err := json.Marshal(members)
	require.NoError(t, err)
	return raw
}

func level(at string, participants any) map[string]any {
	return map[string]any{"at": at, "participants": participants}
}

func TestParseRefuses(t *testing.T) {
	type member = map[string]any
	for name, c := range map[string]struct {
		replaced member
		says     string
	}{
		"an unknown field":                   {member{"speed": 2}, `unknown field "speed"`},
		"an unknown field in the curve":      {member{"curve": []any{member{"at": "08:30", "people": 1}}}, `unknown field "people"`},
		"a start that is missing":            {member{"start": nil}, "no start or no end"},
		"an end that is missing":             {member{"end": nil}, "no start or no end"},
		"an end before the start":            {member{"end": "07:59"}, "end, 07:59, is not after its start, 08:00"},
		"an end at the start":                {member{"end": "08:00"}, "end, 08:00, is not after its start, 08:00"},
		"a time that is none":                {member{"start": "8:00"}, `"8:00" is not a time of day`},
		"a curve that is missing":            {member{"curve": nil}, "no curve"},
		"a curve that is empty":              {member{"curve": []any{}}, "no curve"},
		"a point without a time":             {member{"curve": []any{member{"participants": 1}}}, "curve 1 has no time"},
		"a point after the end":              {member{"curve": []any{level("12:01", 1)}}, "curve 1 is at 12:01, and the scenario lasts from 08:00 to 12:00"},
		"a point before the start":           {member{"curve": []any{level("07:59", 1)}}, "curve 1 is at 07:59"},
		"points in disorder":                 {member{"curve": []any{level("10:00", 1), level("09:00", 1)}}, "curve 2 is at 09:00, which is not after 10:00"},
		"two points at once":                 {member{"curve": []any{level("10:00", 1), level("10:00", 9)}}, "curve 2 is at 10:00, which is not after 10:00"},
		"fewer participants than none":       {member{"curve": []any{level("09:00", -1)}}, "curve 1 has -1 participants: write 0 to 100000"},
		"more participants than any fleet":   {member{"curve": []any{level("09:00", 100_001)}}, "curve 1 has 100001 participants"},
		"half a participant":                 {member{"curve": []any{level("09:00", 0.5)}}, "not readable"},
		"an expectation without a time":      {member{"expect": []any{member{"bridges": 2}}}, "expectation 1 has no time"},
		"an expectation after the end":       {member{"expect": []any{member{"at": "13:00", "bridges": 2}}}, "expectation 1 is at 13:00"},
		"an expectation of less than none":   {member{"expect": []any{member{"at": "09:00", "bridges": -2}}}, "expectation 1 is -2 bridges"},
		"an expectation within less":         {member{"expect": []any{member{"at": "09:00", "bridges": 2, "within": -1}}}, "within -1"},
		"a fault of an unknown kind":         {member{"faults": []any{member{"kind": "flood", "at": "09:00"}}}, `fault 1: its kind is "flood": write one of ["silence agents"`},
		"a factor below 0":                   {member{"factor": -1}, "factor is -1: write a number above 0"},
		"fewer shards than none":             {member{"shards": -1}, "-1 shards: write 1 to 8"},
		"more shards than a machine carries": {member{"shards": 9}, "9 shards: write 1 to 8"},
		"a drain in a fleet of one shard":    {member{"faults": []any{member{"kind": DrainShard, "at": "09:00", "shard": "shard-1"}}}, `"drain shard" needs another shard to go to`},
		"a drain of no shard":                {member{"shards": 2, "faults": []any{member{"kind": DrainShard, "at": "09:00"}}}, `"drain shard" is about shard "": write "shard-1" to "shard-2"`},
		"a ready of a shard that is not":     {member{"shards": 2, "faults": []any{member{"kind": ReadyShard, "at": "09:00", "shard": "shard-3"}}}, `about shard "shard-3"`},
		"a killed shard with an end":         {member{"shards": 2, "faults": []any{member{"kind": KillShard, "at": "09:00", "until": "10:00", "shard": "shard-1"}}}, "it lasts until something else happens"},
		"a bridge that is killed on a shard": {member{"shards": 2, "faults": []any{member{"kind": KillBridge, "at": "09:00", "shard": "shard-1"}}}, "it is about the whole fleet"},
		"a fault without a time":             {member{"faults": []any{member{"kind": KillBridge}}}, `fault 1: "kill bridge" has no time`},
		"a fault after the end":              {member{"faults": []any{member{"kind": KillBridge, "at": "12:30"}}}, `"kill bridge" is at 12:30`},
		"a killed bridge that comes back":    {member{"faults": []any{member{"kind": KillBridge, "at": "09:00", "until": "10:00"}}}, "does not come back"},
		"a silence without an end":           {member{"faults": []any{member{"kind": SilenceAgents, "at": "09:00"}}}, `the end of "silence agents" has no time`},
		"a silence that ends before it does": {member{"faults": []any{member{"kind": SilenceAgents, "at": "09:00", "until": "08:30"}}}, "ends at 08:30, which is not after 09:00"},
		"a silence that outlasts the day":    {member{"faults": []any{member{"kind": SilenceAgents, "at": "09:00", "until": "12:01"}}}, `the end of "silence agents" is at 12:01`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(document(t, c.replaced))
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestParseRefusesWhatIsNotOneObject(t *testing.T) {
	for name, raw := range map[string]string{
		"nothing":               "",
		"half an object":        `{"name": "x"`,
		"a list":                "[]",
		"two objects":           string(document(t, nil)) + "{}",
		"an object and a brace": string(document(t, nil)) + "}",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(raw))
			assert.ErrorContains(t, err, "the scenario is not readable")
		})
	}
}

func TestParseReadsTimesFromTheStart(t *testing.T) {
	s, err := Parse(document(t, map[string]any{
		"expect": []any{map[string]any{"at": "12:00", "bridges": 2, "within": 1}},
		"faults": []any{
			map[string]any{"kind": SilenceAgents, "at": "10:00", "until": "10:40"},
			map[string]any{"kind": KillBridge, "at": "11:15"},
		},
	}))
	require.NoError(t, err)
	assert.Equal(t, 4*time.Hour, s.Length())
	assert.Equal(t, 150*time.Minute, s.Offset("10:30"))
	assert.Equal(t, "10:30", s.TimeOfDay(150*time.Minute+59*time.Second))
	assert.Equal(t, []Expectation{{At: "12:00", Bridges: 2, Within: 1}}, s.Expect)
	assert.Equal(t, []Fault{{Kind: SilenceAgents, At: "10:00", Until: "10:40"}, {Kind: KillBridge, At: "11:15"}}, s.Faults)
}

func TestParseReadsWhatHappensToShards(t *testing.T) {
	s, err := Parse(document(t, map[string]any{"shards": 2, "faults": []any{
		map[string]any{"kind": DrainShard, "at": "09:00", "shard": "shard-2"},
		map[string]any{"kind": ReadyShard, "at": "10:00", "shard": "shard-2"},
		map[string]any{"kind": KillShard, "at": "11:00", "shard": "shard-1"},
	}}))
	require.NoError(t, err)
	assert.Equal(t, 2, s.Shards)
	assert.Equal(t, []Fault{
		{Kind: DrainShard, At: "09:00", Shard: "shard-2"}, {Kind: ReadyShard, At: "10:00", Shard: "shard-2"},
		{Kind: KillShard, At: "11:00", Shard: "shard-1"},
	}, s.Faults)
}

func TestAFaultOfTheCommandLineIsHeldToTheSameRules(t *testing.T) {
	s, err := Parse(document(t, nil))
	require.NoError(t, err)
	broken, err := s.With(Fault{Kind: KillBridge, At: "11:00"})
	require.NoError(t, err)
	assert.Equal(t, []Fault{{Kind: KillBridge, At: "11:00"}}, broken.Faults)
	assert.Empty(t, s.Faults, "the scenario itself stays as it was")
	_, err = s.With(Fault{Kind: SilenceAgents, At: "11:00", Until: "13:00"})
	assert.ErrorContains(t, err, "at 13:00, and the scenario lasts from 08:00 to 12:00")
}

// present is how many are there at an offset.
func present(visits []Visit, at time.Duration) int {
	n := 0
	for _, v := range visits {
		if v.Join <= at.Seconds() && at.Seconds() < v.Leave {
			n++
		}
	}
	return n
}

// longestRoom is the longest that a generated room lasts: to the first full hour that leaves it its shortest stay.
const longestRoom = shortestStay + time.Hour

func TestTheScenariosOfTheRepositoryFollowTheirCurves(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "scenarios", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			s, err := Parse(raw)
			require.NoError(t, err)
			s.visits = slices.DeleteFunc(s.visits, func(v Visit) bool { return strings.HasPrefix(v.Room, "recorded-") }) // beside the curve
			holdsItsCurve(t, s)
			last := s.Curve[len(s.Curve)-1]
			require.Zero(t, last.Participants, "a scenario ends with an empty fleet, or it cannot come back to its minimum")
			assert.Zero(t, present(s.Visits(), s.Offset(last.At)+longestRoom))
			assert.Less(t, s.Offset(last.At)+shortestStay, s.Length())
		})
	}
}

// holdsItsCurve holds that who is there is never more than the curve's peak within one meeting, nor less than its
// lowest within the time that everybody takes to join.
func holdsItsCurve(t *testing.T, s Scenario) {
	t.Helper()
	for at := time.Duration(0); at < s.Length(); at += 5 * time.Minute {
		highest, lowest := 0.0, s.target(at)
		for before := time.Duration(0); before <= longestRoom; before += time.Minute {
			highest = max(highest, s.target(at-before))
		}
		for before := time.Duration(0); before <= joinSpread+generatorStep; before += time.Minute {
			lowest = min(lowest, s.target(at-before))
		}
		now := float64(present(s.Visits(), at))
		assert.LessOrEqual(t, now, highest+smallestRoom, "at %s", s.TimeOfDay(at))
		if onAMeetingsEnd := (s.Start.Minutes()+int(at/time.Minute))%30 < 5; !onAMeetingsEnd {
			assert.GreaterOrEqual(t, now, 0.75*lowest-largestRoom, "at %s", s.TimeOfDay(at))
		}
	}
}

func TestTheSameSeedMakesTheSameVisits(t *testing.T) {
	one, err := Parse(document(t, nil))
	require.NoError(t, err)
	same, err := Parse(document(t, nil))
	require.NoError(t, err)
	other, err := Parse(document(t, map[string]any{"seed": 8}))
	require.NoError(t, err)
	assert.Equal(t, one.Visits(), same.Visits())
	assert.NotEqual(t, one.Visits(), other.Visits())
}

func TestMeetingsEndOnTheHour(t *testing.T) {
	s, err := Parse(document(t, map[string]any{"curve": []any{level("08:00", 400)}}))
	require.NoError(t, err)
	before, after := present(s.Visits(), 2*time.Hour-leaveSpread-time.Second), present(s.Visits(), 2*time.Hour)
	assert.Less(t, float64(after), 0.85*float64(before), "%d before the hour, %d at it", before, after)
}

func TestACurveGoesInStraightLines(t *testing.T) {
	s := Scenario{Start: "08:00", Curve: []Level{{At: "09:00", Participants: 10}, {At: "10:00", Participants: 40}}}
	for at, want := range map[settings.Clock]float64{"08:00": 10, "09:00": 10, "09:20": 20, "09:40": 30, "10:00": 40, "23:00": 40} {
		assert.InDelta(t, want, s.target(s.Offset(at)), 1e-9, at)
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("..", "scenarios", "*.json"))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"start":"00:00","end":"24:00","curve":[{"at":"24:00","participants":1}],"faults":[{"kind":"silence agents","at":"23:59","until":"24:00"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := Parse(raw)
		if err != nil {
			return
		}
		if s.Length() <= 0 || s.Length() > 24*time.Hour {
			t.Errorf("length %s", s.Length())
		}
		if wrong := impossible(s.Visits(), s.Length()); wrong != "" {
			t.Error(wrong)
		}
	})
}

// impossible says which visit cannot be, or nothing.
func impossible(visits []Visit, length time.Duration) string {
	for i, v := range visits {
		switch {
		case v.Room == "":
			return fmt.Sprintf("visit %d has no room", i)
		case !(v.Join >= 0) || !(v.Leave > v.Join):
			return fmt.Sprintf("visit %d is from %v to %v", i, v.Join, v.Leave)
		case i > 0 && v.Join < visits[i-1].Join:
			return fmt.Sprintf("visit %d joins at %v, after %v", i, v.Join, visits[i-1].Join)
		case v.Join > (length + joinSpread).Seconds():
			return fmt.Sprintf("visit %d joins at %v, and the scenario lasts %s", i, v.Join, length)
		}
	}
	return ""
}

package recording

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

var (
	states = []State{Started, Stopped, Spooled, Uploading, Uploaded, Verified, Catalogued, Failed}
	nine   = time.Date(2026, 11, 22, 9, 3, 12, 0, time.UTC)
)

// whole is a recording that is valid in every state.
func whole(state State) Recording {
	r := Recording{
		ID: ID("i-1", "abc", "weekly", nine), Session: "abc", Instance: "i-1", Tenant: "acme", Room: "weekly",
		Start: nine, End: nine.Add(time.Hour), State: state, At: nine.Add(2 * time.Hour),
	}
	r.Files = []File{{Name: "v.mp4", Bytes: 5, CRC64NVME: "rosUhgp5mIg=", Key: r.Key("v.mp4")}}
	if state == Failed {
		r.Reason = "its machine was taken away"
	}
	return r
}

func TestAdvance(t *testing.T) {
	for name, c := range map[string]struct {
		from, to State
		advances bool
	}{
		"a recording advances by one":             {Started, Stopped, true},
		"it may leave states out":                 {Started, Uploaded, true},
		"a doubled report changes nothing":        {Uploading, Uploading, false},
		"a late report changes nothing":           {Uploaded, Spooled, false},
		"anything before S3's proof can fail":     {Uploaded, Failed, true},
		"what S3 has proven cannot fail":          {Verified, Failed, false},
		"a catalogued one cannot fail":            {Catalogued, Failed, false},
		"a failed one stays failed at a report":   {Failed, Uploaded, false},
		"a failed one is not simply catalogued":   {Failed, Catalogued, false},
		"proof from S3 heals a failed one":        {Failed, Verified, true},
		"an unknown state is no progress":         {Started, "paused", false},
		"nothing follows the end":                 {Catalogued, Catalogued, false},
		"a second failure keeps the first reason": {Failed, Failed, false},
	} {
		t.Run(name, func(t *testing.T) {
			before := whole(c.from)
			after, advanced := before.Advance(c.to, nine.Add(9*time.Hour), "why")
			assert.Equal(t, c.advances, advanced)
			if !advanced {
				assert.Equal(t, before, after)
				return
			}
			assert.Equal(t, c.to, after.State)
			assert.Equal(t, nine.Add(9*time.Hour), after.At)
			require.NoError(t, after.Validate())
		})
	}
}

func TestFailureAlwaysHasAReason(t *testing.T) {
	r, _ := whole(Uploading).Advance(Failed, nine, "")
	assert.NoError(t, r.Validate())
}

func drawRecording(t *rapid.T, name string) Recording {
	r := Recording{ID: ID("i-1", "abc", "weekly", nine), Session: "abc", Instance: "i-1", Room: "weekly", Start: nine}
	moment := rapid.Int64Range(0, 3)
	r.Start = nine.Add(-time.Duration(moment.Draw(t, name+" start")))
	r.State = rapid.SampledFrom(states).Draw(t, name+" state")
	r.At = nine.Add(time.Duration(moment.Draw(t, name+" at")))
	if rapid.Bool().Draw(t, name+" ended") {
		r.End = nine.Add(time.Duration(moment.Draw(t, name+" end")))
	}
	r.Tenant = rapid.SampledFrom([]string{"", "acme"}).Draw(t, name+" tenant")
	r.CutShort = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, name+" cut")
	if r.State == Failed {
		r.Reason = rapid.SampledFrom([]string{"x", "y"}).Draw(t, name+" reason")
	}
	for _, file := range []string{"a", "b"} {
		if rapid.Bool().Draw(t, name+" has "+file) {
			sum := rapid.SampledFrom([]string{"", "AAAAAAAAAAA="}).Draw(t, name+" sum "+file)
			r.Files = append(r.Files, File{Name: file, Bytes: moment.Draw(t, name+" bytes "+file), CRC64NVME: sum})
		}
	}
	if rapid.Bool().Draw(t, name+" metadata") {
		r.Metadata = json.RawMessage(`{}`)
	}
	return r
}

func TestMergeIsTheSameInAnyOrderAndHoweverOften(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawRecording(t, "a"), drawRecording(t, "b"), drawRecording(t, "c")
		assert.Equal(t, Merge(a, b), Merge(b, a))
		assert.Equal(t, Merge(a, a), a)
		assert.Equal(t, Merge(Merge(a, b), c), Merge(a, Merge(b, c)))
		assert.Equal(t, Merge(Merge(a, b), b), Merge(a, b))
		assert.GreaterOrEqual(t, depths[Merge(a, b).State], max(depths[a.State], depths[b.State]))
	})
}

func TestAnEntryNeverGivesBackAState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := Entry{}
		for range rapid.IntRange(1, 12).Draw(t, "reports") {
			before := e
			next, news := e.Learn(drawRecording(t, "report"))
			assert.GreaterOrEqual(t, depths[next.State], depths[before.State])
			if !news {
				assert.Equal(t, before, next)
			}
			next.Version++
			e = next
			again, news := e.Learn(e.Recording)
			assert.False(t, news, "a doubled report is no news")
			assert.Equal(t, e, again)
		}
	})
}

func TestAHealedEntryIsAnnouncedAnew(t *testing.T) {
	e := Entry{Recording: whole(Failed), Version: 3, OnTopic: true, OnBus: true}
	assert.True(t, e.Settled())
	e, advanced := e.Advance(Verified, nine, "")
	assert.True(t, advanced)
	assert.False(t, e.OnTopic || e.OnBus)
	assert.Empty(t, e.Reason)
	assert.False(t, e.Settled())
}

func TestWaits(t *testing.T) {
	now := nine.Add(3 * time.Hour)
	assert.Equal(t, 2*time.Hour, Entry{Recording: whole(Uploading)}.Waits(now))
	assert.Zero(t, Entry{Recording: whole(Started)}.Waits(now), "a long session is not late")
	assert.Zero(t, Entry{Recording: whole(Failed)}.Waits(now))
	stopped := whole(Stopped)
	stopped.End = time.Time{}
	assert.Equal(t, time.Hour, Entry{Recording: stopped}.Waits(now))
}

func TestEveryKeyIsSafeAndOneRecordingsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := whole(Spooled)
		r.Tenant = rapid.String().Draw(t, "tenant")
		r.Room = rapid.String().Draw(t, "room")
		one, other := rapid.String().Draw(t, "file"), rapid.String().Draw(t, "other file")
		key := r.Key(one)
		assert.LessOrEqual(t, len(key), MaxKey)
		assert.True(t, utf8.ValidString(key))
		parts := strings.Split(key, "/")
		assert.Len(t, parts, 7)
		for _, part := range parts {
			assert.NotContains(t, []string{"", ".", ".."}, part)
		}
		assert.True(t, strings.HasPrefix(key, "recordings/2026/11/22/"))
		if one != other {
			assert.NotEqual(t, key, r.Key(other))
		}
		r.Files = []File{{Name: SafeName(one), Key: r.Key(SafeName(one))}}
		if r.Room != "" {
			assert.NoError(t, r.Validate())
		}
	})
}

func TestKeys(t *testing.T) {
	r := whole(Spooled)
	assert.Regexp(t, `^recordings/2026/11/22/acme/weekly-[0-9a-f]{12}/v\.mp4$`, r.Key("v.mp4"))
	r.Tenant, r.Room = "", "../größe & co"
	assert.Regexp(t, `^recordings/2026/11/22/-/_\._größe___co-[0-9a-f]{12}/a_b-[0-9a-f]{12}\.mp4$`, r.Key("a/b.mp4"))
}

func TestAnIDIsOneRecordings(t *testing.T) {
	id := ID("i-1", "abc", "weekly", nine)
	assert.Regexp(t, `^20261122T090312Z-weekly-[0-9a-f]{12}$`, id)
	for name, other := range map[string]string{
		"recorder": ID("i-2", "abc", "weekly", nine), "session": ID("i-1", "abd", "weekly", nine),
		"start": ID("i-1", "abc", "weekly", nine.Add(time.Second)),
	} {
		assert.NotEqual(t, id, other, name)
	}
	day, ok := Day(id)
	assert.True(t, ok)
	assert.Equal(t, "2026-11-22", day)
	for _, wrong := range []string{"", "weekly", "20261122T090312Z", "20261322T090312Z-weekly-0"} {
		_, ok := Day(wrong)
		assert.False(t, ok, wrong)
	}
}

func TestParseFileName(t *testing.T) {
	for name, c := range map[string]struct {
		file, room string
		ok         bool
	}{
		"Jibri's own":                       {"weekly-sync_2026-11-22-09-03-12.mp4", "weekly-sync", true},
		"a room with an underscore":         {"a_b_2026-11-22-09-03-12.mp4", "a_b", true},
		"a room that is escaped":            {"gr%C3%B6%C3%9Fe_2026-11-22-09-03-12.mp4", "größe", true},
		"a room with a broken escape":       {"100%_2026-11-22-09-03-12.mp4", "100%", true},
		"another container":                 {"weekly_2026-11-22-09-03-12.mkv", "weekly", true},
		"no moment":                         {"weekly.mp4", "", false},
		"a moment that is none":             {"weekly_2026-13-22-09-03-12.mp4", "", false},
		"no room":                           {"_2026-11-22-09-03-12.mp4", "", false},
		"a moment that is not set off":      {"weekly2026-11-22-09-03-12.mp4", "", false},
		"nothing":                           {"", "", false},
		"metadata, which is no recording":   {"metadata.json", "", false},
		"a name that is only a moment long": {"2026-11-22-09-03-12.mp4", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			room, start, ok := ParseFileName(c.file)
			assert.Equal(t, c.ok, ok)
			assert.Equal(t, c.room, room)
			if ok {
				assert.Equal(t, nine, start)
			}
		})
	}
}

func TestParseMetadata(t *testing.T) {
	for name, c := range map[string]struct {
		raw, tenant, room string
		ok                bool
	}{
		"a room at the root":         {`{"meeting_url": "https://meet.example.org/weekly"}`, "", "weekly", true},
		"a tenant's room":            {`{"meeting_url": "https://meet.example.org/acme/weekly?jwt=x#config.y=1"}`, "acme", "weekly", true},
		"escapes":                    {`{"meeting_url": "https://meet.example.org/a%2Fb/Weekly%20Sync"}`, "a/b", "Weekly Sync", true},
		"a slash at the end":         {`{"meeting_url": "https://meet.example.org/weekly/"}`, "", "weekly", true},
		"no room":                    {`{"meeting_url": "https://meet.example.org/"}`, "", "", false},
		"no address":                 {`{"participants": []}`, "", "", false},
		"an address that is none":    {`{"meeting_url": "http://[::1"}`, "", "", false},
		"an address of another type": {`{"meeting_url": 7}`, "", "", false},
		"no JSON":                    {`{`, "", "", false},
		"nothing":                    {``, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			tenant, room, ok := ParseMetadata([]byte(c.raw))
			assert.Equal(t, c.ok, ok)
			assert.Equal(t, c.tenant, tenant)
			assert.Equal(t, c.room, room)
		})
	}
}

func TestValidateNamesFieldValueAndMend(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Recording)
		told  string
	}{
		"an ID without a moment":          {func(r *Recording) { r.ID = "weekly" }, `id is "weekly": it must be what recording.ID gives`},
		"an ID with a slash":              {func(r *Recording) { r.ID = "20261122T090312Z-a/b" }, "id is"},
		"a session outside the spool":     {func(r *Recording) { r.Session = ".." }, `session is ".."`},
		"no recorder":                     {func(r *Recording) { r.Instance = "" }, "instance is"},
		"no room":                         {func(r *Recording) { r.Room = "" }, "room is"},
		"a state that is none":            {func(r *Recording) { r.State = "paused" }, `state is "paused"`},
		"no start":                        {func(r *Recording) { r.Start = time.Time{} }, "start is"},
		"an end before the start":         {func(r *Recording) { r.End = r.Start.Add(-1) }, "end is"},
		"no end":                          {func(r *Recording) { r.End = time.Time{} }, "a moment once a recording is spooled"},
		"no moment of the state":          {func(r *Recording) { r.At = time.Time{} }, "at is"},
		"a reason without failure":        {func(r *Recording) { r.Reason = "why" }, `reason is "why"`},
		"a failure without reason":        {func(r *Recording) { r.State = Failed }, "reason is"},
		"no files":                        {func(r *Recording) { r.Files = nil }, `files is "0": it must be at least one`},
		"a file in another folder":        {func(r *Recording) { r.Files[0].Name = "a/b" }, "files[0].name is"},
		"a negative size":                 {func(r *Recording) { r.Files[0].Bytes = -1 }, "files[0].bytes is"},
		"a checksum of another kind":      {func(r *Recording) { r.Files[0].CRC64NVME = "AAAA" }, "files[0].crc64nvme is"},
		"no checksum of an uploaded file": {func(r *Recording) { r.Files[0].CRC64NVME = "" }, "files[0].crc64nvme is"},
		"a key elsewhere in the bucket":   {func(r *Recording) { r.Files[0].Key = "secrets/a" }, "files[0].key is"},
		"a key that is too long":          {func(r *Recording) { r.Files[0].Key = Prefix + strings.Repeat("a", MaxKey) }, "files[0].key is"},
	} {
		t.Run(name, func(t *testing.T) {
			r := whole(Uploaded)
			require.NoError(t, r.Validate())
			c.spoil(&r)
			assert.ErrorContains(t, r.Validate(), c.told)
		})
	}
}

func TestHolds(t *testing.T) {
	f := whole(Uploaded).Files[0]
	require.NoError(t, f.Holds(Object{Found: true, Bytes: 5, CRC64NVME: "rosUhgp5mIg="}))
	assert.ErrorContains(t, f.Holds(Object{}), "is not in S3")
	assert.ErrorContains(t, f.Holds(Object{Found: true, Bytes: 4, CRC64NVME: "rosUhgp5mIg="}), "4 bytes")
	assert.ErrorContains(t, f.Holds(Object{Found: true, Bytes: 5}), "checksum")
}

func FuzzParse(f *testing.F) {
	for _, s := range states {
		raw, err := json.Marshal(whole(s))
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Add([]byte(`{"files": [null], "metadata": {"a": [1]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := Parse(raw)
		if err != nil {
			return
		}
		text, err := json.Marshal(r)
		require.NoError(t, err)
		again, err := Parse(text)
		require.NoError(t, err, "what is valid stays so")
		assert.True(t, same(Merge(r, again), again) || string(r.Metadata) != string(again.Metadata) || len(r.Files) > 1)
		for _, file := range r.Files {
			assert.LessOrEqual(t, len(r.Key(file.Name)), MaxKey)
		}
	})
}

func FuzzParseNames(f *testing.F) {
	f.Add("weekly_2026-11-22-09-03-12.mp4", `{"meeting_url": "https://meet.example.org/acme/weekly"}`)
	f.Fuzz(func(t *testing.T, name, metadata string) {
		if room, start, ok := ParseFileName(name); ok {
			assert.NotEmpty(t, room)
			_, dated := Day(ID(fleet.InstanceID("i-1"), "abc", room, start))
			assert.True(t, dated)
		}
		if _, room, ok := ParseMetadata([]byte(metadata)); ok {
			assert.NotEmpty(t, room)
			assert.True(t, utf8.ValidString(room))
		}
	})
}

package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// archive is the catalogue, the bucket, EC2, the topic and the bus of one fleet. fail, if there, refuses calls.
type archive struct {
	mu       sync.Mutex
	entries  map[string]recording.Entry
	open     map[string]bool
	objects  map[string]recording.Object
	machines map[fleet.InstanceID]fleet.Machine
	told     map[string][]recording.Recording // by place
	fail     func(call string) error
	before   func(recording.Entry) // what others do between a read and its write
	now      time.Time

	conflicts int
}

func newArchive() *archive {
	return &archive{
		entries: map[string]recording.Entry{}, open: map[string]bool{}, objects: map[string]recording.Object{},
		machines: map[fleet.InstanceID]fleet.Machine{"i-1": {}}, told: map[string][]recording.Recording{}, now: nine.Add(time.Hour),
		fail: func(string) error { return nil },
	}
}

var nine = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func (a *archive) Get(_ context.Context, id string) (recording.Entry, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.fail("get"); err != nil {
		return recording.Entry{}, err
	}
	return a.entries[id], nil
}

func (a *archive) Put(_ context.Context, e recording.Entry) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.fail("put"); err != nil {
		return false, err
	}
	if before := a.before; before != nil {
		a.before = nil
		before(e)
	}
	if a.entries[e.ID].Version != e.Version {
		a.conflicts++
		return false, nil
	}
	e.Version++
	a.entries[e.ID] = e
	a.open[e.ID] = !e.Settled()
	return true, nil
}

func (a *archive) Open(context.Context) ([]string, error) {
	var ids []string
	for id, open := range a.open {
		if open {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, a.fail("open")
}

func (a *archive) Close(_ context.Context, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[id] = false
	return nil
}

func (a *archive) Head(_ context.Context, key string) (recording.Object, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.objects[key], a.fail("head")
}

func (a *archive) List(context.Context, string) (map[fleet.InstanceID]fleet.Machine, error) {
	return a.machines, a.fail("machines")
}

// place is one of the two that announcements go to.
type place struct {
	a    *archive
	name string
}

func (p place) Announce(_ context.Context, kind string, detail any) error {
	p.a.mu.Lock()
	defer p.a.mu.Unlock()
	if err := p.a.fail(p.name); err != nil {
		return err
	}
	r := detail.(recording.Recording)
	if want := map[recording.State]string{recording.Catalogued: EventRecordingCatalogued, recording.Failed: EventRecordingFailed}[r.State]; want != kind {
		return fmt.Errorf("%s is announced as %s", r.State, kind)
	}
	p.a.told[p.name] = append(p.a.told[p.name], r)
	return nil
}

func (a *archive) loop() Recordings {
	return Recordings{
		Env: settings.RecordingsEnv{Fleet: "meet", LateAfter: 30 * time.Minute}, Catalogue: a, Objects: a, Machines: a,
		Topic: place{a, "topic"}, Bus: place{a, "bus"}, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return a.now },
	}
}

func (a *archive) states(where string) []recording.State {
	states := []recording.State{}
	for _, r := range a.told[where] {
		states = append(states, r.State)
	}
	return states
}

// life is the announcements of one recording, as its recorder sends them.
func life(session string) []recording.Recording {
	r := recording.Recording{
		ID: recording.ID("i-1", session, "weekly", nine), Session: session, Instance: "i-1", Room: "weekly",
		Start: nine, State: recording.Started, At: nine,
	}
	all := []recording.Recording{r}
	r.End, r.Files = nine.Add(30*time.Minute), []recording.File{{Name: "v.mp4", Bytes: 5}, {Name: "metadata.json", Bytes: 2}}
	r, _ = r.Advance(recording.Spooled, r.End, "")
	all = append(all, r)
	r.Files = slices.Clone(r.Files)
	for i := range r.Files {
		r.Files[i].CRC64NVME, r.Files[i].Key = "rosUhgp5mIg=", r.Key(r.Files[i].Name)
	}
	r, _ = r.Advance(recording.Uploading, r.End, "")
	all = append(all, r)
	r, _ = r.Advance(recording.Uploaded, r.End.Add(time.Minute), "")
	return append(all, r)
}

func (a *archive) upload(r recording.Recording) {
	for _, f := range r.Files {
		a.objects[f.Key] = recording.Object{Found: true, Bytes: f.Bytes, CRC64NVME: f.CRC64NVME}
	}
}

func message(r recording.Recording) Announcement {
	body, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return Announcement{Message: r.Session + "/" + string(r.State), Body: body}
}

func (a *archive) receive(t require.TestingT, reports ...recording.Recording) {
	for _, r := range reports {
		_, again, err := a.loop().Receive(context.Background(), []Announcement{message(r)})
		require.NoError(t, err)
		require.Empty(t, again)
	}
}

func (a *archive) sweep(t require.TestingT) {
	_, err := a.loop().Sweep(context.Background())
	require.NoError(t, err)
}

func TestAnUploadedRecordingIsVerifiedCataloguedAndAnnounced(t *testing.T) {
	a, reports := newArchive(), life("abc")
	a.upload(reports[3])
	a.receive(t, reports[:2]...)
	assert.Empty(t, a.told)
	record, again, err := a.loop().Receive(t.Context(), []Announcement{message(reports[3])})
	require.NoError(t, err)
	assert.Empty(t, again)
	assert.NotNil(t, record)
	for _, where := range []string{"topic", "bus"} {
		assert.Equal(t, []recording.State{recording.Catalogued}, a.states(where))
	}
	e := a.entries[reports[0].ID]
	assert.True(t, e.Settled())
	assert.Equal(t, recording.Catalogued, e.State)
	assert.Empty(t, a.openIDs())
	version := e.Version
	a.receive(t, reports...)
	a.sweep(t)
	assert.Equal(t, version, a.entries[e.ID].Version, "doubled messages write nothing")
	assert.Len(t, a.told["topic"], 1)
}

func (a *archive) openIDs() []string {
	ids, _ := a.Open(context.Background())
	return ids
}

func TestAMessageIsDeliveredAgainWhen(t *testing.T) {
	refuse := func(call string) func(*archive) {
		return func(a *archive) {
			a.fail = func(c string) error {
				if c == call {
					return errors.New("refused")
				}
				return nil
			}
		}
	}
	for name, spoil := range map[string]func(*archive){
		"its files are not in S3":         func(a *archive) { clear(a.objects) },
		"the catalogue does not answer":   refuse("get"),
		"the catalogue takes nothing":     refuse("put"),
		"S3 does not answer":              refuse("head"),
		"the topic takes nothing":         refuse("topic"),
		"the bus takes nothing":           refuse("bus"),
		"others write it again and again": func(a *archive) { a.before = a.rival },
	} {
		t.Run(name, func(t *testing.T) {
			a, reports := newArchive(), life("abc")
			a.upload(reports[3])
			spoil(a)
			_, again, err := a.loop().Receive(t.Context(), []Announcement{message(reports[3])})
			require.Error(t, err)
			assert.Equal(t, []string{"abc/uploaded"}, again)
			a.fail, a.before = func(string) error { return nil }, nil
			a.upload(reports[3])
			a.receive(t, reports[3])
			assert.Equal(t, []recording.State{recording.Catalogued}, a.states("topic"))
			assert.Equal(t, []recording.State{recording.Catalogued}, a.states("bus"))
		})
	}
}

// rival writes the same entry before each write of the loop.
func (a *archive) rival(e recording.Entry) {
	now := a.entries[e.ID]
	if now.Version == 0 {
		now = e
	}
	now.Version++
	a.entries[e.ID] = now
	a.before = a.rival
}

func TestAMessageThatIsNoRecordingIsLeftToTheDeadLetters(t *testing.T) {
	a := newArchive()
	good := life("abc")[0]
	_, again, err := a.loop().Receive(t.Context(), []Announcement{{Message: "bad", Body: []byte("{}")}, message(good)})
	require.ErrorContains(t, err, "is not valid")
	assert.Equal(t, []string{"bad"}, again)
	assert.Contains(t, a.entries, good.ID, "the rest of the batch is taken in")
}

func TestAnotherFileInS3FailsTheRecording(t *testing.T) {
	a, reports := newArchive(), life("abc")
	a.upload(reports[3])
	key := reports[3].Files[0].Key
	a.objects[key] = recording.Object{Found: true, Bytes: 5, CRC64NVME: "AAAAAAAAAAA="}
	a.receive(t, reports[3])
	assert.Equal(t, []recording.State{recording.Failed}, a.states("topic"))
	assert.Contains(t, a.told["bus"][0].Reason, "checksum")
}

func TestALostMachineFailsWhatItHadNotUploaded(t *testing.T) {
	for name, gone := range map[string]map[fleet.InstanceID]fleet.Machine{
		"EC2 does not know it any more": {"i-2": {}}, "EC2 says that it ended": {"i-1": {Stopped: true}},
	} {
		t.Run(name, func(t *testing.T) {
			a, reports := newArchive(), life("abc")
			a.receive(t, reports[0])
			a.sweep(t)
			a.machines = gone
			a.sweep(t)
			assert.Empty(t, a.told, "its last messages may be on their way")
			a.now = a.now.Add(4 * time.Minute)
			a.sweep(t)
			assert.Empty(t, a.told)
			a.now = a.now.Add(time.Minute)
			a.sweep(t)
			a.sweep(t)
			assert.Equal(t, []recording.State{recording.Failed}, a.states("topic"))
			assert.Equal(t, []recording.State{recording.Failed}, a.states("bus"))
			assert.Equal(t, reasonGone, a.told["topic"][0].Reason)
			a.upload(reports[3])
			a.receive(t, reports[3])
			assert.Equal(t, []recording.State{recording.Failed, recording.Catalogued}, a.states("topic"), "proof from S3 heals it")
			assert.Empty(t, a.openIDs())
		})
	}
}

func TestAMachineThatIsThereAgainWasNeverGone(t *testing.T) {
	a := newArchive()
	a.receive(t, life("abc")[0])
	there := a.machines
	a.machines = map[fleet.InstanceID]fleet.Machine{}
	a.sweep(t)
	a.machines = there
	a.now = a.now.Add(time.Hour)
	a.sweep(t)
	a.machines = nil
	a.fail = func(call string) error {
		if call == "machines" {
			return errors.New("throttled")
		}
		return nil
	}
	for range 3 {
		a.now = a.now.Add(time.Hour)
		_, err := a.loop().Sweep(t.Context())
		require.Error(t, err)
	}
	assert.Empty(t, a.told, "silence ends nothing")
	assert.Equal(t, recording.Started, a.entries[life("abc")[0].ID].State)
}

func TestAnUploadWhoseMessageIsLostIsFoundInS3(t *testing.T) {
	a, reports := newArchive(), life("abc")
	a.receive(t, reports[:3]...)
	a.sweep(t)
	assert.Empty(t, a.told)
	a.upload(reports[3])
	a.machines = nil
	a.sweep(t)
	assert.Equal(t, []recording.State{recording.Catalogued}, a.states("bus"))
}

func TestARecordingThatCannotBeVerifiedNowStaysAsItWasRead(t *testing.T) {
	a := newArchive()
	reports := life("s1")
	a.receive(t, reports[:3]...)
	a.upload(reports[len(reports)-1])
	before := maps.Clone(a.entries)
	a.fail = func(call string) error {
		if call == "put" { // of what S3 has proved
			return errors.New("throttled")
		}
		return nil
	}
	a.sweep(t)
	assert.Equal(t, before, a.entries, "and nobody mourns for a machine without a name")
	a.fail = func(string) error { return nil }
	a.sweep(t)
	assert.Equal(t, []recording.State{recording.Catalogued}, a.states("topic"))
}

func TestAnAnnouncementIsOneRunsAlone(t *testing.T) {
	a, reports := newArchive(), life("abc")
	a.upload(reports[3])
	a.receive(t, reports[0])
	e := a.entries[reports[0].ID]
	e.Recording = reports[3]
	e, _ = e.Advance(recording.Verified, a.now, "")
	e.Claimed = a.now.Add(time.Minute)
	e.OnTopic = true
	a.entries[e.ID] = e
	a.receive(t, reports[3])
	a.sweep(t)
	assert.Empty(t, a.told, "another run is at it")
	a.now = a.now.Add(time.Minute)
	a.sweep(t)
	assert.Empty(t, a.told["topic"], "it was there already")
	assert.Equal(t, []recording.State{recording.Catalogued}, a.states("bus"))
}

func TestHoweverMessagesComeEveryUploadedRecordingIsAnnouncedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newArchive()
		faulty := rapid.SampledFrom([]string{"none", "get", "put", "head", "topic", "bus"}).Draw(t, "faulty")
		flaky := false
		a.fail = func(call string) error {
			if flaky && faulty == call && rapid.Bool().Draw(t, "fails") {
				return errors.New("refused")
			}
			return nil
		}
		var messages []recording.Recording
		uploads := map[string]recording.Recording{}
		for _, session := range []string{"a", "b", "c"} {
			reports := life(session)
			a.upload(reports[3])
			uploads[reports[3].ID] = reports[3]
			messages = append(messages, reports...)
			messages = append(messages, reports[rapid.IntRange(0, 3).Draw(t, "doubled")])
		}
		flaky = true
		for _, r := range rapid.Permutation(messages).Draw(t, "order") {
			if rapid.IntRange(0, 9).Draw(t, "sweeps") == 0 {
				_, _ = a.loop().Sweep(context.Background())
			}
			for range 50 {
				if _, again, _ := a.loop().Receive(context.Background(), []Announcement{message(r)}); len(again) == 0 {
					break
				}
			}
		}
		flaky = false
		a.now = a.now.Add(time.Hour) // claims of runs that died have lapsed
		a.sweep(t)
		assert.Empty(t, a.openIDs())
		for id := range uploads {
			assert.Equal(t, recording.Catalogued, a.entries[id].State)
		}
		for _, where := range []string{"topic", "bus"} {
			ids := map[string]int{}
			for _, r := range a.told[where] {
				ids[r.ID]++
			}
			assert.Len(t, ids, len(uploads))
			for id, times := range ids {
				// A refused note of what was announced has it announced again: better twice than never.
				assert.True(t, times == 1 || faulty == "put" || faulty == "get", "%s is announced %d times", id, times)
			}
		}
	})
}

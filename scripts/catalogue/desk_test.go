package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// cloud is a catalogue, a bucket and a queue.
type cloud struct {
	entries []recording.Entry
	sent    []recording.Recording
	asked   []string
}

func (c *cloud) Get(_ context.Context, id string) (recording.Entry, error) {
	for _, e := range c.entries {
		if e.ID == id {
			return e, nil
		}
	}
	return recording.Entry{}, nil
}

func (c *cloud) Day(_ context.Context, day string) ([]recording.Entry, error) {
	c.asked = append(c.asked, day)
	var entries []recording.Entry
	for _, e := range c.entries {
		if e.Start.Format(time.DateOnly) == day {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

func (c *cloud) Link(_ context.Context, key string, valid time.Duration) (string, error) {
	if !strings.HasPrefix(key, recording.Prefix) {
		return "", errors.New("no such key")
	}
	return "https://bucket/" + key + "?for=" + valid.String(), nil
}

func (c *cloud) Send(_ context.Context, r recording.Recording) error {
	c.sent = append(c.sent, r)
	return r.Validate()
}

func entry(state recording.State, start time.Time) recording.Entry {
	e := recording.Entry{Version: 1, OnTopic: true, OnBus: true, Recording: recording.Recording{
		ID: recording.ID("i-1", string(state), "weekly", start), Session: string(state), Instance: "i-1", Tenant: "acme", Room: "weekly",
		Start: start, State: state, At: start,
	}}
	if state != recording.Started {
		e.End = start.Add(30 * time.Minute)
		e.Files = []recording.File{{Name: "v.mp4", Bytes: 2_500_000, CRC64NVME: "rosUhgp5mIg=", Key: e.Key("v.mp4")}}
	}
	if state == recording.Failed {
		e.Reason = "cut short"
	}
	return e
}

func newCloud() *cloud {
	return &cloud{entries: []recording.Entry{
		entry(recording.Started, noon.Add(-time.Minute)), entry(recording.Catalogued, noon.Add(-2*time.Hour)),
		entry(recording.Failed, noon.Add(-30*time.Hour)),
	}}
}

func (c *cloud) ask(arguments ...string) (string, error) {
	var out strings.Builder
	err := desk{catalogue: c, objects: c, queue: c, out: &out, now: noon}.run(context.Background(), arguments)
	return out.String(), err
}

func TestRecordingsAreListed(t *testing.T) {
	c := newCloud()
	for name, want := range map[string]struct {
		arguments []string
		lines     int
	}{
		"of today":        {[]string{"list"}, 2},
		"of a day":        {[]string{"list", "2026-11-21"}, 1},
		"of another day":  {[]string{"list", "2026-11-20"}, 0},
		"since an hour":   {[]string{"list", "--since", "1h"}, 1},
		"since two days":  {[]string{"list", "--since", "48h"}, 3},
		"since midnight":  {[]string{"list", "--since", "12h"}, 2},
		"since 30 hours":  {[]string{"list", "--since", "30h"}, 3},
		"since 29 hours":  {[]string{"list", "--since", "29h"}, 2},
		"since a minute":  {[]string{"list", "--since", "1m"}, 1},
		"since a moment ": {[]string{"list", "--since", "1s"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := c.ask(want.arguments...)
			require.NoError(t, err)
			assert.Equal(t, want.lines+1, strings.Count(out, "\n"), out)
		})
	}
	out, err := c.ask("list", "--since", "48h")
	require.NoError(t, err)
	assert.Regexp(t, `catalogued  2026-11-22 10:00:00  30m0s   2\.5 MB  "acme/weekly"`, out)
	assert.Regexp(t, `failed .*cut short\n`, out)
	assert.Regexp(t, `started .* on `, out)
}

func TestARecordingIsShown(t *testing.T) {
	c := newCloud()
	out, err := c.ask("show", c.entries[1].ID)
	require.NoError(t, err)
	assert.Contains(t, out, `"state": "catalogued"`)
}

func TestALinkIsMadeToEachFile(t *testing.T) {
	c := newCloud()
	out, err := c.ask("link", c.entries[1].ID)
	require.NoError(t, err)
	assert.Equal(t, "v.mp4\nhttps://bucket/"+c.entries[1].Files[0].Key+"?for=1h0m0s\n", out)
	out, err = c.ask("link", c.entries[1].ID, "--for", "48h")
	require.NoError(t, err)
	assert.Contains(t, out, "?for=48h0m0s")
}

func TestAFailedRecordingIsAnnouncedAgain(t *testing.T) {
	c := newCloud()
	out, err := c.ask("redrive", c.entries[2].ID)
	require.NoError(t, err)
	assert.Contains(t, out, "is queued")
	require.Len(t, c.sent, 1)
	assert.Equal(t, recording.Uploaded, c.sent[0].State)
}

func TestMistakesAreTold(t *testing.T) {
	c := newCloud()
	on, done, failed := c.entries[0].ID, c.entries[1].ID, c.entries[2].ID
	for name, want := range map[string]struct {
		arguments []string
		told      string
	}{
		"no command":                        {nil, "no command"},
		"an unknown command":                {[]string{"delete", done}, "unknown command delete"},
		"no ID":                             {[]string{"show"}, "show takes the ID"},
		"an ID that is not there":           {[]string{"show", done + "x"}, "there is no recording"},
		"two IDs":                           {[]string{"show", done, failed}, "show takes one ID"},
		"a day that is none":                {[]string{"list", "yesterday"}, "yesterday is no day"},
		"a time that is none":               {[]string{"list", "--since", "2d"}, "--since 2d"},
		"a time that is too long":           {[]string{"list", "--since", "99999h"}, "ten years"},
		"too much":                          {[]string{"list", "a", "b", "c"}, "list takes a day"},
		"a link to what is not in S3":       {[]string{"link", on}, "is not in S3: it is started"},
		"a link to what failed":             {[]string{"link", failed}, "it is failed cut short"},
		"a link for longer than S3 allows":  {[]string{"link", done, "--for", "200h"}, "up to seven days"},
		"a link with another option":        {[]string{"link", done, "--until", "1h"}, "--for"},
		"a redrive of what is done":         {[]string{"redrive", done}, "nothing left to do"},
		"a redrive of what never was there": {[]string{"redrive", on}, "never began to upload"},
		"a redrive of two":                  {[]string{"redrive", failed, on}, "takes one ID"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.ask(want.arguments...)
			assert.ErrorContains(t, err, want.told)
			assert.Empty(t, c.sent)
		})
	}
}

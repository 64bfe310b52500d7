package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// desk answers an operator.
type desk struct {
	catalogue interface {
		Get(ctx context.Context, id string) (recording.Entry, error)
		Day(ctx context.Context, day string) ([]recording.Entry, error)
	}
	objects interface {
		Link(ctx context.Context, key string, valid time.Duration) (string, error)
	}
	queue interface {
		Send(ctx context.Context, r recording.Recording) error
	}
	out io.Writer
	now time.Time
}

// longestLink is how long a link of S3 can be valid; one that is signed with a role's credentials ends with them.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
const longestLink = 7 * 24 * time.Hour

// longestList bounds --since: each day is a question to the table.
const longestList = 3660 * 24 * time.Hour

func (d desk) run(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("no command: it must be list, show, link or redrive")
	}
	command, rest := arguments[0], arguments[1:]
	if command == "list" {
		return d.list(ctx, rest)
	}
	commands := map[string]func(context.Context, recording.Entry, []string) error{"show": d.show, "link": d.link, "redrive": d.redrive}
	do, known := commands[command]
	if !known {
		return fmt.Errorf("unknown command %s: it must be list, show, link or redrive", command)
	}
	if len(rest) == 0 {
		return fmt.Errorf("%s takes the ID of one recording, as list shows it", command)
	}
	e, err := d.catalogue.Get(ctx, rest[0])
	if err != nil {
		return err
	}
	if e.Version == 0 {
		return fmt.Errorf("there is no recording %s in the catalogue", rest[0])
	}
	return do(ctx, e, rest[1:])
}

// list shows the recordings of a day, of a time until now, or of today.
func (d desk) list(ctx context.Context, arguments []string) error {
	from, until, err := d.period(arguments)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tSTATE\tSTART\tLENGTH\tSIZE\tROOM\tNOTE")
	for day := from.Truncate(24 * time.Hour); day.Before(until); day = day.AddDate(0, 0, 1) {
		entries, err := d.catalogue.Day(ctx, day.Format(time.DateOnly))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !e.Start.Before(from) && e.Start.Before(until) {
				line(table, e)
			}
		}
	}
	return table.Flush()
}

func (d desk) period(arguments []string) (from, until time.Time, err error) {
	today := d.now.UTC().Truncate(24 * time.Hour)
	switch {
	case len(arguments) == 0:
		return today, today.AddDate(0, 0, 1), nil
	case len(arguments) == 2 && arguments[0] == "--since":
		ago, err := time.ParseDuration(arguments[1])
		if err != nil || ago <= 0 || ago > longestList {
			return from, until, fmt.Errorf("--since %s: it must be a time up to ten years, such as 36h", arguments[1])
		}
		return d.now.UTC().Add(-ago), d.now.UTC().Add(time.Second), nil
	case len(arguments) == 1:
		day, err := time.Parse(time.DateOnly, arguments[0])
		if err != nil {
			return from, until, fmt.Errorf("%s is no day: write it as 2026-11-22, in UTC", arguments[0])
		}
		return day, day.AddDate(0, 0, 1), nil
	}
	return from, until, errors.New("list takes a day, or --since and a time, or nothing for today")
}

func line(w io.Writer, e recording.Entry) {
	length := "on"
	if !e.End.IsZero() {
		length = e.End.Sub(e.Start).Round(time.Second).String()
	}
	room := e.Room
	if e.Tenant != "" {
		room = e.Tenant + "/" + room
	}
	note := e.Reason
	if note == "" {
		note = e.CutShort
	}
	_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.1f MB\t%q\t%s\n", e.ID, e.State, e.Start.Format(time.DateTime), length, float64(e.Bytes())/1e6, room, note)
}

func (d desk) show(_ context.Context, e recording.Entry, more []string) error {
	if len(more) > 0 {
		return errors.New("show takes one ID")
	}
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("recording %s has no JSON: %w", e.ID, err)
	}
	_, err = fmt.Fprintln(d.out, string(text))
	return err
}

// link prints a link to each file.
func (d desk) link(ctx context.Context, e recording.Entry, more []string) error {
	valid := time.Hour
	if len(more) > 0 {
		var err error
		if len(more) != 2 || more[0] != "--for" {
			return errors.New("link takes one ID, and --for with a time")
		}
		if valid, err = time.ParseDuration(more[1]); err != nil || valid < time.Second || valid > longestLink {
			return fmt.Errorf("--for %s: it must be a time up to seven days, such as 1h", more[1])
		}
	}
	if !e.State.Reached(recording.Uploaded) {
		return fmt.Errorf("recording %s is not in S3: it is %s", e.ID, strings.TrimSpace(string(e.State)+" "+e.Reason))
	}
	for _, f := range e.Files {
		address, err := d.objects.Link(ctx, f.Key, valid)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(d.out, "%s\n%s\n", f.Name, address)
	}
	return nil
}

// redrive has the Lambda recordings look for a recording in S3 again, as if its recorder had just announced it.
func (d desk) redrive(ctx context.Context, e recording.Entry, more []string) error {
	switch {
	case len(more) > 0:
		return errors.New("redrive takes one ID")
	case e.State == recording.Catalogued && e.Settled():
		return fmt.Errorf("recording %s is catalogued and announced: there is nothing left to do", e.ID)
	case !e.Verifiable():
		return fmt.Errorf("recording %s cannot be looked for in S3: its recorder never began to upload it (it is %s)", e.ID, e.State)
	}
	r := e.Recording
	r.State, r.Reason, r.At = recording.Uploaded, "", d.now.UTC()
	if err := d.queue.Send(ctx, r); err != nil {
		return err
	}
	_, err := fmt.Fprintf(d.out, "%s is queued: its files are looked for in S3 within seconds; see the outcome with show\n", e.ID)
	return err
}

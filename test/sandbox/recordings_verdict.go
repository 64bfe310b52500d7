package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud/objects"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
	"github.com/jitsi-fleet/jitsi-fleet/test/standin"
)

// recordingsReport is what became of recordings. Times are seconds on the wall.
type recordingsReport struct {
	Asked      int            `json:"asked"`
	Refused    int            `json:"refused"` // times that a moderator was, and pressed again
	Began      int            `json:"began"`
	Streamed   int            `json:"streamed"`
	Finished   int            `json:"finished"` // with media on a disk, whatever became of it
	Catalogued int            `json:"catalogued"`
	CutShort   int            `json:"cutShort"` // of those, since their encoders stalled
	Lost       int            `json:"lost"`     // with their machines
	Objects    int            `json:"objects"`
	InParts    int            `json:"objectsInParts"` // that were uploaded in parts
	Announced  int            `json:"announced"`      // ends, of which each may be told more than once
	Doubled    int            `json:"doubled"`        // announcements beyond the first of the same end
	Calls      int            `json:"refusedCalls"`   // of AWS, by the scenario's faults
	ByShard    map[string]int `json:"byShard"`        // sessions
	// From the pressed button to the recording's entry in the catalogue, seen in steps of catalogueStep.
	KnownMedian  float64 `json:"knownMedianSeconds"`
	KnownLongest float64 `json:"knownLongestSeconds"`
	// From the last thing that took a recorder to as many free ones as wanted.
	Dips      int     `json:"dips"`
	ShortFor  float64 `json:"shortLongestSeconds"` // the longest dip as a whole, with all that were taken in it
	FreeAgain float64 `json:"freeAgainLongestSeconds"`
	Settled   float64 `json:"settledSeconds"` // after the scenario's end
}

// ended is one announcement of a recording's end on the bus.
type ended struct {
	Kind      string
	Recording recording.Recording
}

// recordingsEvidence is what the verdict on recordings is drawn from.
type recordingsEvidence struct {
	asked    []asked
	sessions []standin.Session
	entries  []recording.Entry
	objects  map[string]recording.Object // by key
	inParts  int                         // of the objects
	ends     []ended
	spooled  []string
	free     int
	wanted   int
	serving  []fleet.InstanceID // recorders in service at the end
	shards   []string
	faults   []fault
	known    map[string]time.Time // since when sessions were seen in the catalogue
	pool     poolWatch
	bootTime time.Duration // of a recorder, on the wall
	calls    int
	late     time.Duration // until everything had settled, or was given up
	open     string        // what had not settled
}

// victims are the recorders that a kind of fault befell.
func (e *recordingsEvidence) victims(kind scenario.FaultKind) []fleet.InstanceID {
	var ids []fleet.InstanceID
	for _, f := range e.faults {
		if f.Kind == kind && f.begun {
			ids = append(ids, f.victim)
		}
	}
	return ids
}

// recordingsEvidence asks everything that knows of recordings; nil without recorders.
func (p *performance) recordingsEvidence(ctx context.Context) (*recordingsEvidence, error) {
	s := p.stage
	if s.settings.Jibris.Max == 0 {
		return nil, nil
	}
	cfg, err := s.aws(ctx)
	if err != nil {
		return nil, err
	}
	e := &recordingsEvidence{
		asked: p.asked, sessions: s.world.Sessions(), objects: map[string]recording.Object{}, ends: s.journal.ends(), spooled: s.spooled(),
		free: s.freeRecorders(), wanted: s.wantedFree(), serving: s.inService(), faults: p.pending, known: p.catalogued.all(), pool: p.pool,
		bootTime: s.clock.Scale(s.settings.Jibris.BootTime.D()), calls: s.cloud.Refused(), late: p.settledAfter, open: p.unsettled,
	}
	for _, shard := range s.settings.Shards {
		e.shards = append(e.shards, shard.Name)
	}
	catalogue := awscloud.Catalogue{Client: dynamodb.NewFromConfig(cfg), Table: s.kept().Catalogue}
	for day := p.began.Add(-24 * time.Hour); !day.After(time.Now().Add(24 * time.Hour)); day = day.Add(24 * time.Hour) {
		entries, err := catalogue.Day(ctx, day.UTC().Format(time.DateOnly))
		if err != nil {
			return nil, err
		}
		e.entries = append(e.entries, entries...)
	}
	return e, e.readBucket(ctx, s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }), objects.NewBucket(cfg, s.kept().Bucket))
}

func (e *recordingsEvidence) readBucket(ctx context.Context, client *s3.Client, bucket objects.Bucket) error {
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String(bucket.Name), Prefix: aws.String(recording.Prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			if strings.Contains(aws.ToString(o.ETag), "-") { // "-" and the number of parts
				e.inParts++
			}
			if e.objects[aws.ToString(o.Key)], err = bucket.Head(ctx, aws.ToString(o.Key)); err != nil {
				return err
			}
		}
	}
	return nil
}

// judgeRecordings holds that every recording that was made is in S3 as it was on the disk, in the catalogue and
// announced, once; that none was cut but those whose machines were taken away or whose encoders stalled; that streams
// went on to their ends and left nothing; and that the pool is as it was.
func (r *result) judgeRecordings(e *recordingsEvidence) {
	if e == nil {
		return
	}
	report := &recordingsReport{Asked: len(e.asked), Objects: len(e.objects), InParts: e.inParts, Calls: e.calls,
		ByShard: map[string]int{}, Settled: e.late.Seconds()}
	r.Recordings = report
	told := len(e.ends)
	e.ends = distinct(e.ends)
	report.Announced, report.Doubled = len(e.ends), told-len(e.ends)
	if e.open != "" {
		r.fail("%.0f s after the scenario's end it was not settled: %s", e.late.Seconds(), e.open)
	}
	for _, a := range e.asked {
		report.Refused += a.refused
		if a.began {
			report.Began++
		} else {
			r.fail("the recording of %s never began: %d tries, at last: %v", a.Room, a.refused, a.why)
		}
	}
	for _, s := range e.sessions {
		report.ByShard[s.Shard]++
		r.judgeSession(e, s)
	}
	r.judgeStrangers(e)
	if n := len(e.spooled); n > 0 {
		r.fail("%d files are left on the recorders' disks, first: %s", n, e.spooled[0])
	}
	r.judgeParts(e)
	r.judgeKnown(e)
	r.judgePool(e)
}

// judgeSession judges one recording or stream.
func (r *result) judgeSession(e *recordingsEvidence, s standin.Session) {
	lost := slices.Contains(e.victims(scenario.LoseRecorder), s.Jibri) && s.Cut != ""
	stalled := slices.Contains(e.victims(scenario.StallEncoder), s.Jibri) && s.Cut != ""
	switch {
	case s.Ended.IsZero():
		r.fail("the recording of %s on %s still goes on", s.Room, s.Jibri)
		return
	case s.Cut != "" && !lost && !stalled:
		r.fail("the recording of %s on %s was killed: %s", s.Room, s.Jibri, s.Cut)
		return
	case s.Stream:
		r.Recordings.Streamed++
		return
	case s.Bytes == 0:
		return // nothing to bring anywhere
	}
	r.Recordings.Finished++
	own, ends := e.of(s)
	if len(own) != 1 || len(ends) != 1 {
		r.fail("the recording of %s on %s (%s) has %d entries in the catalogue and %d announcements", s.Room, s.Jibri, s.ID, len(own), len(ends))
		return
	}
	if lost {
		r.judgeLost(s, own[0], ends[0])
		return
	}
	if err := whole(s, own[0], e.objects, stalled); err != nil {
		r.fail("the recording of %s on %s: %v", s.Room, s.Jibri, err)
		return
	}
	if ends[0].Kind != reconcile.EventRecordingCatalogued {
		r.fail("the recording of %s on %s was announced as %q", s.Room, s.Jibri, ends[0].Kind)
		return
	}
	r.Recordings.Catalogued++
	if stalled {
		r.Recordings.CutShort++
	}
}

// distinct are announcements without those that tell the same end of the same recording again, which whoever hears them
// tells apart by the recording's id and the kind: SNS, EventBridge and the Lambda each may send one twice.
func distinct(ends []ended) []ended {
	type end struct{ id, kind string }
	seen := map[end]bool{}
	return slices.DeleteFunc(slices.Clone(ends), func(e ended) bool {
		key := end{e.Recording.ID, e.Kind}
		defer func() { seen[key] = true }()
		return seen[key]
	})
}

// of are the catalogue's entries and the announcements of a session.
func (e *recordingsEvidence) of(s standin.Session) (own []recording.Entry, ends []ended) {
	for _, entry := range e.entries {
		if entry.Session == s.ID && entry.Instance == s.Jibri {
			own = append(own, entry)
		}
	}
	for _, end := range e.ends {
		if end.Recording.Session == s.ID && end.Recording.Instance == s.Jibri {
			ends = append(ends, end)
		}
	}
	return own, ends
}

// judgeLost holds that a recording whose machine was taken away is announced as such.
func (r *result) judgeLost(s standin.Session, entry recording.Entry, end ended) {
	r.Recordings.Lost++
	if entry.State != recording.Failed || entry.Reason == "" || end.Kind != reconcile.EventRecordingFailed {
		r.fail("the recording of %s, whose machine %s was taken away, is %q in the catalogue, because %q, and was announced as %q", s.Room, s.Jibri, entry.State, entry.Reason, end.Kind)
	}
}

// whole says what is wrong with a recording that is to be in S3 as Jibri wrote it. One whose encoder stalled has all that
// it wrote, and must be said to be cut short.
func whole(s standin.Session, entry recording.Entry, inBucket map[string]recording.Object, stalled bool) error {
	if entry.State != recording.Catalogued || (entry.CutShort != "") != stalled {
		return fmt.Errorf("it is %q in the catalogue, because %q, and cut short because %q", entry.State, entry.Reason, entry.CutShort)
	}
	if entry.Room != s.Room {
		return fmt.Errorf("it is of %q in the catalogue", entry.Room)
	}
	n := slices.IndexFunc(entry.Files, func(f recording.File) bool { return f.Name == s.File })
	if n < 0 {
		return fmt.Errorf("%s is not in its entry", s.File)
	}
	if f := entry.Files[n]; f.Bytes != s.Bytes || f.CRC64NVME != s.Checksum {
		return fmt.Errorf("%s has %d bytes and checksum %s in the catalogue; %d and %s were recorded", s.File, f.Bytes, f.CRC64NVME, s.Bytes, s.Checksum)
	}
	for _, f := range entry.Files {
		if err := f.Holds(inBucket[f.Key]); err != nil {
			return err
		}
	}
	return nil
}

// judgeStrangers holds that there is nothing in the bucket that is in no entry, and no entry of no recording.
func (r *result) judgeStrangers(e *recordingsEvidence) {
	keys := map[string]bool{}
	for _, entry := range e.entries {
		if !slices.ContainsFunc(e.sessions, func(s standin.Session) bool { return s.ID == entry.Session && s.Jibri == entry.Instance }) {
			r.fail("the catalogue's %s is of no recording that was made", entry.ID)
		}
		for _, f := range entry.Files {
			keys[f.Key] = true
		}
	}
	for key := range e.objects {
		if !keys[key] {
			r.fail("the bucket's %s is in no entry of the catalogue", key)
		}
	}
}

// success is what a good run's last line says of recordings.
func (r *recordingsReport) success() string {
	if r == nil {
		return ""
	}
	return ", every recording made is in S3 as it was recorded, in the catalogue and announced, none was killed but those whose machines were taken away or whose encoders stalled, and as many recorders are free as before"
}

func (r *recordingsReport) tell(out *progress) {
	if r == nil {
		return
	}
	out.line("recordings: %d asked for, %d began, %d refused at first; %d made, of which %d are in S3, catalogued and announced as they were recorded (%d of them cut short by their encoders), and %d were lost with their machines; %d streams",
		r.Asked, r.Began, r.Refused, r.Finished, r.Catalogued, r.CutShort, r.Lost, r.Streamed)
	out.line("%d objects, %d of them in parts, %d ends announced, %d of them twice; %d calls of AWS were refused by the scenario; sessions by shard: %v", r.Objects, r.InParts, r.Announced, r.Doubled, r.Calls, r.ByShard)
	out.line("from the button to the catalogue: %s (median) to %s; from what last took a recorder to as many free as wanted: %s at most, in %d dips of up to %s; settled %s after the end",
		secondsText(r.KnownMedian), secondsText(r.KnownLongest), secondsText(r.FreeAgain), r.Dips, secondsText(r.ShortFor), secondsText(r.Settled))
}

package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud/objects"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/spool"
)

var (
	_ spool.Store         = objects.Bucket{}
	_ spool.Announcer     = awscloud.Queue{}
	_ reconcile.Objects   = objects.Bucket{}
	_ reconcile.Catalogue = awscloud.Catalogue{}
	_ reconcile.Announcer = awscloud.Topic{}
)

func newObjects(t *testing.T, at aws.Config) objects.Bucket {
	o := objects.NewBucket(at, fresh("recordings"))
	_, err := o.Client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(o.Name)})
	require.NoError(t, err)
	return o
}

func file(t *testing.T, key string, size int) (recording.File, []byte) {
	content := make([]byte, size)
	dice := rand.NewChaCha8([32]byte{byte(size)})
	_, _ = dice.Read(content)
	sum, n, err := spool.Checksum(t.Context(), bytes.NewReader(content))
	require.NoError(t, err)
	return recording.File{Name: "v.mp4", Bytes: n, CRC64NVME: sum, Key: key}, content
}

func TestTheChecksumIsS3s(t *testing.T) {
	// https://reveng.sourceforge.io/crc-catalogue/all.htm#crc.cat.crc-64-nvme: check=0xae8b14860a799888
	sum, n, err := spool.Checksum(t.Context(), bytes.NewReader([]byte("123456789")))
	require.NoError(t, err)
	assert.Equal(t, int64(9), n)
	assert.Equal(t, "rosUhgp5mIg=", sum)
}

func TestAFileInS3IsWhatItWasOnTheDisk(t *testing.T) {
	for name, size := range map[string]int{
		"empty": 0, "small": 1 << 10, "a part to the byte": 16 << 20, "several parts and a rest": 40<<20 + 12345,
	} {
		t.Run(name, func(t *testing.T) {
			o := newObjects(t, fronted())
			f, content := file(t, "recordings/2026/11/22/-/größe +&=-0123456789ab/v.mp4", size)
			sum, err := o.Upload(t.Context(), f, bytes.NewReader(content))
			require.NoError(t, err)
			assert.Equal(t, f.CRC64NVME, sum)
			object, err := o.Head(t.Context(), f.Key)
			require.NoError(t, err)
			require.NoError(t, f.Holds(object))
			link, err := o.Link(t.Context(), f.Key, time.Hour)
			require.NoError(t, err)
			answer, err := http.Get(link)
			require.NoError(t, err)
			defer answer.Body.Close()
			got, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(content, got), "the link gives the file")
		})
	}
}

func TestAnObjectThatIsNotThereIsNoError(t *testing.T) {
	o := newObjects(t, fronted())
	object, err := o.Head(t.Context(), "recordings/none")
	require.NoError(t, err)
	assert.False(t, object.Found)
	o.Client = objects.NewBucket(nowhere(), o.Name).Client
	_, err = o.Head(t.Context(), "recordings/none")
	require.Error(t, err, "silence proves nothing")
	f, content := file(t, "recordings/none", 10)
	_, err = o.Upload(t.Context(), f, bytes.NewReader(content))
	assert.Error(t, err)
}

func TestAFileThatIsNotWhatItsChecksumSaysIsNotTaken(t *testing.T) {
	for name, size := range map[string]int{"small": 1 << 10, "in parts": 20 << 20} {
		t.Run(name, func(t *testing.T) {
			o := newObjects(t, fronted())
			f, content := file(t, "recordings/wrong", size)
			content[size/2] ^= 1
			_, err := o.Upload(t.Context(), f, bytes.NewReader(content))
			require.ErrorContains(t, err, "BadDigest")
			object, err := o.Head(t.Context(), f.Key)
			require.NoError(t, err)
			assert.False(t, object.Found)
		})
	}
}

func newCatalogue(t *testing.T, at aws.Config) awscloud.Catalogue {
	c := awscloud.Catalogue{Client: dynamodb.NewFromConfig(at), Table: fresh("catalogue")}
	_, err := c.Client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String(c.Table), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("day"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("day"), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String("id"), KeyType: types.KeyTypeRange},
		},
	})
	require.NoError(t, err)
	return c
}

func newRecording(session string, start time.Time) recording.Recording {
	return recording.Recording{
		ID: recording.ID("i-1", session, "weekly", start), Session: session, Instance: "i-1", Room: "weekly", Start: start,
		State: recording.Started, At: start,
	}
}

func TestAnEntryIsOpenUntilItIsSettled(t *testing.T) {
	c := newCatalogue(t, fronted())
	r := newRecording("abc", noon)
	none, err := c.Get(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Zero(t, none.Version)
	e, _ := none.Learn(r)
	put := func(e recording.Entry, want bool) {
		t.Helper()
		ok, err := c.Put(t.Context(), e)
		require.NoError(t, err)
		assert.Equal(t, want, ok)
	}
	put(e, true)
	put(e, false)
	e, err = c.Get(t.Context(), r.ID)
	require.NoError(t, err)
	assert.Equal(t, r, e.Recording)
	open, err := c.Open(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{r.ID}, open)
	e, _ = e.Advance(recording.Failed, noon, "tried")
	e.OnTopic, e.OnBus = true, true
	put(e, true)
	open, err = c.Open(t.Context())
	require.NoError(t, err)
	assert.Empty(t, open)
	day, err := c.Day(t.Context(), noon.Format(time.DateOnly))
	require.NoError(t, err)
	require.Len(t, day, 1)
	assert.Equal(t, recording.Failed, day[0].State)
	_, err = c.Get(t.Context(), "weekly")
	assert.ErrorContains(t, err, "is no recording's ID")
}

func TestOfManyWritersOfOneVersionOneSucceeds(t *testing.T) {
	c := newCatalogue(t, fronted())
	e, _ := recording.Entry{}.Learn(newRecording("abc", noon))
	for version := range int64(5) {
		var mu sync.Mutex
		var all sync.WaitGroup
		won := 0
		for range 8 {
			all.Go(func() {
				mine := e
				mine.Version = version
				ok, err := c.Put(context.Background(), mine)
				mu.Lock()
				defer mu.Unlock()
				assert.NoError(t, err)
				if ok {
					won++
				}
			})
		}
		all.Wait()
		assert.Equal(t, 1, won)
	}
}

func TestAnAnnouncementArrivesAsItWasSent(t *testing.T) {
	client := sqs.NewFromConfig(fronted())
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(fresh("recordings"))})
	require.NoError(t, err)
	q := awscloud.Queue{Client: client, URL: aws.ToString(made.QueueUrl)}
	r := newRecording("abc", noon)
	r.Metadata = json.RawMessage(`{"share":true}`)
	require.NoError(t, q.Send(t.Context(), r))
	out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: made.QueueUrl, WaitTimeSeconds: 1})
	require.NoError(t, err)
	require.Len(t, out.Messages, 1)
	got, err := recording.Parse([]byte(aws.ToString(out.Messages[0].Body)))
	require.NoError(t, err)
	assert.Equal(t, r, got)
	q.URL += "-none"
	assert.Error(t, q.Send(t.Context(), r))
}

func TestTheTopicTakesAnAnnouncement(t *testing.T) {
	client := sns.NewFromConfig(plain())
	made, err := client.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String(fresh("recordings"))})
	require.NoError(t, err)
	topic := awscloud.Topic{Client: client, ARN: aws.ToString(made.TopicArn), Fleet: "meet"}
	require.NoError(t, topic.Announce(t.Context(), reconcile.EventRecordingFailed, newRecording("abc", noon)))
	topic.ARN += "-none"
	assert.Error(t, topic.Announce(t.Context(), reconcile.EventRecordingFailed, nil))
}

func TestARecordingGoesFromADiskToTheCatalogue(t *testing.T) {
	queues, topics := sqs.NewFromConfig(fronted()), sns.NewFromConfig(plain())
	made, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(fresh("recordings"))})
	require.NoError(t, err)
	topic, err := topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String(fresh("recordings"))})
	require.NoError(t, err)
	objects, catalogue := newObjects(t, fronted()), newCatalogue(t, fronted())
	disk := t.TempDir()
	session := filepath.Join(disk, "abc")
	require.NoError(t, os.Mkdir(session, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(session, "weekly_2026-11-22-09-03-12.mp4"), make([]byte, 17<<20), 0o600))
	_, err = spool.Finalize(session, "i-1", "", time.Now())
	require.NoError(t, err)
	log := slog.New(slog.DiscardHandler)
	spooled, err := spool.New(spool.Config{
		Folder: disk, Instance: "i-1", Store: objects, Queue: awscloud.Queue{Client: queues, URL: aws.ToString(made.QueueUrl)},
		Busy: func(string) bool { return false }, Poll: 10 * time.Millisecond, Quiet: time.Minute, Now: time.Now, Log: log,
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); spooled.Run(ctx) }()
	require.Eventually(t, func() bool { return spooled.Load().Recordings == 0 }, 30*time.Second, 20*time.Millisecond)
	stop()
	<-ended
	loop := reconcile.Recordings{
		Env: settings.RecordingsEnv{Fleet: "meet", LateAfter: time.Hour}, Catalogue: catalogue, Objects: objects,
		Machines: awscloud.Machines{Client: ec2.NewFromConfig(fronted())}, Log: log, Now: time.Now,
		Topic: awscloud.Topic{Client: topics, ARN: aws.ToString(topic.TopicArn), Fleet: "meet"},
		Bus:   awscloud.Bus{Client: eventbridge.NewFromConfig(fronted()), Fleet: "meet"},
	}
	var id string
	for id == "" {
		out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: made.QueueUrl, MaxNumberOfMessages: 10})
		require.NoError(t, err)
		for _, m := range out.Messages {
			_, again, err := loop.Receive(t.Context(), []reconcile.Announcement{{Message: "m", Body: []byte(aws.ToString(m.Body))}})
			require.NoError(t, err)
			assert.Empty(t, again)
			r, err := recording.Parse([]byte(aws.ToString(m.Body)))
			require.NoError(t, err)
			if r.State == recording.Uploaded {
				id = r.ID
			}
		}
	}
	e, err := catalogue.Get(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, recording.Catalogued, e.State)
	assert.True(t, e.Settled())
	_, err = loop.Sweep(t.Context())
	require.NoError(t, err)
	left, err := os.ReadDir(disk)
	require.NoError(t, err)
	assert.Len(t, left, 1, "only the spool's own folder")
}

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

// recorderCauses are what goes wrong with recorders.
func recorderCauses() []cause {
	return []cause{
		{
			name: "a recording begins", alarms: []string{"jibris-missing"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				return g.recording(ctx, 1, ending())
			},
		},
		{
			name: "more recordings than the pool may have", alarms: []string{"jibris-at-maximum", "no-free-jibri"}, tells: []string{"recorders-short"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				return g.recording(ctx, mostRecorders, ending())
			},
		},
		{
			name: "EC2 has no capacity for recorders", alarms: []string{"jibris-pending"}, tells: []string{"recorders-short"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				return g.recording(ctx, 1, ending(g.stage.cloud.Disturb(emulator.Trouble{Services: []string{"ec2"}, Action: "RunInstances", Callers: []string{g.group(fleet.RoleJibri)}})))
			},
		},
		{
			name: "the recorders' image is broken", alarms: []string{"jibri-launches-fail"}, tells: []string{"recorders-short"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				g.stage.machines.breakImage(fleet.RoleJibri)
				return g.recording(ctx, 1, ending(func() { g.stage.machines.breakImage("") }))
			},
		},
		{
			name: "a recorder's Chrome hangs whatever its agent does", alarms: []string{"jibris-unhealthy"}, tells: []string{"recorders-ailing"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				ctx, cancel := context.WithCancel(ctx)
				id := fleet.InstanceID(g.serving(fleet.RoleJibri)[0])
				done := make(chan struct{})
				go func() {
					defer close(done)
					for pace.Wait(ctx, glanceAtAlarms) == nil {
						g.stage.world.SickenJibri(id)
					}
				}()
				return ending(func() { cancel(); <-done; g.stage.world.CrashJibri(id) }), nil
			},
		},
	}
}

// recordingCauses are what goes wrong with recordings.
func recordingCauses() []cause {
	return []cause{
		{
			name: "S3 takes no recording", alarms: []string{"spool-stuck", "uploads-fail", "recordings-late"}, tells: []string{"recordings-stuck"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				end := g.stage.cloud.Disturb(emulator.Trouble{Services: []string{"s3"}, Callers: g.serving(fleet.RoleJibri)})
				stop, err := g.recording(ctx, 1, ending())
				if err != nil {
					return nil, err
				}
				return ending(end), errors.Join(pace.Wait(ctx, 3*time.Second), stop(ctx))
			},
		},
		{
			name: "EC2 loses a recorder in the middle of a recording", alarms: []string{"recordings-failed"}, tells: []string{"recordings-failed"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				rooms, err := g.crowd(1, 2)
				if err != nil {
					return nil, err
				}
				id, err := g.record(ctx, "crowd-0")
				if err != nil {
					return nil, err
				}
				err = lookUntil(ctx, glanceAtAlarms, longestDrive, "the catalogue knows of the recording", g.open)
				return ending(func() { g.leave(rooms, 0) }), errors.Join(err, g.stage.loseRecorder(id))
			},
		},
		{
			name: "an announcement that nobody can read", alarms: []string{"recordings-undelivered-not-empty"}, tells: []string{"recordings-stuck"},
			begin: poison,
		},
		{
			name: "somebody forgot to stop a recording", alarms: []string{"jibris-overdue"}, tells: []string{"recorders-ailing"},
			begin: func(ctx context.Context, g *ground) (func(context.Context) error, error) {
				stop, err := g.recording(ctx, 1, ending())
				if err != nil {
					return nil, err
				}
				return stop, pace.Wait(ctx, g.stage.clock.Scale(g.stage.settings.Jibris.RecordingLimit.D()))
			},
		},
	}
}

// recording has so many meetings recorded until the end.
func (g *ground) recording(ctx context.Context, meetings int, end func(context.Context) error) (func(context.Context) error, error) {
	rooms, err := g.crowd(meetings, 2)
	if err != nil {
		return nil, err
	}
	for n := range meetings {
		if _, err := g.record(ctx, fmt.Sprintf("crowd-%d", n)); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) error {
		failed := []error{end(ctx)}
		for n := range meetings {
			failed = append(failed, g.stage.world.StopRecording(fmt.Sprintf("crowd-%d", n)))
		}
		g.leave(rooms, 0)
		return errors.Join(failed...)
	}, nil
}

// open reports whether the catalogue has a recording that is on, by the last figure of it.
func (g *ground) open() bool {
	last, known := g.stage.cloud.Metrics().Latest(metrics.Series{Namespace: telemetry.Namespace, Name: telemetry.RecordingsOpen.Name,
		Dimensions: map[string]string{telemetry.DimensionFleet: g.stage.settings.Fleet}})
	return known && last.Value >= 1
}

// record has a room recorded, and returns by which recorder once it is.
func (g *ground) record(ctx context.Context, room string) (id string, err error) {
	session := ""
	err = lookUntil(ctx, glanceAtAlarms, longestDrive, "room "+room+" is recorded", func() bool {
		if session == "" {
			if session, err = g.stage.world.Record(room); err != nil {
				session = ""
				return false
			}
		}
		for _, j := range g.stage.world.Jibris() {
			if j.Session == session && j.Recording {
				id = string(j.ID)
			}
		}
		return id != ""
	})
	return id, err
}

// poison sends an announcement that nobody can read. Its tries are cut from most of a day to a few.
func poison(ctx context.Context, g *ground) (func(context.Context) error, error) {
	client := sqs.NewFromConfig(g.aws)
	address, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(g.full("recordings"))})
	if err != nil {
		return nil, err
	}
	dead := fmt.Sprintf("arn:aws:sqs:%s:%s:%s", region, account, g.full("recordings-undelivered"))
	_, err = client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: address.QueueUrl,
		Attributes: map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":3}`, dead)}})
	if err != nil {
		return nil, err
	}
	_, err = client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: address.QueueUrl, MessageBody: aws.String(`{"recording": 7`)})
	return func(ctx context.Context) error { return g.purge(ctx, "recordings-undelivered") }, err
}

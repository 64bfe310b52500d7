package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud/objects"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/spool"
	"github.com/jitsi-fleet/jitsi-fleet/test/moto"
)

// bucket is where the measured uploads go.
const bucket = "measured"

// uploads compares the agent's upload of one recording, its checksum included, with "aws s3 cp" of the same file to the
// same moto, in turns.
func uploads(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("upload", flag.ContinueOnError)
	size := flags.Int64("megabytes", 256, "size of the file")
	runs := flags.Int("runs", 5, "how often it is uploaded each way")
	program := flags.String("moto", "moto_server", "moto's program")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *size < 1 || *runs < 1 {
		return errors.New("no upload: name 1 or more megabytes and runs")
	}
	folder, err := os.MkdirTemp("", "upload")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	path := filepath.Join(folder, "recording.mp4")
	if err := noise(path, *size*1_000_000); err != nil {
		return err
	}
	server, err := moto.Start(ctx, *program, nil)
	if err != nil {
		return err
	}
	defer server.Close()
	return compare(ctx, server.Address, path, *size, *runs)
}

// compare measures both ways in turns and prints the medians. Each upload replaces the object of the one before.
func compare(ctx context.Context, endpoint, path string, size int64, runs int) error {
	target := objects.NewBucket(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint), Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	}, bucket)
	if _, err := target.Client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		return err
	}
	ways := []struct {
		name   string
		who    int // whose processor time it takes
		upload func() error
		took   []float64
		cpu    []float64
	}{
		{name: "agent", who: syscall.RUSAGE_SELF, upload: func() error { return byAgent(ctx, target, path) }},
		{name: "aws s3 cp", who: syscall.RUSAGE_CHILDREN, upload: func() error { return byCLI(ctx, endpoint, path) }},
	}
	for range runs {
		for i := range ways {
			began, before := time.Now(), processor(ways[i].who)
			if err := ways[i].upload(); err != nil {
				return fmt.Errorf("%s: %w", ways[i].name, err)
			}
			ways[i].took = append(ways[i].took, time.Since(began).Seconds())
			ways[i].cpu = append(ways[i].cpu, (processor(ways[i].who) - before).Seconds())
		}
	}
	fmt.Printf("%-10s %10s %10s %12s\n", "upload", "median", "rate", "processor")
	for _, w := range ways {
		slices.Sort(w.took)
		slices.Sort(w.cpu)
		median := w.took[len(w.took)/2]
		fmt.Printf("%-10s %8.2f s %5.0f MB/s %10.2f s\n", w.name, median, float64(size)/median, w.cpu[len(w.cpu)/2])
	}
	return nil
}

func byAgent(ctx context.Context, objects objects.Bucket, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	sum, size, err := spool.Checksum(ctx, file)
	if err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = objects.Upload(ctx, recording.File{Name: "recording.mp4", Bytes: size, CRC64NVME: sum, Key: "recordings/agent.mp4"}, file)
	return err
}

func byCLI(ctx context.Context, endpoint, path string) error {
	command := exec.CommandContext(ctx, "aws", "--endpoint-url", endpoint, "s3", "cp", "--quiet", path, "s3://"+bucket+"/recordings/cli.mp4")
	command.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1")
	said, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(said))
	}
	return nil
}

// noise writes a file that no compression makes smaller, as video is.
func noise(path string, size int64) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.CopyN(file, rand.NewChaCha8([32]byte{1}), size)
	return errors.Join(err, file.Close())
}

// processor is the processor time that was used so far: of this process, or of those that it started and that ended.
func processor(who int) time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(who, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

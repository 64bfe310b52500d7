package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	transfertypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// Bucket is one bucket.
type Bucket struct {
	Client *s3.Client
	Name   string
}

// NewBucket is a bucket of a session. An endpoint that an operator names has one host name for all buckets, so that the
// bucket stands in the path there.
func NewBucket(session aws.Config, bucket string) Bucket {
	return Bucket{Name: bucket, Client: s3.NewFromConfig(session, func(o *s3.Options) {
		o.UsePathStyle = session.BaseEndpoint != nil
	})}
}

// How an upload is cut: its buffers take (partsAtOnce + 1) times partBytes of a recorder's memory. S3 takes 10,000 parts
// at most, which is 156 GiB; the transfer manager enlarges the parts of what is larger.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const (
	partBytes   = 16 << 20
	partsAtOnce = 3
	// abortWait is how long an upload that failed may take to give back its parts. What remains is the bucket's to expire.
	abortWait = 10 * time.Second
)

// Upload puts a file at its key, in parts if it is large, and returns the checksum of the whole object that S3 has
// computed. S3 refuses the object if that is not the file's.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
func (b Bucket) Upload(ctx context.Context, file recording.File, body io.ReadSeeker) (checksum string, err error) {
	transfer := transfermanager.New(b.Client, func(t *transfermanager.Options) {
		t.PartSizeBytes, t.MultipartUploadThreshold = partBytes, partBytes
		t.Concurrency, t.FailTimeout = partsAtOnce, abortWait
	})
	out, err := transfer.UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: aws.String(b.Name), Key: aws.String(file.Key), Body: body,
		ChecksumAlgorithm: transfertypes.ChecksumAlgorithm(types.ChecksumAlgorithmCrc64nvme), ChecksumType: transfertypes.ChecksumTypeFullObject,
		ChecksumCRC64NVME: aws.String(file.CRC64NVME),
	})
	if err != nil {
		return "", fmt.Errorf("S3 did not take %s: %w", file.Key, err)
	}
	return aws.ToString(out.ChecksumCRC64NVME), nil
}

// Head is what S3 says of an object; one that is not there is no error.
func (b Bucket) Head(ctx context.Context, key string) (recording.Object, error) {
	out, err := b.Client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: aws.String(b.Name), Key: aws.String(key), ChecksumMode: types.ChecksumModeEnabled,
	})
	if missing(err) {
		return recording.Object{}, nil
	}
	if err != nil {
		return recording.Object{}, fmt.Errorf("S3 does not say what is at %s: %w", key, err)
	}
	return recording.Object{Found: true, Bytes: aws.ToInt64(out.ContentLength), CRC64NVME: aws.ToString(out.ChecksumCRC64NVME)}, nil
}

// missing reports whether S3 has no such object. A HEAD has no body and so no code. Without the right to list the
// bucket S3 says 403 instead, which stays an error.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
func missing(err error) bool {
	var response *awshttp.ResponseError
	return errors.As(err, &response) && response.HTTPStatusCode() == http.StatusNotFound
}

// Link is an address at which anybody can fetch an object for a time, at most seven days.
func (b Bucket) Link(ctx context.Context, key string, valid time.Duration) (string, error) {
	request, err := s3.NewPresignClient(b.Client).PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String(b.Name), Key: aws.String(key),
	}, s3.WithPresignExpires(valid))
	if err != nil {
		return "", fmt.Errorf("no link to %s is made: %w", key, err)
	}
	return request.URL, nil
}

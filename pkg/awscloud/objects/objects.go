// Package objects reads objects of S3. It is apart from the other adapters because S3's client is large, and only the
// programs that ask S3 shall carry it.
package objects

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Store is S3, whose objects are named by their address: "s3://bucket/key".
type Store struct {
	Client *s3.Client
}

// Read reads the whole object, of at most limit bytes.
func (s Store) Read(ctx context.Context, address string, limit int64) ([]byte, error) {
	path, s3Address := strings.CutPrefix(address, "s3://")
	bucket, key, _ := strings.Cut(path, "/")
	if !s3Address || bucket == "" || key == "" {
		return nil, fmt.Errorf("%.200q is no address in S3", address)
	}
	out, err := s.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		return nil, fmt.Errorf("%s is not read: %w", address, err)
	}
	defer func() { _ = out.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(out.Body, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s is not read to its end: %w", address, err)
	case int64(len(raw)) > limit:
		return nil, fmt.Errorf("%s is not read: it is longer than %d bytes", address, limit)
	}
	return raw, nil
}

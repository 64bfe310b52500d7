package emulator

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheRightThatACallOfS3Needs(t *testing.T) {
	for name, c := range map[string]struct{ method, target, want string }{
		"an object is written":           {"PUT", "/bucket/recordings/a.mp4", "PutObject"},
		"an upload in parts begins":      {"POST", "/bucket/recordings/a.mp4?uploads", "PutObject"},
		"a part is written":              {"PUT", "/bucket/recordings/a.mp4?partNumber=1&uploadId=u", "PutObject"},
		"an upload in parts is finished": {"POST", "/bucket/recordings/a.mp4?uploadId=u", "PutObject"},
		"an upload in parts is given up": {"DELETE", "/bucket/recordings/a.mp4?uploadId=u", "AbortMultipartUpload"},
		"parts are listed":               {"GET", "/bucket/recordings/a.mp4?uploadId=u", "ListMultipartUploadParts"},
		"an object is deleted":           {"DELETE", "/bucket/recordings/a.mp4", "DeleteObject"},
		"an object is asked for":         {"HEAD", "/bucket/recordings/a.mp4", "GetObject"},
		"an object is read":              {"GET", "/bucket/recordings/a.mp4", "GetObject"},
		"a bucket is listed":             {"GET", "/bucket?list-type=2", "ListBucket"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, s3Action(httptest.NewRequest(c.method, c.target, nil)))
		})
	}
}

package emulator

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"slices"
)

// What moto 5.2.1 lacks of S3's CRC-64/NVME checksums: it stores the one that an upload states without a look at the
// bytes, and a completed multipart upload has none in its answer. Its HEAD tells the right one of a multipart upload
// only if the Python package awscrt is there, which test/requirements.txt names.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
const checksumHeader = "X-Amz-Checksum-Crc64nvme"

var nvme = crc64.MakeTable(0x9a6c9329ac4bc9b5)

// object is how a call of S3 that states a checksum is answered here; nil when it is moto's.
func (c *Cloud) object(r *http.Request, in call) func(http.ResponseWriter) {
	switch stated := r.Header.Get(checksumHeader); {
	case r.Method == http.MethodPost && r.URL.Query().Has("uploadId"):
		return func(w http.ResponseWriter) { c.complete(w, r, in, stated) }
	case r.Method == http.MethodPut && stated != "":
		return c.checked(r, in, stated)
	}
	return nil
}

// checked refuses bytes that are not those whose checksum is stated, and else leaves them to moto.
func (c *Cloud) checked(r *http.Request, in call, stated string) func(http.ResponseWriter) {
	body, err := io.ReadAll(io.LimitReader(r.Body, largest+1))
	if err != nil || len(body) > largest {
		return func(w http.ResponseWriter) {
			writeError(w, in, http.StatusBadRequest, "InvalidRequest", fmt.Sprintf("%d bytes of an object cannot be read: %v", len(body), err))
		}
	}
	sum := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crc64.Checksum(body, nvme)))
	if sum != stated {
		return func(w http.ResponseWriter) { badDigest(w, in) }
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// complete completes a multipart upload and answers with the checksum of the whole object; one that is not as stated
// is refused, and its object is not there.
func (c *Cloud) complete(w http.ResponseWriter, r *http.Request, in call, stated string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		writeError(w, in, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	answer, err := c.forward(r, body)
	if err != nil {
		c.unreachable(w, r, err)
		return
	}
	if answer.status == http.StatusOK {
		head, err := c.forward(about(r, http.MethodHead), nil)
		if err != nil {
			c.unreachable(w, r, err)
			return
		}
		sum := head.header.Get(checksumHeader)
		if stated != "" && sum != stated {
			_, _ = c.forward(about(r, http.MethodDelete), nil)
			badDigest(w, in)
			return
		}
		element := "<ChecksumCRC64NVME>" + sum + "</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType>"
		if end := bytes.LastIndex(answer.body, []byte("</")); end >= 0 && sum != "" {
			answer.body = slices.Insert(answer.body, end, []byte(element)...)
		}
	}
	w.Header().Set("Content-Type", answer.header.Get("Content-Type"))
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body)
}

// about is another call about the same object.
func about(r *http.Request, method string) *http.Request {
	other := r.Clone(r.Context())
	other.Method = method
	other.URL.RawQuery = ""
	other.Header.Set("X-Amz-Checksum-Mode", "ENABLED")
	return other
}

func badDigest(w http.ResponseWriter, in call) {
	writeError(w, in, http.StatusBadRequest, "BadDigest", "The CRC64NVME you specified did not match the calculated checksum.")
}

package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// largest is the largest body of a call that the proxy looks into; S3 is passed on unread.
const largest = 32 << 20

// call is one API call as far as the proxy understands it.
type call struct {
	key     string // access key id
	service string // as in the credential scope
	action  string // "SetDesiredCapacity"; empty when it cannot be told
	form    url.Values
	json    map[string]any
	body    []byte
	json11  bool
}

// scope finds the access key and the service in a SigV4 signature, in a header or a presigned address.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html
var scope = regexp.MustCompile(`Credential=([^/]+)/\d+/[^/]*/([^/]+)/aws4_request`)

func readCall(r *http.Request) (call, error) {
	c := call{}
	signature := r.Header.Get("Authorization")
	if signature == "" {
		signature = "Credential=" + r.URL.Query().Get("X-Amz-Credential")
	}
	if parts := scope.FindStringSubmatch(signature); parts != nil {
		c.key, c.service = parts[1], parts[2]
	}
	if c.service == "s3" {
		c.action = s3Action(r)
		return c, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, largest+1))
	if err != nil || len(body) > largest {
		return c, fmt.Errorf("body of %s %s cannot be read: %d bytes, %w", r.Method, r.URL.Path, len(body), err)
	}
	c.body = body
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch target := r.Header.Get("X-Amz-Target"); {
	case target != "":
		c.action = target[strings.LastIndex(target, ".")+1:]
		c.json11 = true
		_ = json.Unmarshal(body, &c.json) // what is no JSON is moto's to refuse
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		c.form, _ = url.ParseQuery(string(body)) // as above
		c.action = c.form.Get("Action")
	case c.service == "lambda":
		c.action = lambdaAction(r)
	case c.service == "route53":
		c.action = route53Action(r)
	}
	return c, nil
}

// text is a text of a JSON or query call.
func (c call) text(name string) string {
	if c.form != nil {
		return c.form.Get(name)
	}
	text, _ := c.json[name].(string)
	return text
}

// s3Action names the permission that a call of S3's REST API needs, for objects and buckets.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
func s3Action(r *http.Request) string {
	object := strings.Contains(strings.Trim(r.URL.Path, "/"), "/")
	upload := r.URL.Query().Has("uploadId")
	switch {
	case r.Method == http.MethodDelete && object && upload:
		return "AbortMultipartUpload"
	case r.Method == http.MethodGet && object && upload:
		return "ListMultipartUploadParts"
	case r.Method == http.MethodPut && object, r.Method == http.MethodPost && object:
		return "PutObject"
	case r.Method == http.MethodDelete && object:
		return "DeleteObject"
	case object:
		return "GetObject"
	default:
		return "ListBucket"
	}
}

func lambdaAction(r *http.Request) string {
	if strings.HasSuffix(r.URL.Path, "/invocations") {
		return "InvokeFunction"
	}
	return ""
}

func route53Action(r *http.Request) string {
	switch records := strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), "/rrset"); {
	case records && r.Method == http.MethodPost:
		return "ChangeResourceRecordSets"
	case records:
		return "ListResourceRecordSets"
	case strings.Contains(r.URL.Path, "/hostedzonesbyname"):
		return "ListHostedZonesByName"
	case strings.Contains(r.URL.Path, "/change/"):
		return "GetChange"
	case strings.Contains(r.URL.Path, "/hostedzone/"):
		return "GetHostedZone"
	default:
		return "ListHostedZones"
	}
}

// prefixes are the services whose permissions are named otherwise than their credential scope.
var prefixes = map[string]string{"monitoring": "cloudwatch", "email": "ses"}

// permission is the action as policies name it. Batch calls need the permission of what they batch.
func (c call) permission() string {
	prefix := c.service
	if other, ok := prefixes[prefix]; ok {
		prefix = other
	}
	action := c.action
	switch prefix + ":" + action {
	case "sns:PublishBatch", "sqs:SendMessageBatch", "sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch":
		action = strings.TrimSuffix(action, "Batch")
	}
	return prefix + ":" + action
}

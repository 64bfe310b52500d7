// Package ident makes and reads identifiers in the forms that AWS uses.
//
// It must not know what they identify.
package ident

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// UUID is a random identifier in the form of a UUID.
func UUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Service is the service in an ARN, "sqs"; empty when the text is no ARN.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func Service(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && parts[0] == "arn" {
		return parts[2]
	}
	return ""
}

// Last is what follows the last slash or colon: the name in the ARN or the address of a queue, topic, function
// or role without a path.
func Last(text string) string { return text[strings.LastIndexAny(text, "/:")+1:] }

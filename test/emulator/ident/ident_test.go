package ident

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestIdentifiersHaveAWSsForms(t *testing.T) {
	assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`, UUID())
	first := UUID()
	assert.NotEqual(t, first, UUID())
	for text, want := range map[string][2]string{
		"arn:aws:sqs:us-east-1:123456789012:work":               {"sqs", "work"},
		"arn:aws:iam::123456789012:role/worker":                 {"iam", "worker"},
		"https://sqs.us-east-1.amazonaws.com/123456789012/work": {"", "work"},
		"work": {"", "work"},
		"":     {"", ""},
	} {
		assert.Equal(t, want, [2]string{Service(text), Last(text)}, text)
	}
}

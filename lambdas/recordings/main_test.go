package main

import (
	"errors"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOnlyWhatFailedIsDeliveredAgain(t *testing.T) {
	response, err := answer([]string{"b"}, errors.New("b is no recording"))
	require.NoError(t, err, "an error would have the whole batch delivered again")
	assert.Equal(t, []events.SQSBatchItemFailure{{ItemIdentifier: "b"}}, response.BatchItemFailures)
	response, err = answer(nil, nil)
	require.NoError(t, err)
	assert.Empty(t, response.BatchItemFailures)
	_, err = answer([]string{""}, nil)
	assert.Error(t, err, "Lambda would fail the whole batch anyway, and not say why")
}

func TestMessagesAreTakenInTheirOrder(t *testing.T) {
	list := announcements(events.SQSEvent{Records: []events.SQSMessage{{MessageId: "a", Body: "1"}, {MessageId: "b", Body: "2"}}})
	require.Len(t, list, 2)
	assert.Equal(t, "a", list[0].Message)
	assert.Equal(t, "2", string(list[1].Body))
}

package emulator

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// put is a call that the instances of the deployed assembly may make, once and without another try.
func put(t *testing.T, cfg aws.Config) error {
	t.Helper()
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	_, err := eventbridge.NewFromConfig(cfg).PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{Source: aws.String("node"), DetailType: aws.String("Test"), Detail: aws.String(`{}`)}}})
	return err
}

func TestAServiceInTroubleRefusesInstancesAndNoOperatorUntilItIsOver(t *testing.T) {
	w := shared
	before, problems := w.Refused(), len(w.Problems())
	end := w.Disturb(Trouble{Services: []string{"events"}})
	defer end()
	for range 2 {
		assert.ErrorContains(t, put(t, asInstance(t, w)), "events is in trouble")
	}
	require.NoError(t, put(t, operator(w.Cloud)))
	end()
	require.NoError(t, put(t, asInstance(t, w)))
	assert.Equal(t, 2, w.Refused()-before)
	assert.Len(t, w.Problems(), problems, "what trouble refuses is nothing that the fleet does wrong")
	end()
}

func TestAServiceInTroubleMayRefuseEachThirdCall(t *testing.T) {
	w := shared
	cfg := asInstance(t, w)
	defer w.Disturb(Trouble{Services: []string{"events"}, Every: 3})()
	var refused []bool
	for range 6 {
		refused = append(refused, put(t, cfg) != nil)
	}
	assert.Equal(t, []bool{false, false, true, false, false, true}, refused)
}

func TestTroubleMayBeOfOneAction(t *testing.T) {
	w := shared
	cfg := asInstance(t, w)
	defer w.Disturb(Trouble{Services: []string{"events"}, Action: "PutRule"})()
	require.NoError(t, put(t, cfg))
	defer w.Disturb(Trouble{Services: []string{"events"}, Action: "PutEvents"})()
	assert.ErrorContains(t, put(t, cfg), "StatusCode: 503")
}

func TestWhileLambdaIsInTroubleAFunctionGetsNoProcess(t *testing.T) {
	end := shared.Disturb(Trouble{Services: []string{"lambda"}})
	defer end()
	answer, _ := post(t, "probe-worker", "RequestResponse", `{"do":"nothing"}`)
	assert.Equal(t, http.StatusTooManyRequests, answer.StatusCode)
	end()
	answer, _ = post(t, "probe-worker", "RequestResponse", `{"do":"nothing"}`)
	assert.Equal(t, http.StatusOK, answer.StatusCode)
}

func TestTroubleMayBeOfSomeCallers(t *testing.T) {
	answered := func() int {
		answer, _ := post(t, "probe-worker", "RequestResponse", `{"do":"nothing"}`)
		return answer.StatusCode
	}
	other := shared.Disturb(Trouble{Services: []string{"lambda"}, Callers: []string{"probe-other"}})
	defer other()
	assert.Equal(t, http.StatusOK, answered())
	defer shared.Disturb(Trouble{Services: []string{"lambda"}, Callers: []string{"probe-worker"}})()
	assert.Equal(t, http.StatusTooManyRequests, answered())
}

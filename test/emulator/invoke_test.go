package emulator

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// post calls Lambda's Invoke as a client does, without a client: this module has none.
func post(t *testing.T, function, kind, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shared.Endpoint()+"/2015-03-31/functions/"+function+"/invocations", strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=operator/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0")
	r.Header.Set("X-Amz-Invocation-Type", kind)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(text)
}

func TestAnOperatorInvokesAFunctionThroughTheAPI(t *testing.T) {
	answer, text := post(t, "probe-worker", "RequestResponse", `{"do":"nothing"}`)
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	assert.JSONEq(t, `{"batchItemFailures":[]}`, text)
	answer, text = post(t, "probe-worker", "RequestResponse", `{"do":"fail"}`)
	assert.Equal(t, "Unhandled", answer.Header.Get("X-Amz-Function-Error"))
	assert.Contains(t, text, "told to fail")
	answer, _ = post(t, "probe-worker", "Event", `{"do":"later"}`)
	assert.Equal(t, http.StatusAccepted, answer.StatusCode)
	eventually(t, "the event was handled", func() bool { return shared.sawLine(`{"do":"later"}`) })
	answer, _ = post(t, "nobody", "RequestResponse", ``)
	assert.Equal(t, http.StatusNotFound, answer.StatusCode)
}

func TestAnEventThatFailsForGoodIsInTheFunctionsDeadLetterQueue(t *testing.T) {
	w := shared
	before := w.waiting(t, "probe-async-dead")
	_, _ = post(t, "probe-worker", "Event", `{"do":"fail","group":"for good"}`)
	eventually(t, "the dead letter is there", func() bool {
		return w.waiting(t, "probe-async-dead") == before+1
	})
	messages, err := w.Cloud.moto.Receive(t.Context(), "probe-async-dead", 1, 30)
	require.NoError(t, err)
	assert.JSONEq(t, `{"do":"fail","group":"for good"}`, messages[0].Body)
	assert.Contains(t, messages[0].Texts["ErrorMessage"], "told to fail")
	require.NoError(t, w.Cloud.moto.Delete(t.Context(), "probe-async-dead", []string{messages[0].Receipt}))
}

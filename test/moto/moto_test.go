package moto

import (
	"bytes"
	"cmp"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMotoAnswersUntilItIsClosed(t *testing.T) {
	var log bytes.Buffer
	server, err := Start(t.Context(), cmp.Or(os.Getenv("MOTO_SERVER"), "moto_server"), &log)
	require.NoError(t, err)
	answer, err := http.Get(server.Address + "/moto-api/data.json")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	require.NoError(t, answer.Body.Close())
	server.Close()
	assert.Contains(t, log.String(), "GET /moto-api/data.json")
	assert.False(t, server.answers(t.Context()))
}

func TestAProgramThatIsNotThereIsAnError(t *testing.T) {
	_, err := Start(t.Context(), "/nowhere/moto_server", nil)
	assert.ErrorContains(t, err, "moto is not started: ")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

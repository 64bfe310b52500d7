package main

import (
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets the test's own binary be the function that is started; PLAY says how it behaves.
func TestMain(m *testing.M) {
	root := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"
	switch os.Getenv("PLAY") {
	case "":
		os.Exit(m.Run())
	case "asks for work":
		_, _ = http.Get(root + "invocation/next")
	case "reports an error":
		_, _ = http.Post(root+"init/error", "application/json", nil)
		select {}
	case "calls AWS for more":
		_, _ = http.Post(os.Getenv("AWS_ENDPOINT_URL"), "application/x-amz-json-1.1", nil)
		select {}
	}
	os.Exit(1)
}

func TestStart(t *testing.T) {
	own, err := os.Executable()
	require.NoError(t, err)
	for play, want := range map[string]string{
		"asks for work":      "",
		"reports an error":   "it failed",
		"calls AWS for more": "it called AWS",
		"ends at once":       "it ended",
	} {
		t.Run("a function that "+play, func(t *testing.T) {
			took, err := start(t.Context(), own, map[string]string{"PLAY": play})
			if want != "" {
				require.ErrorContains(t, err, want)
				return
			}
			require.NoError(t, err)
			assert.Positive(t, took)
			assert.Less(t, took, patience)
		})
	}
}

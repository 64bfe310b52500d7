package main

import (
	"archive/zip"
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// archive is a zip archive with one file.
func archive(t *testing.T, name, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	file, err := w.Create(name)
	require.NoError(t, err)
	_, err = io.WriteString(file, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestASlotTakesItsOwnFileOfTheArchive(t *testing.T) {
	text, err := fromArchive(archive(t, "slot-1.cfg", "global\n"), "slot-1.cfg")
	require.NoError(t, err)
	assert.Equal(t, "global\n", text)
	for name, c := range map[string]struct {
		raw  []byte
		says string
	}{
		"something else":  {[]byte("<xml/>"), "no zip archive"},
		"another slot's":  {archive(t, "slot-2.cfg", ""), "no usable slot-1.cfg"},
		"a bomb":          {archive(t, "slot-1.cfg", strings.Repeat("x", configurationLimit+1)), "longer than"},
		"one cut in half": {archive(t, "slot-1.cfg", "global\n")[:60], "no zip archive"},
	} {
		_, err := fromArchive(c.raw, "slot-1.cfg")
		assert.ErrorContains(t, err, c.says, name)
	}
}

func TestASlotFetchesTheObjectThatTheParameterNames(t *testing.T) {
	body := archive(t, "slot-1.cfg", "global\n")
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		_, _ = w.Write(body)
	}))
	defer server.Close()
	pointAt(t, 200, "")
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	n := whole(t)
	slotted(t, &n)
	c, err := connect(t.Context(), n)
	require.NoError(t, err)
	s := c.slot(n, slog.New(slog.DiscardHandler))
	text, err := s.Fetch(t.Context(), "s3://assets/deep/d1.zip")
	require.NoError(t, err)
	assert.Equal(t, "global\n", text)
	assert.Equal(t, []string{"GET /assets/deep/d1.zip"}, asked)
	for _, wrong := range []string{"", "s3://", "s3://assets", "s3:///d1.zip", "http://assets/d1.zip"} {
		_, err := s.Fetch(t.Context(), wrong)
		assert.ErrorContains(t, err, "no address in S3", wrong)
	}
	body = bytes.Repeat([]byte("x"), archiveLimit+1)
	_, err = s.Fetch(t.Context(), "s3://assets/deep/d1.zip")
	assert.ErrorContains(t, err, "longer than")
}

func TestHAProxysComplaintIsToldOn(t *testing.T) {
	n := whole(t)
	slotted(t, &n)
	path := filepath.Join(t.TempDir(), "haproxy.cfg")
	require.NoError(t, os.WriteFile(path, []byte("nonsense\n"), 0o600))
	require.ErrorContains(t, checker(n)(t.Context(), path), "unknown keyword 'nonsense'")
	good := "global\n stats socket \"${ADMIN_SOCKET}\"\n server-state-file \"${SERVER_STATE}\"\n"
	require.NoError(t, os.WriteFile(path, []byte(good), 0o600))
	require.NoError(t, checker(n)(t.Context(), path))
}

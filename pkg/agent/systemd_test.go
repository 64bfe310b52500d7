package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatSystemdSaysOfAContainer(t *testing.T) {
	for said, want := range map[string]Container{
		"LoadState=not-found\nActiveState=inactive\n": ContainerAbsent,
		"LoadState=loaded\nActiveState=inactive\n":    ContainerDown,
		"LoadState=loaded\nActiveState=failed\n":      ContainerDown,
		"ActiveState=active\nLoadState=loaded\n":      ContainerRunning,
		"LoadState=loaded\nActiveState=activating\n":  ContainerChanging,
		"LoadState=loaded\nActiveState=deactivating":  ContainerChanging,
	} {
		got, err := containerOf(said)
		require.NoError(t, err)
		assert.Equal(t, want, got, said)
	}
	_, err := containerOf("")
	require.ErrorContains(t, err, "cannot be understood")
}

func TestSystemctlIsAskedAndTold(t *testing.T) {
	folder := t.TempDir()
	calls := filepath.Join(folder, "calls")
	program := "#!/bin/sh\necho \"$*\" >> " + calls + "\n" +
		"case $1 in show) printf 'LoadState=loaded\\nActiveState=active\\n' ;; stop) echo 'no such unit' >&2; exit 5 ;; esac\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "systemctl"), []byte(program), 0o700))
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	s := Systemd{Unit: "jibri.service", Timeout: 5 * time.Second}
	state, err := s.State(t.Context())
	require.NoError(t, err)
	assert.Equal(t, ContainerRunning, state)
	require.NoError(t, s.Start(t.Context()))
	require.NoError(t, s.Restart(t.Context()))
	require.ErrorContains(t, s.Stop(t.Context()), "systemctl stop jibri.service: exit status 5: no such unit")
	raw, err := os.ReadFile(calls)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"show --property=LoadState,ActiveState jibri.service", "start --no-block jibri.service",
		"restart --no-block jibri.service", "stop --no-block jibri.service",
	}, strings.Split(strings.TrimSpace(string(raw)), "\n"))
}

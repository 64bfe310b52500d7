package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
	"github.com/jitsi-fleet/jitsi-fleet/test/sandbox/scenario"
)

func TestOnlyEndpointsOfThisMachineAreTaken(t *testing.T) {
	for endpoint, taken := range map[string]bool{
		"":                      true,
		"http://localhost:5566": true,
		"http://127.0.0.1:5566": true,
		"https://127.5.5.5":     true,
		"http://[::1]:5566":     true,
		"https://autoscaling.eu-central-1.amazonaws.com": false,
		"http://10.0.0.1:5566":                           false,
		"http://0.0.0.0:5566":                            false,
		"http://[::]:5566":                               false,
		"http://169.254.169.254":                         false,
		"http://localhost.example.org":                   false,
		"http://127.0.0.1.example.org":                   false,
		"http://localhost@example.org":                   false,
		"http://":                                        false,
		"localhost":                                      false,
		"127.5.5.5":                                      false,
		"localhost:5566":                                 false,
		"ec2.amazonaws.com":                              false,
		"http://%zz":                                     false,
		":":                                              false,
		"\x00":                                           false,
	} {
		t.Run("endpoint "+endpoint, func(t *testing.T) {
			err := refuseRealEndpoint("AWS_ENDPOINT_URL", endpoint)
			if taken {
				assert.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Contains(t, err.Error(), "AWS_ENDPOINT_URL is ")
			assert.Contains(t, err.Error(), "unset it")
		})
	}
}

// forget leaves the environment as it was when the test ends.
func forget(t *testing.T) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, value)
		}
	}
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"} {
		t.Setenv(name, "")
	}
}

func TestAnEndpointOfOneServiceIsRefusedToo(t *testing.T) {
	forget(t)
	t.Setenv("AWS_ENDPOINT_URL_AUTO_SCALING", "https://autoscaling.eu-central-1.amazonaws.com")
	assert.ErrorContains(t, keepApart(), "AWS_ENDPOINT_URL_AUTO_SCALING is ")
}

func TestTheEnvironmentsAccountIsForgotten(t *testing.T) {
	forget(t)
	for name, value := range map[string]string{
		"AWS_PROFILE": "production", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SESSION_TOKEN": "x", "AWS_REGION": "eu-central-1",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_ENDPOINT_URL": "http://localhost:1", "AWS_CONFIG_FILE": "/home/me/.aws/config",
	} {
		t.Setenv(name, value)
	}
	require.NoError(t, keepApart())
	var left []string
	for _, entry := range os.Environ() {
		if strings.HasPrefix(entry, "AWS_") {
			left = append(left, entry)
		}
	}
	assert.ElementsMatch(t, []string{"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true"}, left)
}

// written is a scenario file from 08:00 to 09:00.
func written(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hour.json")
	text := `{"name": "an hour", "start": "08:00", "end": "09:00", "curve": [{"at": "08:00", "participants": 0}]}`
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestFaultsOfTheCommandLine(t *testing.T) {
	o := options{scenario: written(t), silence: "08:10-08:20", kill: "08:40"}
	plan, err := readScenario(o)
	require.NoError(t, err)
	assert.Equal(t, []scenario.Fault{
		{Kind: scenario.SilenceAgents, At: settings.Clock("08:10"), Until: settings.Clock("08:20")},
		{Kind: scenario.KillBridge, At: settings.Clock("08:40")},
	}, plan.Faults)
}

func TestFaultsOfTheCommandLineAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ silence, kill, says string }{
		"a silence of one time":              {"08:10", "", `-silence is "08:10": write two times of day`},
		"a silence without an end":           {"08:10-", "", `-silence is "08:10-": write two times of day`},
		"a silence without a start":          {"-08:10", "", `-silence is "-08:10": write two times of day`},
		"a silence of three times":           {"08:10-08:20-08:30", "", "write two times of day"},
		"a silence with spaces":              {"08:10 - 08:20", "", "write two times of day"},
		"a silence that ends before it does": {"08:20-08:10", "", `-silence is "08:20-08:10": "silence agents" ends at 08:10`},
		"a silence after the scenario":       {"08:20-09:10", "", "is at 09:10, and the scenario lasts from 08:00 to 09:00"},
		"a kill at no time of day":           {"", "8:40", `-kill is "8:40": write a time of day`},
		"a kill before the scenario":         {"", "07:59", `-kill is "07:59": "kill bridge" is at 07:59`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readScenario(options{scenario: written(t), silence: c.silence, kill: c.kill})
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestAWorkloadIsAScenarioToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "week.csv")
	require.NoError(t, os.WriteFile(path, []byte("room,join,leave,recording_start,recording_end\nr,0,60,,\n"), 0o600))
	plan, err := readScenario(options{scenario: path, kill: "00:01"})
	require.NoError(t, err)
	assert.Len(t, plan.Visits(), 1)
	_, err = readScenario(options{scenario: path + "x.csv"})
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// TestMain is the sandbox itself where a test starts this binary as one.
func TestMain(m *testing.M) {
	if os.Getenv("SANDBOX_TEST_MAIN") == "" {
		os.Exit(m.Run())
	}
	main()
}

// started is what the sandbox's program does with an argument and a variable more: its exit status and what it says.
func started(t *testing.T, variable string, args ...string) (status int, said string) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), program, args...)
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), "SANDBOX_TEST_MAIN=1", variable)
	out, err := command.CombinedOutput()
	if err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	return command.ProcessState.ExitCode(), string(out)
}

func TestTheProgramStartsNothingAgainstARealEndpoint(t *testing.T) {
	status, said := started(t, "AWS_ENDPOINT_URL=https://ec2.eu-central-1.amazonaws.com", "-scenario", written(t))
	assert.Equal(t, 1, status)
	assert.Contains(t, said, "which is not on this machine")
	assert.NotContains(t, said, "starting moto")
}

func TestTheProgramNamesEveryOption(t *testing.T) {
	status, said := started(t, "AWS_ENDPOINT_URL=https://ec2.eu-central-1.amazonaws.com", "-h")
	assert.Equal(t, 0, status)
	for _, option := range []string{"-scenario", "-keep", "-json", "-silence", "-kill", "-factor", "-settings"} {
		assert.Contains(t, said, option)
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/simulate"
)

// small writes a file of two rooms, one of them recorded, and returns its path.
func small(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "small.csv")
	rows := "room,join,leave,recording_start,recording_end\na,0,4000,60,3000\na,10,3900,,\nb,600,1800,,\n"
	require.NoError(t, os.WriteFile(path, []byte(rows), 0o600))
	return path
}

// said are the options of a command line.
func said(t *testing.T, arguments ...string) options {
	t.Helper()
	o, err := parse(arguments, os.Stderr)
	require.NoError(t, err)
	return o
}

func TestNamesAndOptionsMayStandAnywhere(t *testing.T) {
	o := said(t, "office", "--seed", "7", "x.csv", "--policy=static, bound", "--warmup", "24h")
	assert.Equal(t, []string{"office", "x.csv"}, o.named)
	assert.Equal(t, []string{"static", "bound"}, o.policies)
	assert.Equal(t, uint64(7), o.world.Seed)
	assert.Equal(t, 24*time.Hour, o.worldOf(1).WarmUp)
}

func TestPoliciesLearnForAWeekOfGeneratedDaysAndNotAtAllOfAFile(t *testing.T) {
	o := said(t, "office", "x.csv")
	assert.Equal(t, week, o.worldOf(0).WarmUp)
	assert.Zero(t, o.worldOf(1).WarmUp)
	assert.Equal(t, week, said(t).worldOf(3).WarmUp)
	assert.Zero(t, said(t, "--days", "7").worldOf(0).WarmUp)
}

func TestWrongOptionsAreRefusedWithTheMend(t *testing.T) {
	for _, c := range []struct{ arguments, says string }{
		{"--days 0", "--days is 0: write 1 to 366"},
		{"--boot 2h", "--boot is 2h0m0s: write 1s to 1h"},
		{"--jibri-boot 0s", "--jibri-boot is 0s: write 1s to 1h"},
		{"--spread NaN", "--spread is NaN: write 0 to 0.9"},
		{"--start noon", `--start is "noon": write a moment like`},
		{"--fault rain", `fault "rain" is none`},
		{"--polcy x", "-h tells the options"},
		{"--warmup -1h", `invalid value "-1h" for flag -warmup: write a time like 168h, or 0`},
		{"--warmup week", "write a time like 168h, or 0"},
		{"--overload 5", "--overload is 5: write a share from 0 to 1"},
		{"--failed -0.1", "--failed is -0.1: write a share from 0 to 1"},
	} {
		_, err := parse(strings.Fields(c.arguments), os.Stderr)
		assert.ErrorContains(t, err, c.says)
	}
	_, err := said(t, "--warmup", "20h", "--days", "1", "school").workloads()
	assert.ErrorContains(t, err, "nothing would be counted")
	_, err = said(t, "offices").workloads()
	assert.ErrorContains(t, err, `workload "offices" is none`)
	_, err = said(t, "missing.csv").workloads()
	assert.ErrorContains(t, err, "missing.csv")
}

func TestTheUseNamesEveryWorkloadPolicyFaultAndOption(t *testing.T) {
	var use bytes.Buffer
	_, err := parse([]string{"office", "-h"}, &use)
	require.ErrorIs(t, err, errHelp)
	for _, word := range append([]string{"school", "webinar", "n-free-N", "throttling", "-warmup", "-json", "tune", "cost"}, simulate.PolicyNames...) {
		assert.Contains(t, use.String(), word)
	}
	assert.True(t, strings.HasPrefix(use.String(), "Usage: scripts/simulate"))
	assert.NotContains(t, use.String(), "-1ns")
}

func TestJSONHasTheAgreedWordsAndLeavesOutWhatAPolicyHasNoRuleFor(t *testing.T) {
	o := said(t, small(t), "--json", "--html", "", "--policy", "jitsi-fleet,n-free-3,target-tracking")
	workloads, err := o.workloads()
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, compare(context.Background(), workloads, o, &out, &bytes.Buffer{}))
	var found struct {
		Workload string
		Runs     []map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &found))
	assert.Equal(t, "small", found.Workload)
	words := func(raw json.RawMessage) []string {
		var fields map[string]float64
		require.NoError(t, json.Unmarshal(raw, &fields))
		names := make([]string, 0, len(fields))
		for name := range fields {
			names = append(names, name)
		}
		return names
	}
	assert.ElementsMatch(t, []string{"instanceHours", "lowerBoundHours", "overloadShare", "severeShare", "unservedShare", "relayedShare", "droppedParticipants", "launches"}, words(found.Runs[0]["bridges"]))
	assert.ElementsMatch(t, []string{"instanceHours", "busyHours", "requests", "waitedShare", "failedShare", "killedRecordings", "launches"}, words(found.Runs[0]["jibris"]))
	assert.NotContains(t, found.Runs[1], "bridges")
	assert.NotContains(t, found.Runs[2], "jibris")
}

func TestTheReportIsOnePageThatNeedsNothingElse(t *testing.T) {
	dir := t.TempDir()
	o := said(t, small(t), "--html", filepath.Join(dir, "a", "report.html"), "--png", filepath.Join(dir, "png"), "--fault", "gaps,outage", "--warmup", "36m")
	workloads, err := o.workloads()
	require.NoError(t, err)
	var out, progress bytes.Buffer
	require.NoError(t, compare(context.Background(), workloads, o, &out, &progress))
	page, err := os.ReadFile(o.html)
	require.NoError(t, err)
	for _, outside := range []string{"src=", "<link", "@import", "fetch(", `href="http`} {
		assert.NotContains(t, string(page), outside)
	}
	assert.Contains(t, string(page), `"workload":"small"`)
	assert.Contains(t, string(page), "with these faults: gaps,outage")
	assert.Contains(t, string(page), "from a file; counted after 0.025 days")
	assert.Contains(t, progress.String(), "Report: ")
	for _, name := range []string{"small-days.png", "small-cost.png"} {
		picture, err := os.ReadFile(filepath.Join(dir, "png", name))
		require.NoError(t, err)
		assert.Equal(t, "\x89PNG", string(picture[:4]))
	}
	assert.Contains(t, out.String(), "jitsi-autoscaler")
	assert.Contains(t, out.String(), "x bound")
}

func TestGeneratedWorkloadsAreWrittenAndAFileOfTheUsersIsLeftAsItIs(t *testing.T) {
	path := small(t)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	o := said(t, path, "community", "--days", "1", "--csv", filepath.Dir(path), "--html", "", "--policy", "bound")
	workloads, err := o.workloads()
	require.NoError(t, err)
	require.NoError(t, compare(context.Background(), workloads, o, &bytes.Buffer{}, &bytes.Buffer{}))
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
	assert.FileExists(t, filepath.Join(filepath.Dir(path), "community.csv"))
}

func TestABillAddsUpAndFollowsItsPriceFile(t *testing.T) {
	p, err := readPrices("")
	require.NoError(t, err)
	sum := func(u usage, p prices) float64 {
		total := 0.0
		for _, i := range bill(u, p) {
			assert.GreaterOrEqual(t, i.usd, 0.0, i.name)
			total += i.usd
		}
		return total
	}
	idle, busy := sum(usage{}, p), sum(usage{bridgeHours: 1000}, p)
	assert.InDelta(t, 1000*(p.Hour["c7g.xlarge"]+p.Hour["publicIPv4"])+1000.0/monthHours*20*0.08, busy-idle, 1e-6)
	var out bytes.Buffer
	o := said(t, small(t))
	workloads, err := o.workloads()
	require.NoError(t, err)
	require.NoError(t, cost(workloads, o, &out))
	assert.Contains(t, out.String(), "control plane")
	assert.Contains(t, out.String(), p.Dated)
}

func TestAPriceFileWithAWordThatIsNotKnownOrWithoutAPriceIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prices.json")
	require.NoError(t, os.WriteFile(path, bytes.Replace(ownPrices, []byte(`"shards"`), []byte(`"shard"`), 1), 0o600))
	_, err := readPrices(path)
	assert.ErrorContains(t, err, `unknown field "shard"`)
	require.NoError(t, os.WriteFile(path, bytes.Replace(ownPrices, []byte(`"c7i.xlarge": 0.1785`), []byte(`"c7i.xlarge": 0`), 1), 0o600))
	_, err = readPrices(path)
	assert.ErrorContains(t, err, `no price of an hour of "c7i.xlarge"`)
}

func TestTuneEndsWithAFragmentOfTheSettings(t *testing.T) {
	o := said(t, small(t), "--overload", "1", "--failed", "1")
	workloads, err := o.workloads()
	require.NoError(t, err)
	var out, progress bytes.Buffer
	require.NoError(t, tune(context.Background(), workloads, o, &out, &progress))
	var f fragment
	decoder := json.NewDecoder(&out)
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&f))
	assert.Equal(t, 1, f.Fleet.Jibris.Free, "with every failure allowed the fewest are cheapest")
	assert.Equal(t, bridgeBoot, f.Fleet.Bridges.BootTime.D())
	assert.Contains(t, progress.String(), "the service level is kept to")
	assert.Contains(t, progress.String(), "small: up to 3 participants and 1 recordings at once, so bridges.max, 20 unless you write it, must be above 1 and jibris.max, 20, above 2")
}

func TestAMarkdownTableHasARowForEachWorkloadAndAColumnForEachPolicyWithARule(t *testing.T) {
	o := said(t, small(t), "--markdown", "--html", "", "--policy", "jitsi-fleet,n-free-3,static,bound")
	workloads, err := o.workloads()
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, compare(context.Background(), workloads, o, &out, &bytes.Buffer{}))
	var heads []string
	for _, line := range strings.Split(out.String(), "\n") {
		if _, policies, ok := strings.Cut(line, "| jitsi-fleet |"); ok {
			heads = append(heads, policies)
		}
		if line != "" {
			assert.True(t, strings.HasPrefix(line, "|") && strings.HasSuffix(line, "|"), line)
		}
	}
	assert.Equal(t, []string{" static |", " n-free-3 | static |"}, heads)
	assert.Equal(t, 2, strings.Count(out.String(), "\n| small | "))
}

func TestSharesAreToldNoSurerThanTheyAre(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.00000001: "< 0.01 %", 0.000234: "0.023 %", 0.0156: "1.6 %", 0.52: "52 %"} {
		assert.Equal(t, want, share(v))
	}
}

func TestAFleetsSettingsAreGoneByInThePlaceOfTheDefaults(t *testing.T) {
	o := said(t, "office", "--settings", "../sandbox/fleet.json")
	s := simulate.Ours(o.worldOf(0))
	assert.InDelta(t, 0.6, s.Bridges.Target, 0)
	assert.Equal(t, 20, s.Bridges.Max)
	assert.Equal(t, 3, s.Jibris.Free)
	assert.Equal(t, bridgeBoot, s.Bridges.BootTime, "the world's")

	_, err := parse([]string{"--settings", "../../go.mod"}, os.Stderr)
	require.ErrorContains(t, err, "go.mod")
	_, err = parse([]string{"--settings", "missing.json"}, os.Stderr)
	assert.ErrorContains(t, err, "missing.json")
}

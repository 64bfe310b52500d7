package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed requests.lua
var requests []byte

// Sample is what one run of wrk against one node gave.
type Sample struct {
	// Rate is in requests a second.
	Rate float64 `json:"rate"`
	// P50 and P99 are latencies, in microseconds.
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	// Processor is HAProxy's processor time for one request, in microseconds; it hardly depends on what else the
	// machine does.
	Processor float64 `json:"processor"`
}

// connections that wrk holds open, each with one request at a time.
const connections = 64

// load lets wrk ask a node for some seconds, from one core when one is named.
func load(ctx context.Context, dir, core string, n *Node, seconds int) (Sample, error) {
	script := filepath.Join(dir, "requests.lua")
	if err := os.WriteFile(script, requests, 0o600); err != nil {
		return Sample{}, fmt.Errorf("wrk has no script: %w", err)
	}
	arguments := []string{"wrk", "-t1", "-c" + strconv.Itoa(connections), fmt.Sprintf("-d%ds", seconds), "--latency", "-s", script,
		"http://" + net.JoinHostPort(n.setting.Address().String(), strconv.Itoa(clientPort))}
	if core != "" {
		arguments = append([]string{"taskset", "-c", core}, arguments...)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second+patience)
	defer cancel()
	before, err1 := n.processor()
	out, err2 := exec.CommandContext(ctx, arguments[0], arguments[1:]...).CombinedOutput()
	after, err3 := n.processor()
	if err := errors.Join(err1, err2, err3); err != nil {
		return Sample{}, fmt.Errorf("%s is not measured: %w: %s", n.setting.Contender, err, out)
	}
	_, raw, found := strings.Cut(string(out), "\nRESULT ")
	var result struct{ Requests, Microseconds, Errors, P50, P99 float64 }
	if err := json.Unmarshal([]byte(raw), &result); !found || err != nil {
		return Sample{}, fmt.Errorf("%s is not measured: wrk said %q", n.setting.Contender, out)
	}
	if result.Errors > 0 || result.Requests == 0 {
		return Sample{}, fmt.Errorf("%s is not measured: %.0f of %.0f requests failed", n.setting.Contender, result.Errors, result.Requests)
	}
	return Sample{
		Rate: result.Requests / result.Microseconds * 1e6, P50: result.P50, P99: result.P99,
		Processor: float64((after - before).Microseconds()) / result.Requests,
	}, nil
}

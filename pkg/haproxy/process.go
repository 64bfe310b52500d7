package haproxy

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Process is a running HAProxy.
type Process struct {
	Version     string
	PID         int64
	Uptime      time.Duration
	Connections int64 // of clients, now
	Stopping    bool  // it takes no new connections
	// Description is the word behind "description" in its configuration; empty where there is none.
	Description string
}

// Process asks for the process's own figures.
func (a *Admin) Process(ctx context.Context) (Process, error) {
	answer, err := a.ask(ctx, "show info", maxTextBytes)
	if err != nil {
		return Process{}, err
	}
	return ParseInfo(answer)
}

// ParseInfo reads the answer to "show info", lines of a name, a colon and a value.
func ParseInfo(answer string) (Process, error) {
	fields := map[string]string{}
	for line := range strings.Lines(answer) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			fields[name] = strings.TrimSpace(value)
		}
	}
	numbers := map[string]int64{"Pid": 0, "Uptime_sec": 0, "CurrConns": 0, "Stopping": 0}
	for name := range numbers {
		n, err := strconv.ParseInt(fields[name], 10, 32)
		if err != nil || n < 0 {
			return Process{}, fmt.Errorf("%w: show info has no usable %s", ErrAnswer, name)
		}
		numbers[name] = n
	}
	return Process{
		Version:     fields["Version"],
		PID:         numbers["Pid"],
		Uptime:      time.Duration(numbers["Uptime_sec"]) * time.Second,
		Connections: numbers["CurrConns"],
		Stopping:    numbers["Stopping"] != 0,
		Description: fields["description"],
	}, nil
}

// Flags of a peers section that say that a full lesson of the tables came to its end: from the process before, or
// from another node, which may itself not have known everything (HAProxy 2.6, include/haproxy/peers-t.h:
// PEERS_F_RESYNC_LOCALFINISHED, REMOTEFINISHED, LOCALPARTIAL and REMOTEPARTIAL). That HAProxy has given up learning
// is another flag.
const lessonEnded = 0xF00

// Synced asks whether the process has learnt its tables from a peer. It is false where there are no peers.
func (a *Admin) Synced(ctx context.Context) (bool, error) {
	answer, err := a.ask(ctx, "show peers", maxStatBytes)
	if err != nil {
		return false, err
	}
	return ParsePeers(answer)
}

// ParsePeers reads from the answer to "show peers" whether every peers section has had a full lesson. A section's
// line is not indented: "0x5619: [22/Nov/2026:19:44:37] id=slots disabled=0 flags=0x6833 ...".
func ParsePeers(answer string) (bool, error) {
	sections := 0
	for line := range strings.Lines(answer) {
		if !strings.HasPrefix(line, "0x") {
			continue
		}
		_, after, ok := strings.Cut(line, " flags=")
		text, _, _ := strings.Cut(after, " ")
		flags, err := strconv.ParseUint(strings.TrimSpace(text), 0, 32)
		if !ok || err != nil {
			return false, fmt.Errorf("%w: show peers has a section without usable flags", ErrAnswer)
		}
		if flags&lessonEnded == 0 {
			return false, nil
		}
		sections++
	}
	return sections > 0, nil
}

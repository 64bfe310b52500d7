package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/agent"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// Bounds of what is taken for HAProxy's configuration, in bytes: fifty shards are some 20 kB of text for each slot.
const (
	archiveLimit       = 1 << 20
	configurationLimit = 1 << 20
)

// slot is where an edge node's configuration comes from.
func (c *cloud) slot(n settings.Node, log *slog.Logger) agent.Slot {
	return agent.Slot{
		Where: c.edge.Read,
		Poll:  n.StatePoll.D(),
		Fetch: func(ctx context.Context, where string) (string, error) {
			raw, err := c.assets.Read(ctx, where, archiveLimit)
			if err != nil {
				return "", err
			}
			return fromArchive(raw, settings.EdgeFile(n.Slot))
		},
		Check:         checker(n),
		Master:        haproxy.NewMaster(n.Master, agent.QuestionLimit(n.Poll.D())),
		Configuration: n.Configuration,
		Servers:       n.Servers,
		Name:          n.Slot,
		Now:           time.Now,
		Log:           log,
	}
}

// fromArchive is the text of one file in a zip archive.
func fromArchive(raw []byte, name string) (string, error) {
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return "", fmt.Errorf("it is no zip archive: %w", err)
	}
	file, err := archive.Open(name)
	if err != nil {
		return "", fmt.Errorf("it has no usable %s: %w", name, err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, configurationLimit+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s in it cannot be read: %w", name, err)
	case len(text) > configurationLimit:
		return "", fmt.Errorf("%s in it is longer than %d bytes", name, configurationLimit)
	}
	return string(text), nil
}

// shownBytes is how much of HAProxy's complaint is told on.
const shownBytes = 500

// checker asks the installed HAProxy about a file, in the environment that the running one has.
func checker(n settings.Node) func(context.Context, string) error {
	return func(ctx context.Context, file string) error {
		command := exec.CommandContext(ctx, "haproxy", "-c", "-f", file)
		command.Env = append(os.Environ(), agent.HAProxyEnvironment(n.HAProxy, n.Servers)...)
		said, err := command.CombinedOutput()
		if err != nil {
			_, alerts, _ := strings.Cut(string(said), "[ALERT]")
			text := strings.Join(strings.Fields(alerts), " ")
			return fmt.Errorf("%w: %s", err, strings.ToValidUTF8(text[:min(len(text), shownBytes)], "?"))
		}
		return nil
	}
}

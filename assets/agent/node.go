package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/agent"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/haproxy"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// readNode reads the node's configuration and refuses one that is not whole.
func readNode(path string) (settings.Node, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return settings.Node{}, fmt.Errorf("the node's configuration cannot be read: %w", err)
	}
	var n settings.Node
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&n); err != nil {
		return settings.Node{}, fmt.Errorf("%s cannot be understood: %w", path, err)
	}
	var problems []error
	for name, value := range map[string]string{
		"fleet": n.Fleet, "role": n.Role, "instance": n.Instance, "listen": n.Listen,
		"stateFile": n.StateFile, "agentSecretArn": n.AgentSecretARN, "wakeTopicArn": n.WakeTopicARN,
	} {
		if value == "" {
			problems = append(problems, fmt.Errorf("%s: %s is empty", path, name))
		}
	}
	if n.Poll <= 0 || n.SickAfter <= 0 {
		problems = append(problems, fmt.Errorf("%s: poll and sickAfter must be above zero", path))
	}
	if fleet.Role(n.Role) == fleet.RoleEdge {
		for name, value := range map[string]string{
			"edgeParameter": n.EdgeParameter, "slot": n.Slot, "haproxy": n.HAProxy, "master": n.Master, "servers": n.Servers, "configuration": n.Configuration,
		} {
			if value == "" {
				problems = append(problems, fmt.Errorf("%s: %s is empty", path, name))
			}
		}
	}
	if n.ShardParameter+n.EdgeParameter != "" && n.StatePoll <= 0 {
		problems = append(problems, fmt.Errorf("%s: statePoll must be above zero", path))
	}
	problems = append(problems, checkRecorder(path, n))
	return n, errors.Join(problems...)
}

// configure makes the agent's configuration of the node's and of what it looks after.
func configure(n settings.Node, component agent.Component, log *slog.Logger) (agent.Config, error) {
	if err := os.MkdirAll(filepath.Dir(n.StateFile), 0o700); err != nil {
		return agent.Config{}, fmt.Errorf("the state file's folder cannot be made: %w", err)
	}
	return agent.Config{
		Fleet:      n.Fleet,
		Instance:   fleet.InstanceID(n.Instance),
		Role:       fleet.Role(n.Role),
		Shard:      n.Shard,
		StateFile:  n.StateFile,
		Poll:       n.Poll.D(),
		SickAfter:  n.SickAfter.D(),
		WakeStress: n.WakeStress,
		StatePoll:  n.StatePoll.D(),
		ShardLimit: int64(n.ShardLimit),
		Component:  component,
		Host:       agent.NewHost(os.DirFS("/proc"), diskUsed).Load,
		Clock:      time.Now,
		Log:        log,
	}, nil
}

// censusLimit is how long Prosody may take to count its rooms.
const censusLimit = 5 * time.Second

func componentOf(n settings.Node) (agent.Component, error) {
	limit := agent.QuestionLimit(n.Poll.D())
	switch fleet.Role(n.Role) {
	case fleet.RoleBridge:
		return agent.Bridge{JVB: jitsi.NewBridge(n.Bridge, limit)}, nil
	case fleet.RoleSignal:
		return agent.Signal{
			Jicofo:  jitsi.NewJicofo(n.Jicofo, limit),
			Prosody: jitsi.NewProsody(n.Prosody, limit),
			Web:     jitsi.NewWeb(n.Web, limit),
			Rooms:   jitsi.NewProsody(n.Prosody, censusLimit),
			Host:    n.ProsodyHost,
		}, nil
	case fleet.RoleEdge:
		return &agent.Edge{Admin: haproxy.NewAdmin(n.HAProxy, limit), WarmUp: n.WarmUp.D()}, nil
	default:
		return nil, fmt.Errorf("there is no agent for the role %q", n.Role)
	}
}

// diskUsed is the used share of the root volume, as df counts it: of what is not reserved for root.
func diskUsed() (float64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs("/", &s); err != nil {
		return 0, fmt.Errorf("the root volume cannot be measured: %w", err)
	}
	used := s.Blocks - s.Bfree
	if used+s.Bavail == 0 {
		return 0, nil
	}
	return float64(used) / float64(used+s.Bavail), nil
}

package agent

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Service is Jibri's container as the agent deals with it. Start, Restart and Stop only set it going.
type Service interface {
	State(ctx context.Context) (Container, error)
	Start(ctx context.Context) error
	Restart(ctx context.Context) error
	Stop(ctx context.Context) error
}

// Systemd is a container that is a service of systemd. The service must not restart itself: the agent does.
type Systemd struct {
	Unit string
	// Timeout bounds one call of systemctl.
	Timeout time.Duration
}

// State asks systemd. A service whose unit file is not there is absent.
func (s Systemd) State(ctx context.Context) (Container, error) {
	said, err := s.run(ctx, "show", "--property=LoadState,ActiveState", s.Unit)
	if err != nil {
		return ContainerAbsent, err
	}
	return containerOf(said)
}

// Start starts it.
func (s Systemd) Start(ctx context.Context) error { return s.do(ctx, "start") }

// Restart stops it, if it runs, and starts it.
func (s Systemd) Restart(ctx context.Context) error { return s.do(ctx, "restart") }

// Stop stops it.
func (s Systemd) Stop(ctx context.Context) error { return s.do(ctx, "stop") }

func (s Systemd) do(ctx context.Context, verb string) error {
	_, err := s.run(ctx, verb, "--no-block", s.Unit)
	return err
}

func (s Systemd) run(ctx context.Context, arguments ...string) (string, error) {
	limited, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	var complaint strings.Builder
	command := exec.CommandContext(limited, "systemctl", arguments...)
	command.Stderr = &complaint
	said, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("systemctl %s %s: %w: %s", arguments[0], s.Unit, err, strings.TrimSpace(complaint.String()))
	}
	return string(said), nil
}

// containerOf reads LoadState and ActiveState (systemctl(1), org.freedesktop.systemd1(5)).
func containerOf(said string) (Container, error) {
	properties := map[string]string{}
	for line := range strings.Lines(said) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		properties[name] = value
	}
	if properties["LoadState"] == "not-found" {
		return ContainerAbsent, nil
	}
	switch state := properties["ActiveState"]; state {
	case "active", "reloading":
		return ContainerRunning, nil
	case "activating", "deactivating":
		return ContainerChanging, nil
	case "inactive", "failed":
		return ContainerDown, nil
	default:
		return ContainerAbsent, fmt.Errorf("systemd's state cannot be understood: ActiveState %q", state)
	}
}

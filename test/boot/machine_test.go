package boot

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// What the metadata service says of every machine.
const (
	instance = "i-0b007"
	address  = "10.64.1.7"
)

// machine is a folder that is the root of one node's file system.
type machine struct {
	t    *testing.T
	root string
}

// enter is what runs first in a machine's private namespaces: the host's programs are there to be read only, and /proc
// cannot change the kernel.
const enter = `set -e
for folder in usr bin sbin lib lib64; do
  [ -d /$folder ] || continue
  mkdir -p "$ROOT/$folder"
  mount --rbind "$(readlink -f /$folder)" "$ROOT/$folder"
  mount -o remount,bind,ro "$ROOT/$folder"
done
mount --rbind /dev "$ROOT/dev"
mount -t proc -o ro proc "$ROOT/proc"
exec chroot "$ROOT" "$@"`

func newMachine(t *testing.T, system string) machine {
	t.Helper()
	m := machine{t, t.TempDir()}
	for _, folder := range []string{
		"dev", "proc", "run", "srv", "opt", "var/lib", "etc/sysctl.d", "etc/systemd/system", "etc/systemd/network",
		"machine/commands", "machine/installed", "machine/started", "machine/network", "machine/secrets/jitsi",
	} {
		require.NoError(t, os.MkdirAll(m.path(folder), 0o755))
	}
	require.NoError(t, os.Mkdir(m.path("tmp"), 0o777))
	require.NoError(t, os.Chmod(m.path("tmp"), 0o777))
	for _, file := range []string{"/etc/passwd", "/etc/group"} {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		m.write(file, string(raw))
	}
	commands, err := filepath.Glob("commands/*")
	require.NoError(t, err)
	for _, c := range commands {
		raw, err := os.ReadFile(c)
		require.NoError(t, err)
		m.write("machine/commands/"+filepath.Base(c), string(raw))
		require.NoError(t, os.Chmod(m.path("machine/commands/"+filepath.Base(c)), 0o755))
	}
	require.NoError(t, os.Rename(m.path("machine/commands/again"), m.path("machine/again")))
	m.write("machine/system", system)
	m.write("machine/holder", "i-predecessor")
	for _, name := range []string{"agent", "jvb", "jicofo", "jibri", "recorder"} {
		m.write("machine/secrets/jitsi/"+name, "secret-of-"+name)
	}
	return m
}

// command is a program that will run in the machine; its network is its own too, unless shared.
func (m machine) command(ctx context.Context, shared bool, argv ...string) *exec.Cmd {
	arguments := []string{"--mount", "--pid", "--fork", "--kill-child"}
	if !shared {
		arguments = append(arguments, "--net")
	}
	c := exec.CommandContext(ctx, "unshare", append(append(arguments, "bash", "-c", enter, "enter"), argv...)...)
	c.Env = []string{"ROOT=" + m.root, "PATH=/machine/commands:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	return c
}

// boot runs a node's user data to its end, and holds that the host is as it was.
func boot(t *testing.T, n node) machine {
	t.Helper()
	m := newMachine(t, map[bool]string{true: "debian", false: "amazon"}[n.role == fleet.RoleEdge])
	m.write("machine/bundle-url", n.url)
	zip := exec.Command("python3", "-m", "zipfile", "-c", m.path("machine/boot.zip"))
	entries, err := os.ReadDir(n.bundle)
	require.NoError(t, err)
	for _, e := range entries {
		zip.Args = append(zip.Args, filepath.Join(n.bundle, e.Name()))
	}
	said, err := zip.CombinedOutput()
	require.NoError(t, err, "%s", said)

	before := host(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m.write("machine/user-data", n.userData)
	said, err = m.command(ctx, false, "bash", "/machine/user-data").CombinedOutput()
	require.NoError(t, err, "%s does not boot: %s\n%s", n.name, said, m.calls())
	assert.Equal(t, before, host(t), "nothing of the host changes")
	return m
}

// host is what a boot script would change of the machine that runs it.
func host(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, place := range []string{
		"/etc/jitsi-fleet", "/etc/systemd", "/etc/sysctl.d", "/etc/haproxy", "/srv", "/opt/jitsi-fleet", "/run/haproxy", "/run/haproxy.pid", "/var/lib/jitsi-fleet",
	} {
		_ = filepath.WalkDir(place, func(path string, e fs.DirEntry, err error) error {
			if e == nil {
				return err // the place is not there; a boot that made it would be seen
			}
			info, err := e.Info()
			if err == nil {
				found[path] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime())
			}
			return err
		})
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	found["mounts"] = string(mounts)
	return found
}

func (m machine) path(name string) string { return filepath.Join(m.root, name) }

func (m machine) read(name string) string {
	m.t.Helper()
	raw, err := os.ReadFile(m.path(name))
	require.NoError(m.t, err)
	return string(raw)
}

func (m machine) write(name, content string) {
	m.t.Helper()
	require.NoError(m.t, os.WriteFile(m.path(name), []byte(content), 0o644))
}

// calls are the commands that a boot gave, in their order.
func (m machine) calls() []string {
	return strings.Split(strings.TrimSpace(m.read("machine/calls")), "\n")
}

// every boots each node of a role.
func every(t *testing.T, role fleet.Role, law func(*testing.T, node, machine)) {
	t.Helper()
	booted := 0
	for _, n := range nodes {
		if n.role != role {
			continue
		}
		booted++
		t.Run(n.name, func(t *testing.T) { law(t, n, boot(t, n)) })
	}
	assert.Positive(t, booted, "a fleet has nodes of the role %s", role)
}

package standin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// makeFolders makes the spool and the folder that stands for /proc.
func (j *jibri) makeFolders() error {
	for _, folder := range []string{j.Spool, j.Proc} {
		if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // Jibri and the agent are different users
			return fmt.Errorf("recorder %s cannot be added: %w", j.ID, err)
		}
	}
	return nil
}

func (j *jibri) folderOf(pid int) string { return filepath.Join(j.Proc, strconv.Itoa(pid)) }

// tellProcess writes what the kernel tells of Jibri: its command and its connections to the shards' Prosodies.
func (j *jibri) tellProcess() error {
	var table strings.Builder
	table.WriteString("  sl  local_address rem_address   st\n")
	n := 0
	for s := range j.joined {
		a := s.addr.As4()
		_, _ = fmt.Fprintf(&table, "%4d: 0A0011AC:D431 %02X%02X%02X%02X:%04X 01\n", n, a[3], a[2], a[1], a[0], settings.XMPPPort)
		n++
	}
	folder := j.folderOf(j.pid)
	if err := os.MkdirAll(filepath.Join(folder, "net"), 0o755); err != nil { //nolint:gosec // as the kernel's
		return err
	}
	return errors.Join(
		replace(filepath.Join(folder, "net", "tcp"), table.String()),
		replace(filepath.Join(folder, "cmdline"), "java\x00-jar\x00/opt/jitsi/jibri/jibri.jar\x00"))
}

func (j *jibri) forgetProcess() error { return os.RemoveAll(j.folderOf(j.pid)) }

// tellEncoder writes what the kernel tells of an ffmpeg that writes to an output, with the CPU time that it took, in
// hundredths of a second.
func (j *jibri) tellEncoder(output string, ticks int64) error {
	folder := j.folderOf(j.session.pid)
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // as the kernel's
		return err
	}
	return errors.Join(
		replace(filepath.Join(folder, "stat"), fmt.Sprintf("%d (ffmpeg) S %d 1 1 0 -1 0 0 0 0 0 %d 10 0 0\n", j.session.pid, j.pid, ticks)),
		replace(filepath.Join(folder, "cmdline"), "ffmpeg\x00-y\x00-f\x00x11grab\x00-i\x00:0.0\x00"+output+"\x00"))
}

func (j *jibri) forgetEncoder(pid int) error { return os.RemoveAll(j.folderOf(pid)) }

// replace writes a file so that nobody reads a part of it, as nobody does of the kernel's.
func replace(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil { //nolint:gosec // as the kernel's
		return err
	}
	return os.Rename(path+".new", path)
}

package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/recording"
)

// Finalize writes the manifest of a session whose folder is final, atomically, and returns it. cutShort says why the
// recording ended before its session did; empty when it did not. A folder without any file has no manifest.
func Finalize(session string, instance fleet.InstanceID, cutShort string, now time.Time) (recording.Recording, error) {
	root, err := os.OpenRoot(session)
	if err != nil {
		return recording.Recording{}, fmt.Errorf("no manifest is written: %w", err)
	}
	defer func() { _ = root.Close() }()
	f, err := read(root)
	if err != nil {
		return recording.Recording{}, fmt.Errorf("no manifest is written: %s is not read: %w", session, err)
	}
	if len(f.files) == 0 {
		return recording.Recording{}, fmt.Errorf("no manifest is written: %w in %s", ErrEmpty, session)
	}
	f.manifest = nil // a session that is finalized twice ends the second time
	r := f.complete(f.describe(Config{Instance: instance, Now: func() time.Time { return now }}, filepath.Base(session)), now)
	r.CutShort = cutShort
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return r, fmt.Errorf("no manifest is written: %w", err)
	}
	if err := replace(root, recording.ManifestFile, append(raw, '\n')); err != nil {
		return r, fmt.Errorf("no manifest is written: %w", err)
	}
	return r, nil
}

// ErrEmpty is a session's folder without any file.
var ErrEmpty = errors.New("there is no file")

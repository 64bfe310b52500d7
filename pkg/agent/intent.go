package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Intent is what the control plane last wanted of the node. It outlives the agent and the component.
type Intent struct {
	// Instance is whose intent it is; one found on the disk of a machine image belongs to another and is void.
	Instance fleet.InstanceID `json:"instance"`
	Admitted bool             `json:"admitted"` // was told to take work at least once
	Drained  bool             `json:"drained"`  // shall take nothing new
	Retired  bool             `json:"retired"`  // shall shut down; never false again
	Moved    bool             `json:"moved"`    // shall shut down without waiting for its participants
}

// Memory is what the state file holds.
type Memory struct {
	Intent
	// Fences is the highest fencing counter seen of each control loop.
	Fences map[string]uint64 `json:"fences"`
	// ShardState is the shard's state that a signal node last heard of.
	ShardState fleet.ShardState `json:"shardState,omitempty"`
	// Starts is how many sessions were seen to begin on a recorder.
	Starts int64 `json:"starts,omitempty"`
}

// recall reads the state file. No file, or another instance's, is the memory of a node that was never ordered
// anything.
func recall(path string, instance fleet.InstanceID) (Memory, error) {
	fresh := Memory{Intent: Intent{Instance: instance}}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, nil
	}
	if err != nil {
		return Memory{}, fmt.Errorf("the state file cannot be read: %w", err)
	}
	var found Memory
	if err := json.Unmarshal(raw, &found); err != nil {
		return Memory{}, fmt.Errorf("the state file %s cannot be understood: %w", path, err)
	}
	if found.Instance != instance {
		return fresh, nil
	}
	return found, nil
}

// save writes the memory so that a crash at any moment leaves the old file or the new one.
func (m Memory) save(path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("the order cannot be remembered: %w", err)
		}
	}()
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	temporary, err := os.CreateTemp(dir, filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary.Name()))
		}
	}()
	if _, err := temporary.Write(append(raw, '\n')); err != nil {
		return errors.Join(err, temporary.Close())
	}
	if err := errors.Join(temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename in a directory outlive a power cut.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

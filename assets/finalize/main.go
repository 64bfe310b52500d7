// Command finalize is Jibri's finalize script. It writes the manifest of a session that has ended, from which the
// recorder's agent knows that the recording is whole, and does nothing else: Jibri waits for it and is busy as long.
//
// It runs inside Jibri's container, as Jibri's user, once, and nobody reads its exit status. When it fails the agent
// finds the session without a manifest and sees to it, later.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/spool"
)

func main() {
	if len(os.Args) != 2 || os.Args[1] == "-h" || os.Args[1] == "--help" {
		fmt.Fprintln(os.Stderr, "Usage: finalize FOLDER\n\nWrites FOLDER/manifest.json: the recording that Jibri's session folder holds.")
		os.Exit(2)
	}
	r, err := spool.Finalize(os.Args[1], fleet.InstanceID(os.Getenv("JIBRI_INSTANCE_ID")), "", time.Now())
	if err != nil {
		fmt.Fprintln(os.Stderr, "finalize:", err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "finalize: %s, %d files, %d bytes\n", r.ID, len(r.Files), r.Bytes())
}

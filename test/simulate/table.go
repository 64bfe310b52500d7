package main

import (
	"fmt"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/simulate"
)

// table is a comparison for a terminal.
func table(c simulate.Comparison, w simulate.Workload) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s: %d participants in %d rooms, %d recordings, %s\n", c.Workload, len(w.Visits), w.Rooms, len(w.Recordings), days(w))
	fmt.Fprintf(&b, "\n  %-20s %9s %8s %10s %8s %9s %9s %8s %9s\n", "bridges", "hours", "x bound", "overload %", "severe %", "no room %", "relayed %", "dropped", "launches")
	for _, r := range c.Runs {
		if f := r.Bridges; f != nil {
			fmt.Fprintf(&b, "  %-20s %9.1f %8s %10.3f %8.3f %9.3f %9.1f %8d %9d\n", r.Policy, f.InstanceHours, ratio(f.InstanceHours, f.LowerBoundHours),
				100*f.OverloadShare, 100*f.SevereShare, 100*f.UnservedShare, 100*f.RelayedShare, f.DroppedParticipants, f.Launches)
		}
	}
	fmt.Fprintf(&b, "\n  %-20s %9s %8s %10s %8s %9s %8s %9s\n", "recorders", "hours", "x busy", "idle hours", "waited %", "failed %", "killed", "launches")
	for _, r := range c.Runs {
		if f := r.Jibris; f != nil {
			fmt.Fprintf(&b, "  %-20s %9.1f %8s %10.1f %8.2f %9.2f %8d %9d\n", r.Policy, f.InstanceHours, ratio(f.InstanceHours, f.BusyHours),
				f.InstanceHours-f.BusyHours, 100*f.WaitedShare, 100*f.FailedShare, f.KilledRecordings, f.Launches)
		}
	}
	return b.String()
}

func ratio(a, b float64) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a/b)
}

func days(w simulate.Workload) string {
	return fmt.Sprintf("%.1f days", w.Length().Hours()/24)
}

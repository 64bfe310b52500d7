package main

import (
	"fmt"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/simulate"
)

// markdown is two tables, of bridges and of recorders: a row for each workload, a column for each policy.
func markdown(chapters []chapter, policies []string) string {
	bridges := grid{"bridges: hours by the lower bound, user time overloaded or without a bridge", func(r simulate.Run) string {
		f := r.Bridges
		if f == nil {
			return ""
		}
		cell := ratio(f.InstanceHours, f.LowerBoundHours) + ", " + share(f.OverloadShare+f.UnservedShare)
		if f.DroppedParticipants > 0 {
			cell += fmt.Sprintf(", %d dropped", f.DroppedParticipants)
		}
		return cell
	}}
	recorders := grid{"recorders: idle hours by the busy ones, starts failed", func(r simulate.Run) string {
		f := r.Jibris
		if f == nil {
			return ""
		}
		cell := ratio(f.InstanceHours-f.BusyHours, f.BusyHours) + ", " + share(f.FailedShare)
		if f.KilledRecordings > 0 {
			cell += fmt.Sprintf(", %d killed", f.KilledRecordings)
		}
		return cell
	}}
	return bridges.write(chapters, policies) + "\n" + recorders.write(chapters, policies)
}

// grid is one table: what stands over its rows, and in a cell, where "" is nothing to say.
type grid struct {
	title string
	cell  func(simulate.Run) string
}

func (g grid) write(chapters []chapter, policies []string) string {
	cells := map[[2]string]string{}
	ruled := map[string]bool{} // policies with a rule for what the grid is of
	for _, c := range chapters {
		for _, r := range c.comparison.Runs {
			if text := g.cell(r); text != "" && r.Policy != "bound" {
				cells[[2]string{c.workload.Name, r.Policy}], ruled[r.Policy] = text, true
			}
		}
	}
	head, line := "| "+g.title+" |", "|---|"
	for _, p := range policies {
		if ruled[p] {
			head, line = head+" "+p+" |", line+"---|"
		}
	}
	var b strings.Builder
	b.WriteString(head + "\n" + line + "\n")
	for _, c := range chapters {
		b.WriteString("| " + c.workload.Name + " |")
		for _, p := range policies {
			if ruled[p] {
				b.WriteString(" " + cells[[2]string{c.workload.Name, p}] + " |")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// share is a share in percent, with two significant digits and no more than are sure.
func share(v float64) string {
	switch percent := 100 * v; {
	case percent == 0:
		return "0"
	case percent < 0.01:
		return "< 0.01 %"
	case percent < 10:
		return fmt.Sprintf("%.2g %%", percent)
	default:
		return fmt.Sprintf("%.0f %%", percent)
	}
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/simulate"
)

// compare plays all workloads, prints the tables and writes the report.
func compare(ctx context.Context, workloads []simulate.Workload, o options, out, progress io.Writer) error {
	began := time.Now()
	chapters := make([]chapter, 0, len(workloads))
	for i, w := range workloads {
		if o.csv != "" && o.generates(i) { // a file of the user's would be written over
			if err := writeWorkload(w, filepath.Join(o.csv, w.Name+".csv")); err != nil {
				return err
			}
		}
		said := newProgress(progress, w, len(o.policies))
		c, err := simulate.Compare(ctx, w, o.policies, o.worldOf(i), runtime.NumCPU(), said.done)
		said.end()
		if err != nil {
			return err
		}
		chapters = append(chapters, chapter{w, o.worldOf(i), c})
		if err := show(c, w, o, out); err != nil {
			return err
		}
	}
	if o.markdown {
		say(out, "%s", markdown(chapters, o.policies))
	}
	if err := writeReport(chapters, o, progress); err != nil {
		return err
	}
	say(progress, "%d workloads in %.1f s\n", len(workloads), time.Since(began).Seconds())
	return nil
}

// chapter is one workload in the report.
type chapter struct {
	workload   simulate.Workload
	world      simulate.Options
	comparison simulate.Comparison
}

func show(c simulate.Comparison, w simulate.Workload, o options, out io.Writer) error {
	if o.json {
		return json.NewEncoder(out).Encode(c)
	}
	if o.markdown {
		return nil
	}
	_, err := io.WriteString(out, table(c, w))
	return err
}

// writeReport writes the page and the pictures.
func writeReport(chapters []chapter, o options, progress io.Writer) error {
	if o.html != "" {
		if err := os.MkdirAll(filepath.Dir(o.html), 0o750); err != nil {
			return err
		}
		content, err := page(chapters, o)
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.html, content, 0o600); err != nil {
			return err
		}
		say(progress, "Report: %s\n", o.html)
	}
	if o.png == "" {
		return nil
	}
	if err := os.MkdirAll(o.png, 0o750); err != nil {
		return err
	}
	for _, c := range chapters {
		paths, err := drawChapter(c, o.png)
		if err != nil {
			return err
		}
		say(progress, "Pictures: %s\n", strings.Join(paths, ", "))
	}
	return nil
}

func writeWorkload(w simulate.Workload, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := w.WriteCSV(file); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

// progress says on one line how many policies are played; off a terminal it says nothing but what is played.
type progress struct {
	to          io.Writer
	live        bool
	name        string
	played, all int
}

func newProgress(to io.Writer, w simulate.Workload, all int) *progress {
	p := &progress{to: to, live: terminal(to), name: fmt.Sprintf("%s: %d participants in %d rooms", w.Name, len(w.Visits), w.Rooms), all: all}
	if !p.live {
		say(to, "%s\n", p.name)
	}
	p.say("")
	return p
}

func terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (p *progress) say(last string) {
	if !p.live {
		return
	}
	say(p.to, "\r\x1b[K%s, %d of %d policies played%s", p.name, p.played, p.all, last)
}

func (p *progress) done(policy string) {
	p.played++
	p.say(", last " + policy)
}

func (p *progress) end() {
	if p.live {
		say(p.to, "\r\x1b[K")
	}
}

package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress tells a person what the sandbox does.
type progress struct {
	to    io.Writer
	began time.Time
}

func newProgress(toStderr bool) *progress {
	p := &progress{to: os.Stdout, began: time.Now()}
	if toStderr {
		p.to = os.Stderr
	}
	return p
}

// step says what begins now, with the seconds since the start.
func (p *progress) step(format string, args ...any) {
	_, _ = fmt.Fprintf(p.to, "%5.0fs  %s\n", time.Since(p.began).Seconds(), fmt.Sprintf(format, args...))
}

// line says more about the step.
func (p *progress) line(format string, args ...any) {
	_, _ = fmt.Fprintf(p.to, "        %s\n", fmt.Sprintf(format, args...))
}

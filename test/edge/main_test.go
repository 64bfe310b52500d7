package edge

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	long = flag.Bool("long", false, "the long form: ten thousand WebSockets, longer loads, three and four nodes")
	hold = flag.String("hold", "", "only hold WebSockets open, through these nodes: for a process that the tests start")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *hold != "" {
		if err := holdOpen(*hold, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return
	}
	m.Run()
	fmt.Print(figures.table())
}

// summary is what was measured, for the table at the end.
type summary struct {
	mu   sync.Mutex
	rows [][3]string
}

var figures summary

// note keeps one figure of a proof.
func (s *summary) note(proof, what, figure string, a ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append(s.rows, [3]string{proof, what, fmt.Sprintf(figure, a...)})
}

// table is all figures as a Markdown table, proof by proof.
func (s *summary) table() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rows) == 0 {
		return ""
	}
	slices.SortStableFunc(s.rows, func(a, b [3]string) int { return cmp.Compare(a[0], b[0]) })
	var out strings.Builder
	out.WriteString("| proof | figure | measured |\n|---|---|---|\n")
	for _, r := range s.rows {
		fmt.Fprintf(&out, "| %s | %s | %s |\n", r[0], r[1], r[2])
	}
	return out.String()
}

// seconds is a time as figures are written.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

package haproxy

import (
	"context"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
)

// Stat is the part of HAProxy's statistics that is used.
type Stat struct {
	// RequestRate is how many HTTP requests all frontends got in the last second.
	RequestRate int64
	Servers     []Server
}

// Server is one server of a backend.
type Server struct {
	Backend  string
	Name     string
	ID       int
	Status   Status
	Sessions int64 // now
	// Heard is true when its agent was understood at its last agent-check.
	Heard bool
	// Errors and Redispatches are counted since the process started: connections to it and answers of it that failed,
	// and requests that were sent to another server than theirs.
	Errors, Redispatches int64
}

// Status is how HAProxy uses a server.
type Status int

// The statuses.
const (
	Down        Status = iota // its health check fails, or its agent says so
	Up                        // it gets whatever the balancing gives it
	Drain                     // it gets only what is pinned to it
	Maintenance               // it gets nothing, by an administrator's, the agent's or the resolver's word
)

// Stat asks for the frontends and servers of all proxies.
func (a *Admin) Stat(ctx context.Context) (Stat, error) {
	answer, err := a.ask(ctx, "show stat -1 5 -1", maxStatBytes) // 5: frontends and servers
	if err != nil {
		return Stat{}, err
	}
	return ParseStat(answer)
}

// ParseStat reads the answer to "show stat": CSV whose first line begins with "# " and names the columns.
func ParseStat(answer string) (Stat, error) {
	head, ok := strings.CutPrefix(answer, "# ")
	if !ok {
		return Stat{}, fmt.Errorf("%w: show stat has no header: %s", ErrAnswer, firstLine(answer))
	}
	reader := csv.NewReader(strings.NewReader(head))
	reader.FieldsPerRecord = -1
	rows, err := reader.ReadAll()
	if err != nil {
		return Stat{}, fmt.Errorf("%w: show stat is no CSV: %w", ErrAnswer, err)
	}
	if len(rows) == 0 {
		return Stat{}, fmt.Errorf("%w: show stat names no columns", ErrAnswer)
	}
	columns := map[string]int{}
	for i, name := range rows[0] {
		columns[name] = i
	}
	var stat Stat
	for _, cells := range rows[1:] {
		r := row{columns: columns, cells: cells}
		switch r.text("type") {
		case "0":
			stat.RequestRate += r.number("req_rate")
		case "2":
			stat.Servers = append(stat.Servers, r.server())
		}
		if r.missing != "" {
			return Stat{}, fmt.Errorf("%w: show stat has no usable %s", ErrAnswer, r.missing)
		}
	}
	return stat, nil
}

// row is one line of the statistics; missing names a column that was asked for and is not there or no number.
type row struct {
	columns map[string]int
	cells   []string
	missing string
}

func (r *row) text(column string) string {
	i, ok := r.columns[column]
	if !ok || i >= len(r.cells) {
		r.missing = column
		return ""
	}
	return r.cells[i]
}

func (r *row) number(column string) int64 {
	n, err := strconv.ParseInt(r.text(column), 10, 53)
	if err != nil || n < 0 {
		r.missing = column
		return 0
	}
	return n
}

func (r *row) server() Server {
	return Server{
		Backend:  r.text("pxname"),
		Name:     r.text("svname"),
		ID:       int(r.number("sid")),
		Status:   statusOf(r.text("status")),
		Sessions: r.number("scur"),
		Heard:    heard(r.text("agent_status")),

		Errors: r.number("econ") + r.number("eresp"), Redispatches: r.number("wredis"),
	}
}

// statusOf reads a status such as "UP", "UP 1/3", "DRAIN (agent)", "MAINT (resolution)" or "no check".
func statusOf(text string) Status {
	switch {
	case strings.HasPrefix(text, "UP"), text == "no check":
		return Up
	case strings.HasPrefix(text, "DRAIN"), strings.HasPrefix(text, "NOLB"):
		return Drain
	case strings.HasPrefix(text, "MAINT"):
		return Maintenance
	default:
		return Down
	}
}

// heard reads the result of the last agent-check, which has a star before it while the next one runs. L7OK is an
// agent that said up, L7STS one that said down; everything else is one that was not heard.
func heard(text string) bool {
	text = strings.TrimPrefix(text, "* ")
	return text == "L7OK" || text == "L7STS"
}

package page

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// keptLines is how many lines of a log group are remembered.
const keptLines = 2000

// Logs are the last lines of log groups. The zero Logs is empty and ready.
type Logs struct {
	mu     sync.Mutex
	groups map[string][]*logged
}

type logged struct {
	at     time.Time
	text   string
	record record // once it has been read
}

// Add adds a line to a group.
func (l *Logs) Add(group, text string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.groups == nil {
		l.groups = map[string][]*logged{}
	}
	l.groups[group] = append(l.groups[group], &logged{at: now, text: text})
	if lines := l.groups[group]; len(lines) > 2*keptLines {
		l.groups[group] = slices.Clone(lines[len(lines)-keptLines:])
	}
}

// ask answers a query: rows of its fields, the newest first.
func (l *Logs) ask(q *query, clock func(time.Time) string) [][]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []*logged
	for _, group := range q.groups {
		kept := 0
		for _, one := range slices.Backward(l.groups[group]) {
			if kept < q.limit && q.keeps(one.read()) {
				found, kept = append(found, one), kept+1
			}
		}
	}
	slices.SortStableFunc(found, func(a, b *logged) int { return b.at.Compare(a.at) })
	rows := [][]string{}
	for _, one := range found[:min(len(found), q.limit)] {
		row := make([]string, len(q.columns))
		for i, c := range q.columns {
			if row[i] = c.of(one.record); c.label == at {
				row[i] = clock(one.at)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// read finds the fields of a line in JSON, as Logs Insights does. Another line has none.
func (l *logged) read() record {
	if l.record == nil {
		l.record = record{"@message": l.text}
		var members map[string]any
		if json.Unmarshal([]byte(l.text), &members) == nil {
			l.record.flatten("", members)
		}
	}
	return l.record
}

func (r record) flatten(path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			r.flatten(dotted(path, name), v[name])
		}
	case []any:
		for i, item := range v {
			r.flatten(dotted(path, strconv.Itoa(i)), item)
		}
	case nil:
	case float64:
		r[path] = strconv.FormatFloat(v, 'f', -1, 64)
	default:
		r[path] = fmt.Sprint(v)
	}
}

func dotted(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

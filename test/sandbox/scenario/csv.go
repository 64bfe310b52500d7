package scenario

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// header is DESIGN's workload file: one row for each participant, seconds from the start.
var header = []string{"room", "join", "leave", "recording_start", "recording_end"}

// ParseCSV reads a workload file as a scenario that begins at midnight, expects nothing of the bridges but that
// they come back to their minimum, and ends a while after the last participant left.
func ParseCSV(name string, r io.Reader) (Scenario, error) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = len(header)
	first, err := rows.Read()
	if err != nil {
		return Scenario{}, fmt.Errorf("workload %s has no header: %w", name, err)
	}
	if !slices.Equal(first, header) {
		return Scenario{}, fmt.Errorf("workload %s begins with %q: write %q", name, first, header)
	}
	s := Scenario{Name: name, Start: "00:00"}
	last := 0.0
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Scenario{}, fmt.Errorf("workload %s is not readable: %w", name, err)
		}
		line, _ := rows.FieldPos(0)
		visit, recorded, err := visitOf(row)
		if err != nil {
			return Scenario{}, fmt.Errorf("workload %s, line %d: %w", name, line, err)
		}
		s.visits = append(s.visits, visit)
		if recorded != nil {
			s.recordings = append(s.recordings, *recorded)
		}
		last = max(last, visit.Leave)
	}
	if len(s.visits) == 0 {
		return Scenario{}, fmt.Errorf("workload %s has no participants", name)
	}
	s.visits = sorted(s.visits)
	s.recordings = distinct(s.recordings)
	s.length = time.Duration(last*float64(time.Second)).Round(time.Minute) + afterLast
	return s, nil
}

// afterLast is how long a workload's scenario goes on for after the last participant left.
const afterLast = time.Hour

func visitOf(row []string) (Visit, *Recording, error) {
	join, err := seconds("join", row[1])
	if err != nil {
		return Visit{}, nil, err
	}
	leave, err := seconds("leave", row[2])
	if err != nil {
		return Visit{}, nil, err
	}
	if row[0] == "" {
		return Visit{}, nil, errors.New("the room is empty: write its name")
	}
	if leave <= join {
		return Visit{}, nil, fmt.Errorf("leave, %s, is not after join, %s", row[2], row[1])
	}
	recorded, err := recordingOf(row[0], row[3], row[4])
	return Visit{Room: row[0], Join: join, Leave: leave}, recorded, err
}

// recordingOf is the recording that a row tells of; nil when it tells of none.
func recordingOf(room, start, end string) (*Recording, error) {
	if start == "" && end == "" {
		return nil, nil
	}
	from, err := seconds("recording_start", start)
	if err != nil {
		return nil, err
	}
	until, err := seconds("recording_end", end)
	if err != nil {
		return nil, err
	}
	if until <= from {
		return nil, fmt.Errorf("recording_end, %s, is not after recording_start, %s", end, start)
	}
	return &Recording{Room: room, Start: from, End: until}, nil
}

// longest bounds a workload, in seconds: a year.
const longest = 366 * 24 * 60 * 60

func seconds(field, text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v <= longest) { // not the other way round, for NaN is neither less nor more
		return 0, fmt.Errorf("%s is %q: write seconds from the start, 0 to %d", field, text, longest)
	}
	return v, nil
}

package simulate

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Visit is one participant's stay in a room, in seconds from the workload's start.
type Visit struct {
	Room        int32 // index of the room
	Join, Leave float64
}

// Recording is one wish to record or stream a room: somebody presses the button at Start and stops it at End.
type Recording struct {
	Room       int32
	Start, End float64
}

// Workload is the conferences of some days or weeks. It is the same for every policy.
type Workload struct {
	Name string
	// Start is when second 0 is; forecasts go by the weekday and the minute.
	Start      time.Time
	Rooms      int
	Visits     []Visit     // by Join
	Recordings []Recording // by Start
}

// Length is the time from the start to the last event.
func (w Workload) Length() time.Duration {
	last := 0.0
	for _, v := range w.Visits {
		last = max(last, v.Leave)
	}
	for _, r := range w.Recordings {
		last = max(last, r.End)
	}
	return time.Duration(math.Ceil(last)) * time.Second
}

// Peak is the most participants and the most recordings at any moment.
func (w Workload) Peak() (people, recorded int) {
	length := w.Length().Seconds()
	return participantsOf(w).most(0, length), recordingsOf(w).most(0, length)
}

// sort puts visits and recordings into the order of their beginnings; ties keep the order of the file.
func (w *Workload) sort() {
	slices.SortStableFunc(w.Visits, func(a, b Visit) int { return cmp.Compare(a.Join, b.Join) })
	slices.SortStableFunc(w.Recordings, func(a, b Recording) int { return cmp.Compare(a.Start, b.Start) })
}

// header is the workload file's: one row for each participant, seconds from the start. The recording columns are filled on
// one row of a recorded room.
var header = []string{"room", "join", "leave", "recording_start", "recording_end"}

// columns is the header as a file has it.
var columns = strings.Join(header, ",")

// byteOrderMark is what some spreadsheets begin a file of UTF-8 with.
const byteOrderMark = "\ufeff"

// ReadCSV reads a workload file. The error names the line, the field, its value and the mend.
func ReadCSV(name string, start time.Time, r io.Reader) (Workload, error) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = -1 // a row of another length is refused with its line and the mend
	rows.ReuseRecord = true
	first, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return Workload{}, fmt.Errorf("workload %s has no header: write %s", name, columns)
	}
	if err != nil {
		return Workload{}, unreadable(name, err)
	}
	first[0] = strings.TrimPrefix(first[0], byteOrderMark)
	if !slices.Equal(first, header) {
		return Workload{}, fmt.Errorf("workload %s, line 1: the header is %.200q: write %s", name, strings.Join(first, ","), columns)
	}
	f := workloadFile{Workload: Workload{Name: name, Start: start}, rooms: map[string]int32{}, recorded: map[Recording]int{}}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Workload{}, unreadable(name, err)
		}
		line, _ := rows.FieldPos(0)
		if err := f.row(row, line); err != nil {
			return Workload{}, fmt.Errorf("workload %s, line %d: %w", name, line, err)
		}
	}
	if len(f.Visits) == 0 {
		return Workload{}, fmt.Errorf("workload %s has no participants: write one row for each", name)
	}
	f.Rooms = len(f.rooms)
	f.sort()
	return f.Workload, nil
}

func unreadable(name string, err error) error {
	if errors.Is(err, csv.ErrQuote) || errors.Is(err, csv.ErrBareQuote) {
		return fmt.Errorf(`workload %s is not readable: %w: write " around a field that has one, and each in it twice`, name, err)
	}
	return fmt.Errorf("workload %s is not readable: %w", name, err)
}

// workloadFile is a workload while its file is read.
type workloadFile struct {
	Workload
	rooms    map[string]int32
	recorded map[Recording]int // line of each
}

func (f *workloadFile) row(row []string, line int) error {
	if len(row) != len(header) {
		return fmt.Errorf("%d fields, %.200q: write the %d of %s", len(row), strings.Join(row, ","), len(header), columns)
	}
	if row[0] == "" {
		return errors.New(`the room is "": write its name`)
	}
	room, known := f.rooms[row[0]]
	if !known {
		room = int32(len(f.rooms)) //nolint:gosec // a file has far fewer rooms
		f.rooms[row[0]] = room
	}
	join, leave, err := span("join", row[1], "leave", row[2])
	if err != nil {
		return err
	}
	f.Visits = append(f.Visits, Visit{room, join, leave})
	if row[3] == "" && row[4] == "" {
		return nil
	}
	start, end, err := span("recording_start", row[3], "recording_end", row[4])
	if err != nil {
		return err
	}
	recording := Recording{room, start, end}
	if before, twice := f.recorded[recording]; twice {
		return fmt.Errorf("recording_start, %s, and recording_end, %s, of room %q are on line %d already: write them on one row of the room, or each would count", row[3], row[4], row[0], before)
	}
	f.recorded[recording] = line
	f.Recordings = append(f.Recordings, recording)
	return nil
}

// longest bounds a workload, in seconds: a year.
const longest = 366 * 24 * 60 * 60

// span reads two moments, of which the second is later.
func span(fromField, fromText, toField, toText string) (from, to float64, err error) {
	if from, err = seconds(fromField, fromText); err != nil {
		return 0, 0, err
	}
	if to, err = seconds(toField, toText); err != nil {
		return 0, 0, err
	}
	if to <= from {
		return 0, 0, fmt.Errorf("%s, %s, is not after %s, %s: write a later moment", toField, toText, fromField, fromText)
	}
	return from, to, nil
}

func seconds(field, text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v <= longest) { // not the other way round, for NaN is neither less nor more
		return 0, fmt.Errorf("%s is %q: write seconds from the start, 0 to %d", field, text, longest)
	}
	return v, nil
}

// WriteCSV writes a workload file.
func (w Workload) WriteCSV(to io.Writer) error {
	recordings := map[int32][]Recording{}
	for _, r := range w.Recordings {
		recordings[r.Room] = append(recordings[r.Room], r)
	}
	out := csv.NewWriter(to)
	row := slices.Clone(header)
	err := out.Write(row)
	for _, v := range w.Visits {
		row[0], row[1], row[2], row[3], row[4] = "room-"+strconv.Itoa(int(v.Room)), decimal(v.Join), decimal(v.Leave), "", ""
		if waiting := recordings[v.Room]; len(waiting) > 0 {
			row[3], row[4] = decimal(waiting[0].Start), decimal(waiting[0].End)
			recordings[v.Room] = waiting[1:]
		}
		err = errors.Join(err, out.Write(row))
	}
	out.Flush()
	return errors.Join(err, out.Error())
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

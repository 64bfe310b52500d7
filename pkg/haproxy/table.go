package haproxy

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Table is how full a stick table is.
type Table struct {
	Used int64
	Size int64
}

// Table asks for the stick table of a name.
func (a *Admin) Table(ctx context.Context, name string) (Table, error) {
	answer, err := a.ask(ctx, "show table", maxTextBytes)
	if err != nil {
		return Table{}, err
	}
	return ParseTables(answer, name)
}

// ParseTables reads the table of a name from the answer to "show table", one line for each table:
// "# table: rooms, type: string, size:200000, used:3".
func ParseTables(answer, name string) (Table, error) {
	for line := range strings.Lines(answer) {
		rest, ok := strings.CutPrefix(line, "# table: "+name+",")
		if !ok {
			continue
		}
		var t Table
		var errs [2]error
		for part := range strings.SplitSeq(rest, ",") {
			word, value, _ := strings.Cut(strings.TrimSpace(part), ":")
			switch word {
			case "size":
				t.Size, errs[0] = strconv.ParseInt(value, 10, 64)
			case "used":
				t.Used, errs[1] = strconv.ParseInt(value, 10, 64)
			}
		}
		if err := errors.Join(errs[:]...); err != nil || t.Size < 1 || t.Used < 0 {
			return Table{}, fmt.Errorf("%w: show table has no usable size and use of %s", ErrAnswer, name)
		}
		return t, nil
	}
	return Table{}, fmt.Errorf("%w: there is no table %s", ErrAnswer, name)
}

// word is what may stand in a command: nothing that ends a command or a line, begins another or needs quotes.
var word = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)

func words(all ...string) error {
	for _, w := range all {
		if !word.MatchString(w) {
			return fmt.Errorf("HAProxy is not asked: %q is no word", w)
		}
	}
	return nil
}

// Where asks which server a key is pinned to: its id, or 0 when the key is not in the table.
func (a *Admin) Where(ctx context.Context, table, key string) (int, error) {
	if err := words(table, key); err != nil {
		return 0, err
	}
	answer, err := a.ask(ctx, "show table "+table+" key "+key, maxTextBytes)
	if err != nil {
		return 0, err
	}
	return ParseEntry(answer, key)
}

// ParseEntry reads the answer to "show table T key K", which is empty for a key that is not there, else a line
// about the table and one about the key: "0x5619: key=K use=0 exp=575722 server_id=1 server_key=shard-1".
func ParseEntry(answer, key string) (int, error) {
	if answer == "" {
		return 0, nil
	}
	for line := range strings.Lines(answer) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[1] != "key="+key {
			continue
		}
		for _, f := range fields {
			if text, ok := strings.CutPrefix(f, "server_id="); ok {
				id, err := strconv.Atoi(text)
				if err != nil || id < 0 {
					return 0, fmt.Errorf("%w: server_id=%s is no id", ErrAnswer, text)
				}
				return id, nil
			}
		}
	}
	return 0, fmt.Errorf("%w: no server of the key: %s", ErrAnswer, firstLine(answer))
}

// Forget takes a key out of this process's table. It is not replicated: other nodes keep theirs, and whichever is
// asked for the room next teaches it again. That a key was not there is no error.
func (a *Admin) Forget(ctx context.Context, table, key string) error {
	if err := words(table, key); err != nil {
		return err
	}
	return a.tell(ctx, "clear table "+table+" key "+key)
}

// ErrPinned says that a key is pinned to another server than was ordered.
var ErrPinned = errors.New("the key is pinned already")

// Place pins a key to the server with an id, which is replicated to the peers. HAProxy silently ignores that for a
// key that traffic has taught it, so Place asks afterwards and fails with ErrPinned: forget it on every node first.
func (a *Admin) Place(ctx context.Context, table, key string, id int) error {
	if err := words(table, key); err != nil {
		return err
	}
	// A key that is pinned there already is not set again: HAProxy would keep the server's name beside a new id.
	if there, err := a.Where(ctx, table, key); err != nil || there == id {
		return err
	} else if there != 0 {
		return fmt.Errorf("%w: to the server %d, not to %d", ErrPinned, there, id)
	}
	if err := a.tell(ctx, fmt.Sprintf("set table %s key %s data.server_id %d", table, key, id)); err != nil {
		return err
	}
	there, err := a.Where(ctx, table, key)
	if err == nil && there != id {
		err = fmt.Errorf("%w: to the server %d, not to %d", ErrPinned, there, id)
	}
	return err
}

package recording

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse reads a recording from JSON and validates it.
func Parse(raw []byte) (Recording, error) {
	var r Recording
	if err := json.Unmarshal(raw, &r); err != nil {
		return Recording{}, fmt.Errorf("a recording is not read: it is no JSON of one: %w", err)
	}
	if err := r.Validate(); err != nil {
		return Recording{}, err
	}
	return r, nil
}

// Validate is nil for a recording that can be catalogued; else every fault, with field, value and what would mend it.
func (r Recording) Validate() error {
	var c faults
	_, dated := Day(r.ID)
	c.check(name(r.ID) && dated, "id", r.ID, "what recording.ID gives, such as 20261122T090312Z-room-0123456789ab")
	c.check(name(r.Session), "session", r.Session, "the name of Jibri's folder, without a slash")
	c.check(r.Instance != "", "instance", r.Instance, "the recorder's instance id")
	c.check(r.Room != "" && utf8.ValidString(r.Room), "room", r.Room, "the meeting's name in UTF-8")
	c.check(utf8.ValidString(r.Tenant), "tenant", r.Tenant, "the tenant's name in UTF-8")
	c.check(r.State.Known(), "state", r.State, "one of the states of a recording")
	c.check(!r.Start.IsZero(), "start", r.Start, "when the session began")
	c.check(r.End.IsZero() || !r.End.Before(r.Start), "end", r.End, "no moment before start")
	c.check(!r.At.IsZero(), "at", r.At, "when the state began")
	c.check((r.Reason != "") == (r.State == Failed), "reason", r.Reason, "a reason when the state is failed, and only then")
	if r.State.Reached(Spooled) {
		c.check(len(r.Files) > 0, "files", len(r.Files), "at least one file once a recording is spooled")
		c.check(!r.End.IsZero(), "end", r.End, "a moment once a recording is spooled")
	}
	for i, f := range r.Files {
		c.file(fmt.Sprintf("files[%d]", i), f, r.State.Reached(Uploaded))
	}
	if len(c) == 0 {
		return nil
	}
	return fmt.Errorf("recording %q is not valid: %w", r.ID, errors.Join(c...))
}

type faults []error

func (c *faults) check(ok bool, field string, value any, mend string) {
	if !ok {
		*c = append(*c, fmt.Errorf("%s is %q: it must be %s", field, fmt.Sprint(value), mend))
	}
}

func (c *faults) file(field string, f File, uploaded bool) {
	c.check(name(f.Name), field+".name", f.Name, "a file's name without a slash")
	c.check(f.Bytes >= 0, field+".bytes", f.Bytes, "0 or more")
	c.check(f.CRC64NVME == "" && !uploaded || checksum(f.CRC64NVME), field+".crc64nvme", f.CRC64NVME, "base64 of 8 bytes once it is uploaded")
	c.check(f.Key == "" && !uploaded || key(f.Key), field+".key", f.Key, "its place below "+Prefix+" once it is uploaded")
}

func name(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= maxFile && !strings.ContainsRune(s, '/') && printable(s)
}

func key(s string) bool { return strings.HasPrefix(s, Prefix) && len(s) <= MaxKey && printable(s) }

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func checksum(s string) bool {
	raw, err := base64.StdEncoding.DecodeString(s)
	return err == nil && len(raw) == 8
}

// SafeName is a name for a file that stands in a manifest, a message and a key as it is: the name itself when it does.
func SafeName(file string) string {
	if name(file) {
		return file
	}
	return fileSegment(file)
}

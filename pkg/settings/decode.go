package settings

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// decoder reads JSON into a struct by its json tags. Unlike encoding/json it goes on after a problem, knows
// where it is, and refuses unknown keys, keys in another case, duplicate keys and null.
type decoder struct{ *report }

// document reads a whole document whose top is named root in paths. It reports whether it was JSON at all.
func (d decoder) document(raw []byte, into any, root string) bool {
	if !json.Valid(raw) {
		d.refuse(root, nil, "write a JSON object; %s", syntax(raw))
		return false
	}
	d.value(bytes.TrimSpace(raw), reflect.ValueOf(into).Elem(), root)
	return true
}

// syntax says in words why raw is not JSON.
func syntax(raw []byte) string {
	if len(bytes.TrimSpace(raw)) == 0 {
		return "there is nothing"
	}
	var ignored any
	err := json.Unmarshal(raw, &ignored)
	var at *json.SyntaxError
	if errors.As(err, &at) {
		before := raw[:min(int(at.Offset), len(raw))]
		return fmt.Sprintf("line %d cannot be read: %v", 1+bytes.Count(before, []byte("\n")), err)
	}
	return fmt.Sprintf("it cannot be read: %v", err)
}

func (d decoder) value(raw json.RawMessage, into reflect.Value, path string) {
	if into.Kind() == reflect.Pointer {
		d.pointer(raw, into, path)
		return
	}
	if text, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		var s string
		if raw[0] != '"' || json.Unmarshal(raw, &s) != nil || text.UnmarshalText([]byte(s)) != nil {
			d.cannotRead(path, raw, "%s", form(into.Type()))
		}
		return
	}
	switch {
	case into.Kind() == reflect.Struct && raw[0] == '{':
		d.structure(raw, into, path)
	case into.Kind() == reflect.Map && raw[0] == '{':
		d.table(raw, into, path)
	case into.Kind() == reflect.Slice && raw[0] == '[':
		d.list(raw, into, path)
	case raw[0] == 'n' || json.Unmarshal(raw, into.Addr().Interface()) != nil:
		d.cannotRead(path, raw, "%s", form(into.Type()))
	}
}

// pointer leaves a number that cannot be read unset; a structure is set, so that it is not called missing.
func (d decoder) pointer(raw json.RawMessage, into reflect.Value, path string) {
	before := len(d.problems)
	target := reflect.New(into.Type().Elem())
	d.value(raw, target.Elem(), path)
	if len(d.problems) == before || target.Elem().Kind() == reflect.Struct {
		into.Set(target)
	}
}

func (d decoder) structure(raw json.RawMessage, into reflect.Value, path string) {
	fields := fieldsOf(into)
	for _, m := range d.members(raw, path) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == m.key })
		if i < 0 {
			d.unknown(m, fields, path)
			continue
		}
		d.value(m.raw, fields[i].value, below(path, m.key))
	}
}

func (d decoder) unknown(m member, fields []field, path string) {
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.key
	}
	if meant, ok := nearest(m.key, known); ok {
		d.cannotRead(below(path, m.key), m.raw, "there is no such key; did you mean %q?", meant)
		return
	}
	d.cannotRead(below(path, m.key), m.raw, "there is no such key; remove it or write one of %s", strings.Join(known, ", "))
}

func (d decoder) table(raw json.RawMessage, into reflect.Value, path string) {
	members := d.members(raw, path)
	if len(members) == 0 {
		into.SetZero()
		return
	}
	into.Set(reflect.MakeMapWithSize(into.Type(), len(members)))
	for _, m := range members {
		v := reflect.New(into.Type().Elem()).Elem()
		d.value(m.raw, v, below(path, m.key))
		into.SetMapIndex(reflect.ValueOf(m.key), v)
	}
}

func (d decoder) list(raw json.RawMessage, into reflect.Value, path string) {
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil || len(elements) == 0 {
		into.SetZero()
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(elements), len(elements)))
	for i, e := range elements {
		d.value(e, into.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

type member struct {
	key string
	raw json.RawMessage
}

// members are an object's members; of a key that stands twice, the first.
func (d decoder) members(raw json.RawMessage, path string) []member {
	dec := json.NewDecoder(bytes.NewReader(raw))
	var found []member
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) || token == json.Delim('}') {
			return found
		}
		key, ok := token.(string)
		if !ok {
			continue
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return found
		}
		if slices.ContainsFunc(found, func(m member) bool { return m.key == key }) {
			d.cannotRead(below(path, key), v, "the key stands twice; remove one of the two")
			continue
		}
		found = append(found, member{key, v})
	}
}

// field is one JSON key of a struct, with those of embedded structs.
type field struct {
	key   string
	value reflect.Value
}

func fieldsOf(v reflect.Value) []field {
	var fields []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			fields = append(fields, fieldsOf(v.Field(i))...)
			continue
		}
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields = append(fields, field{key, v.Field(i)})
	}
	return fields
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// below is the path of a key in the object at path.
func below(path, key string) string {
	if plainKey.MatchString(key) {
		return path + "." + key
	}
	return path + "[" + strconv.Quote(key) + "]"
}

// form tells how a value of a type is written.
func form(t reflect.Type) string {
	switch reflect.Zero(t).Interface().(type) {
	case Duration:
		return `write a number and a unit in quotes, such as "90s", "4m" or "1h30m"`
	case Day:
		return `write a weekday in quotes: "mon", "tue", "wed", "thu", "fri", "sat" or "sun"`
	case Clock:
		return `write a time of day in quotes, from "00:00" to "24:00"`
	case netip.Prefix:
		return `write an IPv4 range in quotes, such as "10.64.0.0/16"`
	}
	switch t.Kind() {
	case reflect.Int:
		return "write a whole number without quotes"
	case reflect.Float64:
		return "write a number without quotes"
	case reflect.Slice:
		return "write a list in brackets"
	case reflect.Struct, reflect.Map:
		return "write an object in braces"
	default:
		return "write a text in quotes"
	}
}

package collector

import (
	"reflect"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/elastic"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
)

// Fields is every field that a document can have, in the order of the reference.
func Fields() []elastic.Field {
	fields := fieldsOf(reflect.TypeFor[Document](), "")
	for _, m := range telemetry.All {
		of := "of the fleet: "
		if m.Scope == telemetry.PerShard {
			of = "of a shard: "
		}
		fields = append(fields, elastic.Field{Path: "jitsi.metrics." + fieldName(m), Type: "double", Meaning: of + m.Meaning})
	}
	for _, m := range totals {
		fields = append(fields, elastic.Field{Path: "jitsi.total." + fieldName(m), Type: "double", Meaning: "of the fleet: sum over its shards: " + m.Meaning})
	}
	return fields
}

// fieldsOf reads the fields off a struct's tags.
func fieldsOf(t reflect.Type, prefix string) []elastic.Field {
	var fields []elastic.Field
	for i := range t.NumField() {
		f := t.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if kind := f.Tag.Get("es"); kind != "" {
			fields = append(fields, elastic.Field{Path: prefix + key, Type: kind, Meaning: f.Tag.Get("meaning")})
			continue
		}
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[time.Time]() {
			fields = append(fields, fieldsOf(inner, prefix+key+".")...)
		}
	}
	return fields
}

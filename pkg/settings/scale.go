package settings

import (
	"fmt"
	"reflect"
	"time"
)

// Scale divides every time.Duration and Duration in what v points to by a factor above 0, through structs, slices
// and pointers. It serves environments in which time runs faster. It panics when v is no pointer or factor is not
// above 0, which are faults of the caller's code.
func Scale(v any, factor float64) {
	value := reflect.ValueOf(v)
	if value.Kind() != reflect.Pointer || !(factor > 0) {
		panic(fmt.Sprintf("cannot scale %T by %v: a pointer and a factor above 0 are needed", v, factor))
	}
	scale(value.Elem(), factor)
}

func scale(v reflect.Value, factor float64) {
	switch v.Interface().(type) {
	case time.Duration, Duration:
		v.SetInt(int64(float64(v.Int()) / factor))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scale(v.Elem(), factor)
		}
	case reflect.Slice:
		for i := range v.Len() {
			scale(v.Index(i), factor)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scale(v.Field(i), factor)
			}
		}
	}
}

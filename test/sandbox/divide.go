package main

import (
	"fmt"
	"reflect"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// divide divides every time.Duration and settings.Duration in what v points to by a factor above 0, through structs, slices
// and pointers. It panics when v is no pointer or factor is not
// above 0, which are faults of the caller's code.
func divide(v any, factor float64) {
	value := reflect.ValueOf(v)
	if value.Kind() != reflect.Pointer || !(factor > 0) {
		panic(fmt.Sprintf("cannot divide %T by %v: a pointer and a factor above 0 are needed", v, factor))
	}
	divideValue(value.Elem(), factor)
}

func divideValue(v reflect.Value, factor float64) {
	switch v.Interface().(type) {
	case time.Duration, settings.Duration:
		v.SetInt(int64(float64(v.Int()) / factor))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			divideValue(v.Elem(), factor)
		}
	case reflect.Slice:
		for i := range v.Len() {
			divideValue(v.Index(i), factor)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				divideValue(v.Field(i), factor)
			}
		}
	}
}

package settings

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// EncodeEnv writes an env contract, a struct with env tags, as environment variables. A text that is empty is an
// error: a variable that nobody filled is a fault of the wiring, better found at synth than in a Lambda.
func EncodeEnv(contract any) (map[string]string, error) {
	env, r := map[string]string{}, &report{}
	for _, v := range variables(reflect.ValueOf(contract)) {
		text := v.encode()
		if text == "" {
			r.refuse(v.name, nil, "fill it in the contract")
			continue
		}
		env[v.name] = text
	}
	return env, r.err()
}

// DecodeEnv reads an env contract, a pointer to a struct with env tags, by a look-up such as os.LookupEnv. The
// error is Invalid, with every variable that is missing, empty or of the wrong kind.
func DecodeEnv(contract any, lookup func(string) (string, bool)) error {
	r := &report{}
	for _, v := range variables(reflect.ValueOf(contract).Elem()) {
		text, found := lookup(v.name)
		if !found || text == "" {
			r.refuse(v.name, nil, "set the variable; the CDK app does")
			continue
		}
		if mend := v.decode(text); mend != "" {
			r.refuse(v.name, text, "%s", mend)
		}
	}
	return r.err()
}

// variable is one field of an env contract.
type variable struct {
	name  string
	value reflect.Value
}

func variables(contract reflect.Value) []variable {
	var found []variable
	for i := range contract.NumField() {
		f := contract.Type().Field(i)
		if f.Anonymous {
			found = append(found, variables(contract.Field(i))...)
			continue
		}
		found = append(found, variable{f.Tag.Get("env"), contract.Field(i)})
	}
	return found
}

func (v variable) encode() string {
	switch value := v.value.Interface().(type) {
	case time.Duration:
		return value.String()
	case float64:
		return strconv.FormatFloat(value, 'g', -1, 64)
	default:
		return fmt.Sprint(value)
	}
}

// decode sets the field; it returns what to write instead when it cannot.
func (v variable) decode(text string) string {
	switch v.value.Interface().(type) {
	case time.Duration:
		d, err := time.ParseDuration(text)
		v.value.SetInt(int64(d))
		return unless(err, `write a number and a unit, such as "90s"`)
	case AtDrainLimit:
		v.value.SetString(text)
		if text != string(Hold) && text != string(Move) {
			return `write "hold" or "move"`
		}
		return ""
	}
	switch v.value.Kind() {
	case reflect.String:
		v.value.SetString(text)
		return ""
	case reflect.Int:
		n, err := strconv.Atoi(text)
		v.value.SetInt(int64(n))
		return unless(err, "write a whole number")
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if n-n != 0 { // infinite, or not a number
			err = errors.New("not finite")
		}
		v.value.SetFloat(n)
		return unless(err, "write a number")
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		v.value.SetBool(b)
		return unless(err, `write "true" or "false"`)
	default:
		return fmt.Sprintf("change the contract: a %s cannot be carried in a variable", v.value.Type())
	}
}

func unless(err error, mend string) string {
	if err == nil {
		return ""
	}
	return mend
}

package event

import (
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Event is something that happened. Its types are the structs of this package.
type Event interface {
	// Kind names what happened, in words with hyphens; no two types have the same.
	Kind() string
}

// Field is one field of an event as it is shown.
type Field struct {
	Name  string // snake_case, with the unit
	Value any    // string, bool, int64, uint64 or float64
}

// Fields returns what an event tells, in the order of its struct. Empty texts are left out.
func Fields(e Event) []Field {
	v := reflect.ValueOf(e)
	out := make([]Field, 0, v.NumField())
	for i := range v.NumField() {
		f, ok := shown(v.Type().Field(i).Name, v.Field(i))
		if ok && f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

// shown turns one field into a name and a value. It reports false for a type that no event may have.
func shown(name string, v reflect.Value) (Field, bool) {
	name = snake(name)
	switch x := v.Interface().(type) {
	case time.Duration:
		return Field{name + "_seconds", x.Seconds()}, true
	case Bps:
		return Field{name + "_mbps", x.mbps()}, true
	}
	switch {
	case v.Kind() == reflect.String:
		return Field{name, v.String()}, true
	case v.Kind() == reflect.Bool:
		return Field{name, v.Bool()}, true
	case v.CanInt():
		return Field{name, v.Int()}, true
	case v.CanUint():
		return Field{name, v.Uint()}, true
	case v.CanFloat():
		return Field{name, v.Float()}, true
	}
	return Field{}, false
}

// snake writes NewBytes as new_bytes.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Line returns an event as one line: its kind, and key=value for each field.
func Line(e Event) string {
	b := []byte(e.Kind())
	for _, f := range Fields(e) {
		b = append(append(append(b, ' '), f.Name...), '=')
		switch x := f.Value.(type) {
		case string:
			b = strconv.AppendQuote(b, x)
		case bool:
			b = strconv.AppendBool(b, x)
		case int64:
			b = strconv.AppendInt(b, x, 10)
		case uint64:
			b = strconv.AppendUint(b, x, 10)
		case float64:
			b = strconv.AppendFloat(b, x, 'f', -1, 64)
		}
	}
	return string(b)
}

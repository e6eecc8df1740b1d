package apply

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestNoKindOfLossIsForgotten: three lists of what may be lost once had 7, 10 and 11 of 12 kinds, and links to absolute paths were told
// in JSON and not on the terminal.
func TestNoKindOfLossIsForgotten(t *testing.T) {
	kinds := reflect.TypeFor[Lost]()
	snake := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for i := range kinds.NumField() {
		f := kinds.Field(i)
		var one Lost
		reflect.ValueOf(&one).Elem().Field(i).SetInt(3)

		if lines := one.Lines(); len(lines) != 1 || !strings.HasPrefix(lines[0], "3 ") || len(lines[0]) < 8 {
			t.Errorf("%s: people are told %q, want one line that says what it is", f.Name, lines)
		}
		name := f.Tag.Get("json")
		b, err := json.Marshal(one)
		if err != nil || !snake.MatchString(name) || !strings.Contains(string(b), fmt.Sprintf(`"%s":3`, name)) {
			t.Errorf("%s: JSON is %s, %v; want a name in snake_case with the number 3", f.Name, b, err)
		}
		sum := one
		sum.add(one)
		if reflect.ValueOf(sum).Field(i).Int() != 6 {
			t.Errorf("%s: twice 3 is %+v", f.Name, sum)
		}
		if sum.add(Lost{}); reflect.ValueOf(sum).Field(i).Int() != 6 {
			t.Errorf("%s: adding nothing gives %+v", f.Name, sum)
		}
	}
	if lines := (Lost{}).Lines(); len(lines) > 0 {
		t.Errorf("nothing lost is told as %q", lines)
	}
}

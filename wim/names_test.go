package wim

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestNamesSortAsWindowsSortsThem(t *testing.T) {
	want := []string{"", "A", "a", "a.b", "AB", "_", "Ä", "ä", "ą", "𝄞", "\xed\xa0\xb4z", "\uffee", "Ａ", "ａ"}
	slices.SortFunc(want, CompareNames)
	for i := 1; i < len(want); i++ {
		a, _ := encodeUTF16(upper(want[i-1]))
		b, _ := encodeUTF16(upper(want[i]))
		for k := range a { // units compare as big-endian bytes do
			if k%2 == 0 && k+1 < len(a) {
				a[k], a[k+1] = a[k+1], a[k]
			}
		}
		for k := 0; k+1 < len(b); k += 2 {
			b[k], b[k+1] = b[k+1], b[k]
		}
		if bytes.Compare(a, b) > 0 {
			t.Errorf("%q stands before %q", want[i-1], want[i])
		}
	}
	if CompareNames("𝄞", "Ａ") >= 0 {
		t.Error("a surrogate must come before U+FF21, as units do")
	}
	if CompareNames("a", "A") <= 0 || CompareNames("x", "x") != 0 {
		t.Error("names that differ in case alone are ordered as they are")
	}
}

func TestNamesThatNoImageHoldsAreRefused(t *testing.T) {
	for name, ok := range map[string]bool{
		"x": true, strings.Repeat("ü", MaxName): true, strings.Repeat("x", MaxName+1): false,
		strings.Repeat("𝄞", MaxName/2+1): false, "a\xff": false, "\xed\xa0\x80": true,
	} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%.10q: %v", name, err)
		}
	}
}

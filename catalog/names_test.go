package catalog

import (
	"strings"
	"testing"
)

func TestParseRef(t *testing.T) {
	for in, want := range map[string]Ref{
		"win11":         {Name: "win11"},
		"win11@24H2":    {Name: "win11", Version: "24H2"},
		"win11@24H2:2":  {Name: "win11", Version: "24H2", Image: 2},
		"win11:65535":   {Name: "win11", Image: 65535},
		"a.b_c+d-e@1.0": {Name: "a.b_c+d-e", Version: "1.0"},
		strings.Repeat("a", MaxName) + "@" + strings.Repeat("v", MaxName): {
			Name: strings.Repeat("a", MaxName), Version: strings.Repeat("v", MaxName),
		},
	} {
		if got, err := ParseRef(in); err != nil || got != want {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{
		"", "@", ":", "a@", "@1", "a:", "a:0", "a:01", "a:+1", "a:65536", "a:x", "a@b@c", "a:1:2", "a b", "../a", ".a", "-a", "a/b", "a\x00",
		strings.Repeat("a", MaxName+1),
	} {
		if got, err := ParseRef(in); err == nil {
			t.Errorf("%q parses as %+v", in, got)
		}
	}
}

func TestParseName(t *testing.T) {
	if n, v, err := ParseName("win11@24H2"); n != "win11" || v != "24H2" || err != nil {
		t.Errorf("%q %q %v", n, v, err)
	}
	for _, in := range []string{"win11", "win11@24H2:1", "win11@", ""} {
		if _, _, err := ParseName(in); err == nil {
			t.Errorf("%q parses", in)
		}
	}
}

func TestLookup(t *testing.T) {
	h := fixture().head
	for in, want := range map[string]string{"win11": "24H2", "win11@23H2": "23H2", "office": "1"} {
		if e, err := h.Lookup(must(ParseRef(in))); err != nil || e.Version != want {
			t.Errorf("%s: %v, %v", in, e, err)
		}
	}
	_, err := h.Lookup(Ref{Name: "win11", Version: "25H2"})
	if err == nil || !strings.Contains(err.Error(), "23H2, 24H2") {
		t.Errorf("an unknown version should name the known ones: %v", err)
	}
	if _, err := h.Lookup(Ref{Name: "win10"}); err == nil {
		t.Error("found what is not there")
	}
}

func TestKinds(t *testing.T) {
	for k := KindImage; k <= KindDisk; k++ {
		if got, err := ParseKind(k.String()); err != nil || got != k {
			t.Errorf("%v: %v, %v", k, got, err)
		}
	}
	for old, k := range map[string]Kind{"package": KindFolder, "raw": KindFile} {
		if got, err := ParseKind(old); err != nil || got != k {
			t.Errorf("%s: %v, %v, want %v", old, got, err, k)
		}
	}
	for _, s := range []string{"", "wim", "kind 9"} {
		if _, err := ParseKind(s); err == nil {
			t.Errorf("kind %q parses", s)
		}
	}
}

// A host name that a machine came with is made fit; one that is fit stays as it is.
func TestFitLabelGivesWhatCheckLabelTakes(t *testing.T) {
	long := strings.Repeat("ä", 40)
	for in, want := range map[string]string{
		"pc-17":                  "pc-17",
		strings.Repeat("x", 64):  strings.Repeat("x", 64),
		strings.Repeat("x", 65):  strings.Repeat("x", 64),
		"a" + long:               "a" + strings.Repeat("ä", 31), // never half a character
		" pc\x00\x1b[31m ":       "pc[31m",
		"pc\xff":                 "pc?",
		strings.Repeat(" ", 70):  "",
		"":                       "",
		"\u200bpc\u202e":         "pc",
		strings.Repeat("x ", 40): strings.TrimSpace(strings.Repeat("x ", 32)),
	} {
		got := FitLabel(in)
		if got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
		if err := CheckLabel("name", got); want != "" && err != nil {
			t.Errorf("%q: %v", in, err)
		}
	}
}

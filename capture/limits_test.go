package capture

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/internal/regf"
	"github.com/wimcast/wimcast/internal/regf/regftest"
)

// TestTextsOfAnInstallation: a value is noted up to maxText bytes, and left out when it is longer.
func TestTextsOfAnInstallation(t *testing.T) {
	for past := range 2 {
		w := &windows{}
		w.set("X", strings.Repeat("x", maxText+past))
		if len(w.props) != 1-past {
			t.Errorf("a text of %d bytes: %d are noted", maxText+past, len(w.props))
		}
	}
}

// TestLanguagesOfAnInstallation: no more than maxLanguages are looked at.
func TestLanguagesOfAnInstallation(t *testing.T) {
	for past := range 2 {
		root := regftest.Key{Name: "ROOT"}
		for n := range maxLanguages + past {
			root.Keys = append(root.Keys, regftest.Key{Name: fmt.Sprintf("L%03d", n)})
		}
		b := regftest.Build(root, regftest.Options{})
		h, err := regf.Open(strings.NewReader(string(b)), int64(len(b)))
		must(t, err)
		k, err := h.Key("")
		must(t, err)
		w := &windows{}
		must(t, w.languages(k))
		if len(w.props) != maxLanguages || w.get("WINDOWS/LANGUAGES/LANGUAGE[256]") != "L255" {
			t.Errorf("of %d languages %d are noted", maxLanguages+past, len(w.props))
		}
	}
}

// TestShortNamesThatAreTried: the numbers 1 to maxTries, each of one digit.
func TestShortNamesThatAreTried(t *testing.T) {
	names := shortNames("a long name.text")
	if len(names) != maxTries || names[0] != "ALONGN~1.TEX" || names[maxTries-1] != "ALONGN~9.TEX" {
		t.Errorf("%q", names)
	}
}

func TestConfigAtAndOnePast(t *testing.T) {
	const section = "[ExclusionList]\n"
	long := section + "#" + strings.Repeat("x", MaxConfigBytes-len(section)-1)
	exceptions := func(n int) string {
		return section + strings.Repeat("x\n", maxGlobs/2) + "[ExclusionException]\n" + strings.Repeat("y\n", n-maxGlobs/2)
	}
	notes := func(n int) string { return strings.Repeat("x\n", n) } // in no section
	for what, c := range map[string]struct{ at, past string }{
		"bytes": {long, long + "x"},
		"globs": {exceptions(maxGlobs), exceptions(maxGlobs + 1)},
		"notes": {notes(maxGlobs), notes(maxGlobs + 1)},
	} {
		if _, err := ParseConfig([]byte(c.at)); err != nil {
			t.Errorf("%s at the limit: %v", what, err)
		}
		if _, err := ParseConfig([]byte(c.past)); err == nil || !strings.Contains(err.Error(), "over the limit") {
			t.Errorf("%s past the limit: %v", what, err)
		}
	}
}

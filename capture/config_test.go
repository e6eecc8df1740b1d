package capture

import (
	"strings"
	"testing"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestGlobs(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		fold, want    bool
	}{
		{"*", "", false, true},
		{"*", "abc", false, true},
		{"a*c", "abbc", false, true},
		{"a*c", "abcd", false, false},
		{"*.mp3", "x.mp3", false, true},
		{"*.mp3", "x.MP3", false, false},
		{"*.mp3", "x.MP3", true, true},
		{"?", "ü", false, true},
		{"??", "𝄞", false, false},
		{"a?c", "ac", false, false},
		{"**b**", "abc", false, true},
		{"[x]", "x", false, false},
		{"[x]", "[x]", false, true},
		{"Ü", "ü", true, true},
		{"*a*b", "ab ab a", false, false},
	} {
		if got := matchName(c.pattern, c.name, c.fold); got != c.want {
			t.Errorf("%q on %q, fold %v: %v", c.pattern, c.name, c.fold, got)
		}
	}
	if matchName(strings.Repeat("a*", 2000)+"b", strings.Repeat("a", 50_000), false) { // takes years where stars are tried in every combination
		t.Error("it does not match")
	}
}

func TestConfigsLeaveOutWhatTheySay(t *testing.T) {
	const all = "/ /a /a/x.mp3 /dir /dir/file /dir/other /dir/sub /dir/sub/deep.mp3 /dir/sub/s.txt"
	for text, want := range map[string]string{
		"":                                  all,
		"[ExclusionList]\n*.mp3":            "/ /a /dir /dir/file /dir/other /dir/sub /dir/sub/s.txt",
		"[ExclusionList]\n*.mp3\n[Section]": "/ /a /dir /dir/file /dir/other /dir/sub /dir/sub/s.txt",
		"[ExclusionList]\r\n \\dir \r\n":    "/ /a /a/x.mp3",
		"[ExclusionList]\nC:\\dir":          "/ /a /a/x.mp3",
		"[ExclusionList]\n/DIR\n# /a\n;/a":  all,
		"[ExclusionList]\n/*/sub\n\"/a\"":   "/ /dir /dir/file /dir/other",
		"[ExclusionList]\n/":                "/",
		"[ExclusionList]\n*\n[ExclusionException]\nfile\ndir":               "/ /dir /dir/file",
		"[ExclusionList]\n/dir\n[ExclusionException]\n/dir/sub/*.txt":       "/ /a /a/x.mp3 /dir /dir/sub /dir/sub/s.txt",
		"[ExclusionList]\n/dir\n[ExclusionException]\nfile":                 "/ /a /a/x.mp3",
		"[ExclusionList]\n/dir\n[ExclusionException]\n/dir/nothing":         "/ /a /a/x.mp3 /dir",
		"[ExclusionList]\nsub\n[ExclusionException]\n/dir/sub/s.txt":        all,
		"[ExclusionList]\n*.txt\n[ExclusionException]\n/dir/sub":            all,
		"[PrepopulateList]\n/dir\n[CompressionExclusionList]\n*.mp3\na/b/c": all,
	} {
		c, err := ParseConfig([]byte(text))
		must(t, err)
		if got := kept(c, all); got != want {
			t.Errorf("%q keeps %s, not %s", text, got, want)
		}
	}
}

// kept gives the paths of a tree, listed parents first, that a configuration leaves in.
func kept(c *Config, tree string) string {
	in := make(map[string]bool)
	var out []string
	for _, p := range strings.Fields(tree) {
		names := strings.FieldsFunc(p, func(r rune) bool { return r == '/' })
		if n := len(names); n > 0 && (n > 1 && !in["/"+strings.Join(names[:n-1], "/")] || c.excludes(names)) {
			continue
		}
		in[p] = true
		out = append(out, p)
	}
	return strings.Join(out, " ")
}

func TestBadConfigsNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"[ExclusionList]\n\nb/c":                                `line 3: glob "b/c" has several names but does not begin at the root; write "/b/c"`,
		"[ExclusionList]\nC:dir":                                `line 2: glob "C:dir" has a drive letter`,
		"[ExclusionException]\n\"\"":                            "line 2: an empty glob",
		"[ExclusionList]\n/x\xff":                               "line 2 is neither UTF-8",
		"\xff\xfe[":                                             "ends within a character",
		strings.Repeat("#", MaxConfigBytes+1):                   "over the limit",
		"[ExclusionList]\n" + strings.Repeat("x\n", maxGlobs+1): "over the limit",
	} {
		if _, err := ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
	if _, err := ParseConfig([]byte("[ExclusionList]\n" + strings.Repeat("x\n", maxGlobs))); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	c, err := ParseConfig([]byte("x\n[Foo]\nC:\\y\n[ExclusionList]\nC:\\y"))
	must(t, err)
	if len(c.Notes) != 3 {
		t.Errorf("notes: %q", c.Notes)
	}
}

func TestConfigsMayBeUTF16(t *testing.T) {
	plain := "[ExclusionList]\n/ü\n"
	var wide []byte
	for _, r := range plain {
		wide = append(wide, byte(r), byte(r>>8))
	}
	for _, text := range []string{plain, "\ufeff" + plain, string(wide), "\xff\xfe" + string(wide)} {
		c, err := ParseConfig([]byte(text))
		must(t, err)
		if !c.excludes([]string{"ü"}) {
			t.Errorf("%q was not understood", text)
		}
	}
	if !DefaultConfig().excludes([]string{"pagefile.sys"}) || DefaultConfig().excludes([]string{"a", "pagefile.sys"}) {
		t.Error("the default configuration leaves out pagefile.sys in the root alone")
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(defaultConfig), "a/b")
	f.Add([]byte("[ExclusionList]\n*.mp3\n/a/b*\n[ExclusionException]\n/a/b/c"), "a/b/x.mp3")
	f.Add([]byte("\xff\xfe[\x00"), "x")
	f.Fuzz(func(t *testing.T, text []byte, path string) {
		c, err := ParseConfig(text)
		if err != nil {
			return
		}
		c.excludes(strings.FieldsFunc(path, func(r rune) bool { return r == '/' }))
	})
}

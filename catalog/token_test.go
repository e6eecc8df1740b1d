package catalog

import (
	"strings"
	"testing"
)

func TestTokenSurvivesPasting(t *testing.T) {
	x := fixture()
	s := x.token.String()
	if strings.ContainsAny(s, " \n'\"+/=&$") {
		t.Errorf("token %s needs quoting", s)
	}
	for _, in := range []string{s, " " + s + "\r\n", s[:30] + "\n  " + s[30:]} {
		got, err := ParseToken(in)
		if err != nil || got.String() != s {
			t.Errorf("parse %q: %v", in, err)
		}
	}
}

func TestTokenCutIsCalledCut(t *testing.T) {
	s := fixture().token.String()
	for n := 1; n < len(s); n++ {
		_, err := ParseToken(s[:n])
		if err == nil || !strings.Contains(err.Error(), "cut short") && n >= len(tokenPrefix) {
			t.Fatalf("the first %d of %d characters: %v", n, len(s), err)
		}
	}
	if _, err := ParseToken(s + "A"); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("one character more: %v", err)
	}
}

func TestTokenWithAWrongCharacterIsRefused(t *testing.T) {
	s := fixture().token.String()
	for i := range s {
		for _, c := range []byte("Ab9-_!") {
			bad := []byte(s)
			bad[i] = c
			if string(bad) == s {
				continue
			}
			if _, err := ParseToken(string(bad)); err == nil {
				t.Fatalf("passes with %q at %d", c, i)
			}
		}
	}
	for in, want := range map[string]string{
		"":                    "empty",
		"wimcast2-AAAA":       "another version",
		"hello":               "does not begin",
		s[:60] + "X" + s[61:]: "checksum",
	} {
		if _, err := ParseToken(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}

func TestTokenAddressesAreBounded(t *testing.T) {
	for _, c := range []struct {
		list []string
		ok   bool
	}{
		{[]string{"host.example:1"}, true},
		{[]string{"[::1]:65535"}, true},
		{nil, false},
		{[]string{"host"}, false},
		{[]string{":4790"}, false},
		{[]string{"host:0"}, false},
		{[]string{"host:65536"}, false},
		{[]string{"ho st:1"}, false},
		{[]string{"h\"ost:1"}, false},
		{[]string{strings.Repeat("h", maxAddress-2) + ":1"}, true},
		{[]string{strings.Repeat("h", maxAddress-1) + ":1"}, false},
		{make9("h:1")[:MaxAddresses], true},
		{make9("h:1"), false},
	} {
		tok := fixture().token
		tok.Addresses = c.list
		if _, err := ParseToken(tok.String()); (err == nil) != c.ok {
			t.Errorf("addresses %q: %v", c.list, err)
		}
	}
}

func make9(s string) []string {
	out := make([]string, MaxAddresses+1)
	for i := range out {
		out[i] = s
	}
	return out
}

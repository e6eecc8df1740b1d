package main

import (
	"path/filepath"
	"testing"
)

func TestParseRate(t *testing.T) {
	for in, want := range map[string]uint64{"0": 0, "1000": 1000, "5k": 5000, "5K": 5000, "500M": 500e6, "1.5G": 1.5e9, "1000G": 1e12} {
		if got, err := parseRate(in); err != nil || got != want {
			t.Errorf("parseRate(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "M", "fast", "-1", "-1M", "NaN", "Inf", "1001G", "1e300", "5 M", "5MB"} {
		if got, err := parseRate(in); err == nil {
			t.Errorf("parseRate(%q) = %d, want an error", in, got)
		}
	}
}

func TestParsePercent(t *testing.T) {
	for in, want := range map[string]float64{"0": 0, "0%": 0, "1%": 0.01, "0.01": 0.01, "100%": 1, "1": 1, "2.5%": 0.025} {
		if got, err := parsePercent(in); err != nil || got != want {
			t.Errorf("parsePercent(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "%", "101%", "2", "-1%", "NaN", "NaN%", "one"} {
		if got, err := parsePercent(in); err == nil {
			t.Errorf("parsePercent(%q) = %v, want an error", in, got)
		}
	}
}

func TestCutNumber(t *testing.T) {
	cases := []struct {
		in, name string
		number   int
	}{
		{"win.wim", "win.wim", 0},
		{"win.wim:2", "win.wim", 2},
		{"win11@24H2:3", "win11@24H2", 3},
		{`C:\images\win.wim`, `C:\images\win.wim`, 0},
		{`C:\images\win.wim:2`, `C:\images\win.wim`, 2},
		{"there:8000/win.wim", "there:8000/win.wim", 0},
	}
	for _, c := range cases {
		if name, n, err := cutNumber(c.in); err != nil || name != c.name || n != c.number {
			t.Errorf("cutNumber(%q) = %q, %d, %v, want %q, %d", c.in, name, n, err, c.name, c.number)
		}
	}
	for _, in := range []string{"win.wim:", "win.wim:0", "win.wim:-1", "win.wim:x"} {
		if name, n, err := cutNumber(in); err == nil {
			t.Errorf("cutNumber(%q) = %q, %d, want an error", in, name, n)
		}
	}
}

func TestDefaultDirIsAbsolute(t *testing.T) {
	if dir := defaultDir(); !filepath.IsAbs(dir) || filepath.Base(dir) != "wimcast" {
		t.Errorf("defaultDir() = %q, want an absolute folder named wimcast", dir)
	}
}

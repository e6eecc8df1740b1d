package ui

import (
	"path/filepath"
	"testing"
)

func TestParseRate(t *testing.T) {
	for in, want := range map[string]uint64{"0": 0, "1000": 1000, "5k": 5000, "5K": 5000, "500M": 500e6, "1.5G": 1.5e9, "1000G": 1e12} {
		if got, err := ParseRate(in); err != nil || got != want {
			t.Errorf("ParseRate(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "M", "fast", "-1", "-1M", "NaN", "Inf", "1001G", "1e300", "5 M", "5MB"} {
		if got, err := ParseRate(in); err == nil {
			t.Errorf("ParseRate(%q) = %d, want an error", in, got)
		}
	}
}

func TestParsePercent(t *testing.T) {
	for in, want := range map[string]float64{"0": 0, "0%": 0, "1%": 0.01, "0.01": 0.01, "100%": 1, "1": 1, "2.5%": 0.025} {
		if got, err := ParsePercent(in); err != nil || got != want {
			t.Errorf("ParsePercent(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "%", "101%", "2", "-1%", "NaN", "NaN%", "one"} {
		if got, err := ParsePercent(in); err == nil {
			t.Errorf("ParsePercent(%q) = %v, want an error", in, got)
		}
	}
}

func TestDefaultDirIsAbsolute(t *testing.T) {
	if dir := DefaultDir(); !filepath.IsAbs(dir) || filepath.Base(dir) != "wimcast" {
		t.Errorf("DefaultDir() = %q, want an absolute folder named wimcast", dir)
	}
}

package ui

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"
)

// systemDir is where a node of the whole machine has its folder.
const systemDir = "/var/lib/wimcast"

// DirFlag is --dir, the folder of a node.
func DirFlag(into *string) cli.Flag {
	return &cli.StringFlag{Name: "dir", Usage: "`FOLDER` of the node: configuration, keys, store", Value: DefaultDir(), Destination: into}
}

// InterfaceFlag is --interface, the network interface that multicast goes through.
func InterfaceFlag(into *string) cli.Flag {
	return &cli.StringFlag{
		Name: "interface", Aliases: []string{"i"}, Usage: "network interface `NAME` that multicast goes over (default: as in wimcast.toml, else chosen)", Destination: into,
	}
}

// JSONFlag is --json: machine-readable output.
func JSONFlag(into *bool) cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "write JSON to standard output, one object per line; the last line is the result", Destination: into}
}

// VerboseFlag is --verbose: log more than changes of state.
func VerboseFlag(into *bool) cli.Flag {
	return &cli.BoolFlag{Name: "verbose", Usage: "log details to standard error", Destination: into}
}

// UnixXattrsFlag is --unix-xattrs, of verbs that apply an image.
func UnixXattrsFlag(into *bool) cli.Flag {
	return &cli.BoolFlag{Name: "unix-xattrs", Usage: "keep in extended attributes what this file system has no other place for", Destination: into}
}

// InvalidNamesFlag is --include-invalid-names, of verbs that apply an image; usage tells which names that are.
func InvalidNamesFlag(into *bool, usage string) cli.Flag {
	return &cli.BoolFlag{Name: "include-invalid-names", Usage: usage, Destination: into}
}

// TextFlag is an option whose text may be empty: its destination is nil where the option is not given.
type TextFlag = cli.FlagBase[*string, cli.NoConfig, textValue]

// textValue is what a TextFlag was given.
type textValue struct{ into **string }

// Create makes the value of a flag, for cli.
func (textValue) Create(given *string, into **string, _ cli.NoConfig) cli.Value {
	*into = given
	return &textValue{into}
}

// ToString is what help shows as the default.
func (textValue) ToString(*string) string { return "" }

// Set takes what is on the command line.
func (v *textValue) Set(text string) error {
	*v.into = &text
	return nil
}

// Get returns a *string.
func (v *textValue) Get() any { return *v.into }

// String is for the standard library's flags; nothing shows it.
func (v *textValue) String() string { return "" }

// DefaultDir is the machine's folder for root and on Windows services' behalf, else the user's state folder.
func DefaultDir() string {
	if runtime.GOOS == "windows" {
		if dir := os.Getenv("ProgramData"); dir != "" {
			return filepath.Join(dir, "wimcast")
		}
		return `C:\ProgramData\wimcast`
	}
	if os.Geteuid() == 0 {
		return systemDir
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "wimcast")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "wimcast")
	}
	return systemDir
}

// ParseRate reads a rate in bits per second: a number with an optional k, M or G (powers of ten), as "500M".
func ParseRate(s string) (bitsPerSecond uint64, err error) {
	number, unit := s, 1.0
	if n := len(s); n > 0 {
		if u, ok := map[byte]float64{'k': 1e3, 'K': 1e3, 'M': 1e6, 'G': 1e9}[s[n-1]]; ok {
			number, unit = s[:n-1], u
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(v) || v < 0 || v*unit > 1e12 {
		return 0, fmt.Errorf("rate %q: want bits per second up to 1000G, as 500M or 1G", s)
	}
	return uint64(v * unit), nil
}

// ParsePercent reads a share from 0 to 1, written as "1%" or "0.01".
func ParsePercent(s string) (float64, error) {
	number, isPercent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(number, 64)
	if isPercent {
		v /= 100
	}
	if err != nil || math.IsNaN(v) || v < 0 || v > 1 {
		return 0, fmt.Errorf("share %q: want 0%% to 100%%, as 1%% or 0.01", s)
	}
	return v, nil
}

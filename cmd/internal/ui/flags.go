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

// systemDir is where a node of the whole machine keeps its site, keys and store.
const systemDir = "/var/lib/wimcast"

// DirFlag is --dir, the folder of a node.
func DirFlag() cli.Flag {
	return &cli.StringFlag{Name: "dir", Usage: "`FOLDER` of the node: configuration, keys, store", Value: DefaultDir()}
}

// InterfaceFlag is --interface, the network interface that multicast goes through.
func InterfaceFlag() cli.Flag {
	return &cli.StringFlag{Name: "interface", Aliases: []string{"i"}, Usage: "network interface `NAME`; needed only when several are usable"}
}

// JSONFlag is --json: machine-readable output.
func JSONFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "write JSON to standard output, one object a line; the last line is the result"}
}

// VerboseFlag is --verbose: log more than changes of state.
func VerboseFlag() cli.Flag {
	return &cli.BoolFlag{Name: "verbose", Usage: "log details to standard error"}
}

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

// ParseRate reads a rate in bits a second: a number with an optional k, M or G (powers of ten), as "500M".
func ParseRate(s string) (bitsPerSecond uint64, err error) {
	number, unit := s, 1.0
	if n := len(s); n > 0 {
		if u, ok := map[byte]float64{'k': 1e3, 'K': 1e3, 'M': 1e6, 'G': 1e9}[s[n-1]]; ok {
			number, unit = s[:n-1], u
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(v) || v < 0 || v*unit > 1e12 {
		return 0, fmt.Errorf("rate %q: want bits a second up to 1000G, as 500M or 1G", s)
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

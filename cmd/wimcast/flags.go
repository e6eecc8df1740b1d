package main

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

// dirFlag is --dir, the folder of a node.
func dirFlag() cli.Flag {
	return &cli.StringFlag{Name: "dir", Usage: "`FOLDER` of the node: configuration, keys, store", Value: defaultDir()}
}

// interfaceFlag is --interface, the network interface that multicast goes through.
func interfaceFlag() cli.Flag {
	return &cli.StringFlag{Name: "interface", Aliases: []string{"i"}, Usage: "network interface `NAME`; needed only when several are usable"}
}

// jsonFlag is --json: machine-readable output.
func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "write JSON to standard output, one object a line; the last line is the result"}
}

// verboseFlag is --verbose: log more than changes of state.
func verboseFlag() cli.Flag {
	return &cli.BoolFlag{Name: "verbose", Usage: "log details to standard error"}
}

// defaultDir is the machine's folder for root and on Windows services' behalf, else the user's state folder.
func defaultDir() string {
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

// parseRate reads a rate in bits a second: a number with an optional k, M or G (powers of ten), as "500M".
func parseRate(s string) (bitsPerSecond uint64, err error) {
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

// parsePercent reads a share from 0 to 1, written as "1%" or "0.01".
func parsePercent(s string) (float64, error) {
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

// cutNumber splits "name:2" into the name and the number; without a number it is 0. A name that ends in ":" and something
// else than a number from 1 on is an error.
func cutNumber(s string) (name string, number int, err error) {
	at := strings.LastIndexByte(s, ':')
	if at <= 1 { // none, or a Windows drive as in C:x.wim
		return s, 0, nil
	}
	number, err = strconv.Atoi(s[at+1:])
	if err != nil {
		if strings.ContainsAny(s[at+1:], `/\`) {
			return s, 0, nil // a colon inside a path
		}
		return "", 0, fmt.Errorf("%q: want an image number after the colon", s)
	}
	if number < 1 {
		return "", 0, fmt.Errorf("%q: images are numbered from 1", s)
	}
	return s[:at], number, nil
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/urfave/cli/v3"
)

// printf writes data for the user to standard output.
func (a *app) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(a.out, format, args...)
	return err
}

// printJSON writes v as one line to standard output.
func (a *app) printJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	_, err = a.out.Write(append(b, '\n'))
	return err
}

// notef writes one line for people to standard error, about what went as it should.
func (a *app) notef(format string, args ...any) {
	if !a.quiet {
		a.warnf(format, args...)
	}
}

// warnf writes one line for people to standard error, about what is not as they may expect it.
func (a *app) warnf(format string, args ...any) {
	fmt.Fprintf(a.err, format+"\n", args...)
}

// logger returns a logger that writes key=value lines to standard error.
func (a *app) logger(verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: level}))
}

// checkPipe refuses a WIM file on standard output where something else would come between.
func (a *app) checkPipe(cmd *cli.Command) error {
	switch {
	case cmd.Bool("not-pipable"):
		return usageErrorf(cmd, "--not-pipable: what goes to standard output is a pipable file")
	case cmd.Bool("json"):
		return usageErrorf(cmd, "--json: standard output gets the WIM file")
	case isTerminal(a.out):
		return usageErrorf(cmd, "standard output is a terminal: name a file, or lead it into a program")
	}
	return nil
}

// isTerminal says whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}

// formatBytes writes a byte count for people, in powers of 1024.
func formatBytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, units := float64(n)/1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB"}
	for v >= 1023.95 && len(units) > 1 {
		v, units = v/1024, units[1:]
	}
	return fmt.Sprintf("%.1f %s", v, units[0])
}

// formatRate writes a rate for people, in powers of 1000, as networks are labelled.
func formatRate(bitsPerSecond float64) string {
	switch {
	case bitsPerSecond >= 999.5e6:
		return fmt.Sprintf("%.2f Gbit/s", bitsPerSecond/1e9)
	case bitsPerSecond >= 9.995e6:
		return fmt.Sprintf("%.0f Mbit/s", bitsPerSecond/1e6)
	case bitsPerSecond >= 1e6:
		return fmt.Sprintf("%.1f Mbit/s", bitsPerSecond/1e6)
	default:
		return fmt.Sprintf("%.0f kbit/s", bitsPerSecond/1e3)
	}
}

// formatPercent writes a share for people.
func formatPercent(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }

// goodput is bits a second; 0 for no time.
func goodput(bytes int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return 8 * float64(bytes) / d.Seconds()
}

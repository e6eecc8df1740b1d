package ui

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"
)

// Printf writes data for the user to standard output.
func (u *UI) Printf(format string, args ...any) error {
	_, err := fmt.Fprintf(u.Out, format, args...)
	return err
}

// PrintJSON writes v as one line to standard output.
func (u *UI) PrintJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	_, err = u.Out.Write(append(b, '\n'))
	return err
}

// Notef writes one line for people to standard error, about what went as it should.
func (u *UI) Notef(format string, args ...any) {
	if !u.Quiet {
		u.Warnf(format, args...)
	}
}

// Warnf writes one line for people to standard error, about what is not as they may expect it.
func (u *UI) Warnf(format string, args ...any) {
	fmt.Fprintf(u.Err, format+"\n", args...)
}

// Logger returns a logger that writes key=value lines to standard error.
func (u *UI) Logger(verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(u.Err, &slog.HandlerOptions{Level: level}))
}

// IsTerminal says whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}

// FormatBytes writes a byte count for people, in powers of 1024.
func FormatBytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, units := float64(n)/1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB"}
	for v >= 1023.95 && len(units) > 1 {
		v, units = v/1024, units[1:]
	}
	return fmt.Sprintf("%.1f %s", v, units[0])
}

// FormatRate writes a rate for people, in powers of 1000, as networks are labelled.
func FormatRate(bitsPerSecond float64) string {
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

// FormatPercent writes a share for people.
func FormatPercent(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }

// Goodput is bits per second; 0 for no time.
func Goodput(bytes int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return 8 * float64(bytes) / d.Seconds()
}

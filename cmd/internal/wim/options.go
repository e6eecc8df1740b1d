package wim

import (
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
)

// compressFlags are the options that say how a WIM file is compressed, as wimlib-imagex names them. unless tells what holds without --compress.
func compressFlags(unless string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "compress", Usage: "compress by `TYPE[:LEVEL]`: none, XPRESS (fast), LZX (maximum) or LZMS (recovery), LEVEL 1 to 100; default " + unless},
		&cli.StringFlag{Name: "chunk-size", Usage: "compress pieces of `SIZE` bytes; K, M and G may follow"},
		&cli.BoolFlag{Name: "solid", Usage: "compress files together: smaller, slower, and slow to read one file of"},
		&cli.StringFlag{Name: "solid-compress", Usage: "with --solid: compress by `TYPE[:LEVEL]`; default LZMS"},
		&cli.StringFlag{Name: "solid-chunk-size", Usage: "with --solid: compress pieces of `SIZE` bytes; default 64M"},
		&cli.BoolFlag{Name: "no-solid-sort", Usage: "with --solid: leave files in the order in which they were found; like beside like is smaller"},
	}
}

// checkFlags are the options that say whether a WIM file gets an integrity table.
func checkFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "check", Usage: "add an integrity table, and check the tables of files that are read"},
		&cli.BoolFlag{Name: "nocheck", Usage: "add no integrity table, nor check any"},
		&cli.BoolFlag{Name: "include-integrity", Usage: "add an integrity table, but check none"},
	}
}

// threadsFlag is --threads.
func threadsFlag() cli.Flag {
	return &cli.IntFlag{Name: "threads", Usage: "use `N` threads; 0 is one a processor"}
}

// maxThreads is the largest number of threads that are started; a larger number asked for counts as this one, as the bytes are the same.
const maxThreads = 64

// writerOptions reads compressFlags, checkFlags and threadsFlag, as far as the command has them. Without --compress the compression is unless.
func writerOptions(cmd *cli.Command, unless wim.Compression) (opts wim.WriterOptions, err error) {
	if opts.Compression, opts.Level, err = compressionOf(cmd, "compress", unless); err != nil {
		return opts, err
	}
	if opts.PieceSize, err = pieceSizeOf(cmd, "chunk-size", opts.Compression); err != nil {
		return opts, err
	}
	opts.Solid, opts.NoSolidSort = cmd.Bool("solid"), cmd.Bool("no-solid-sort")
	if opts.SolidCompression, opts.SolidLevel, err = compressionOf(cmd, "solid-compress", wim.LZMS); err != nil {
		return opts, err
	}
	if opts.SolidPieceSize, err = pieceSizeOf(cmd, "solid-chunk-size", opts.SolidCompression); err != nil {
		return opts, err
	}
	if opts.SolidCompression == wim.None {
		return opts, ui.UsageErrorf(cmd, "--solid-compress none: files are put together to be compressed; say XPRESS, LZX or LZMS")
	}
	opts.Threads, opts.Check, err = threadsAndCheck(cmd)
	return opts, err
}

// threadsAndCheck reads checkFlags and threadsFlag, as far as the command has them.
func threadsAndCheck(cmd *cli.Command) (threads int, check bool, err error) {
	if threads = min(cmd.Int("threads"), maxThreads); threads < 0 {
		return 0, false, ui.UsageErrorf(cmd, "--threads %d: want 0 or more", threads)
	}
	if cmd.Bool("nocheck") && (cmd.Bool("check") || cmd.Bool("include-integrity")) {
		return 0, false, ui.UsageErrorf(cmd, "--nocheck with --check or --include-integrity: say one of them")
	}
	return threads, cmd.Bool("check") || cmd.Bool("include-integrity"), nil
}

// compressionOf reads an option TYPE[:LEVEL].
func compressionOf(cmd *cli.Command, option string, unless wim.Compression) (wim.Compression, int, error) {
	if !cmd.IsSet(option) {
		return unless, 0, nil
	}
	text := cmd.String(option)
	name, number, graded := strings.Cut(text, ":")
	kind, ok := map[string]wim.Compression{
		"none": wim.None, "xpress": wim.XPRESS, "fast": wim.XPRESS, "lzx": wim.LZX, "maximum": wim.LZX, "lzms": wim.LZMS, "recovery": wim.LZMS,
	}[strings.ToLower(name)]
	if !ok {
		return 0, 0, ui.UsageErrorf(cmd, "--%s %q: want none, XPRESS (fast), LZX (maximum) or LZMS (recovery)", option, text)
	}
	if !graded {
		return kind, 0, nil
	}
	level, err := strconv.Atoi(number)
	if err != nil || level < 1 {
		return 0, 0, ui.UsageErrorf(cmd, "--%s %q: want a level from 1 to 100 after the colon", option, text)
	}
	return kind, min(level, 100), nil // as with wimlib-imagex, which has no more either
}

// pieceSizeOf reads an option that is a size of pieces.
func pieceSizeOf(cmd *cli.Command, option string, kind wim.Compression) (int, error) {
	if !cmd.IsSet(option) {
		return 0, nil
	}
	text := cmd.String(option)
	n, err := parseSize(text)
	if err != nil {
		return 0, ui.UsageErrorf(cmd, "--%s: %v", option, err)
	}
	if kind == wim.None {
		return 0, ui.UsageErrorf(cmd, "--%s: without compression nothing is cut into pieces", option)
	}
	bounds := map[wim.Compression][2]int64{wim.XPRESS: {4 << 10, 64 << 10}, wim.LZX: {32 << 10, 2 << 20}, wim.LZMS: {32 << 10, 1 << 30}}[kind]
	if n < bounds[0] || n > bounds[1] || bits.OnesCount64(uint64(n)) != 1 {
		return 0, ui.UsageErrorf(cmd, "--%s %s: %s has pieces of %s to %s, in powers of two", option, text, kind, ui.FormatBytes(bounds[0]), ui.FormatBytes(bounds[1]))
	}
	return int(n), nil
}

// parseSize reads a number of bytes: a number with an optional K, M or G, or KiB, MiB or GiB, which count in powers of 1024.
func parseSize(s string) (int64, error) {
	number := strings.TrimSuffix(s, "iB")
	shift := 0
	if n := len(number); n > 0 {
		at := strings.IndexByte("KMG", number[n-1]&^0x20)
		if at >= 0 {
			number, shift = number[:n-1], 10*(at+1)
		} else if number != s {
			number = "" // iB without a letter before it
		}
	}
	v, err := strconv.ParseInt(number, 10, 64)
	if err != nil || v < 0 || v > 1<<62>>shift {
		return 0, fmt.Errorf("size %q: want bytes, as 32768, 32K or 1M", s)
	}
	return v << shift, nil
}

// replaceFile writes a file that gets the name target only when it is complete and on disk. What was there stays until then, and
// when write fails.
func replaceFile(target string, write func(f *os.File) error) (err error) {
	if err := checkReplaceable(target); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".part-*")
	if err != nil {
		return fmt.Errorf("create %s: %w", target, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return fmt.Errorf("write %s: %w", target, err)
	}
	if err = f.Sync(); err != nil {
		return fmt.Errorf("write %s: %w", target, err)
	}
	if err = f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", target, err)
	}
	if err = os.Rename(f.Name(), target); err != nil {
		return fmt.Errorf("finish %s: %w", target, err)
	}
	return nil
}

// checkReplaceable refuses a target that no file can take the place of. It tells so before hours of work, not after.
func checkReplaceable(target string) error {
	info, err := os.Stat(target)
	if err == nil && !info.Mode().IsRegular() {
		return ui.WithHint(fmt.Errorf("create %s: it is there and is no regular file", target), "name a file")
	}
	if _, err := os.Stat(filepath.Dir(target)); err != nil {
		return fmt.Errorf("create %s: %w", target, err)
	}
	return nil
}

// checkPipe refuses a WIM file on standard output where something else would come between.
func (a *app) checkPipe(cmd *cli.Command) error {
	switch {
	case cmd.Bool("not-pipable"):
		return ui.UsageErrorf(cmd, "--not-pipable: what goes to standard output is a pipable file")
	case cmd.Bool("json"):
		return ui.UsageErrorf(cmd, "--json: standard output gets the WIM file")
	case ui.IsTerminal(a.Out):
		return ui.UsageErrorf(cmd, "standard output is a terminal: name a file, or lead it into a program")
	}
	return nil
}

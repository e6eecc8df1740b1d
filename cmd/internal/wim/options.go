package wim

import (
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wim/edit"
)

// writeOptions are those of verbs that write a WIM file. What a verb has no option for stays zero.
type writeOptions struct {
	check, nocheck, includeIntegrity bool
	threads                          int
	pipable, notPipable              bool
	json                             bool
}

// checkFlags say whether a WIM file gets an integrity table.
func (o *writeOptions) checkFlags() []cli.Flag {
	return []cli.Flag{
		checkFlag(&o.check, "add an integrity table, and check the tables of files that are read"),
		nocheckFlag(&o.nocheck, "add no integrity table, nor check any"),
		integrityFlag(&o.includeIntegrity, "add an integrity table, but check none"),
	}
}

// threadsFlag is --threads.
func (o *writeOptions) threadsFlag() cli.Flag {
	return &cli.IntFlag{Name: "threads", Usage: "use `N` threads; 0 is one per processor", Destination: &o.threads}
}

// pipableFlags say whether a file that is written anew can be read from a pipe.
func (o *writeOptions) pipableFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "pipable", Usage: "write a file that can be read from a pipe, by wimcast and wimlib only", Destination: &o.pipable},
		&cli.BoolFlag{Name: "not-pipable", Usage: "make an ordinary file of a pipable one", Destination: &o.notPipable},
	}
}

// threadsAndCheck returns the number of threads, and whether there is to be an integrity table. A larger number than
// wim.MaxThreads counts as that, as the bytes are the same.
func (o *writeOptions) threadsAndCheck() (threads int, check bool, err error) {
	if threads = min(o.threads, wim.MaxThreads); threads < 0 {
		return 0, false, ui.Usagef("--threads %d: want 0 or more", threads)
	}
	if o.nocheck && (o.check || o.includeIntegrity) {
		return 0, false, contradiction("--nocheck with --check or --include-integrity: say one of them")
	}
	return threads, o.check || o.includeIntegrity, nil
}

// piping says whether a file is to be pipable.
func (o *writeOptions) piping() (edit.Piping, error) {
	switch {
	case o.pipable && o.notPipable:
		return 0, contradiction("--pipable with --not-pipable: say one of them")
	case o.pipable:
		return edit.Pipable, nil
	case o.notPipable:
		return edit.NotPipable, nil
	}
	return edit.KeepPiping, nil
}

// editing returns what package edit takes.
func (o *writeOptions) editing() (edit.Options, error) {
	threads, check, err := o.threadsAndCheck()
	if err != nil {
		return edit.Options{}, err
	}
	opts := edit.Options{Threads: threads, Verify: o.check}
	if opts.Piping, err = o.piping(); err != nil {
		return opts, err
	}
	switch {
	case check:
		opts.Integrity = edit.AddIntegrity
	case o.nocheck:
		opts.Integrity = edit.DropIntegrity
	}
	return opts, nil
}

// contradiction makes an error for options that do not go together.
func contradiction(text string) error { return withStatus(statusOptions, ui.Usagef("%s", text)) }

// checkPipe refuses a WIM file on standard output where something else would come between.
func (o *writeOptions) checkPipe(out io.Writer) error {
	switch {
	case o.notPipable:
		return ui.Usagef("--not-pipable: what goes to standard output is a pipable file")
	case o.json:
		return ui.Usagef("--json: standard output gets the WIM file")
	case ui.IsTerminal(out):
		return ui.Usagef("standard output is a terminal: name a file, or lead it into a program")
	}
	return nil
}

// storeOptions say how a WIM file is compressed, as wimlib-imagex names them. Texts are as given, nil where they are not.
type storeOptions struct {
	writeOptions
	compress, chunkSize           *string
	solid, noSolidSort            bool
	solidCompress, solidChunkSize *string
	recompress, wimboot           bool // of some verbs only
}

// compressFlags are the options that every verb which compresses has. unless tells what holds without --compress.
func (o *storeOptions) compressFlags(unless string) []cli.Flag {
	return []cli.Flag{
		&ui.TextFlag{
			Name: "compress", Usage: "compress by `TYPE[:LEVEL]`: none, XPRESS (fast), LZX (maximum) or LZMS (recovery), LEVEL 1 to 100; default " + unless, Destination: &o.compress,
		},
		&ui.TextFlag{Name: "chunk-size", Usage: "compress pieces of `SIZE` bytes; K, M and G may follow", Destination: &o.chunkSize},
		&cli.BoolFlag{Name: "solid", Usage: "compress files together: smaller, slower, and slow to read one file of", Destination: &o.solid},
		&ui.TextFlag{Name: "solid-compress", Usage: "with --solid: compress by `TYPE[:LEVEL]`; default LZMS", Destination: &o.solidCompress},
		&ui.TextFlag{Name: "solid-chunk-size", Usage: "with --solid: compress pieces of `SIZE` bytes; default 64M", Destination: &o.solidChunkSize},
		&cli.BoolFlag{
			Name: "no-solid-sort", Usage: "with --solid: leave files in the order in which they were found; like beside like is smaller", Destination: &o.noSolidSort,
		},
	}
}

// writer returns what a new WIM file is made with. Without --compress the compression is unless.
func (o *storeOptions) writer(unless wim.Compression) (opts wim.WriterOptions, err error) {
	if opts.Compression, opts.Level, err = compressionOf("--compress", o.compress, unless); err != nil {
		return opts, err
	}
	if opts.PieceSize, err = pieceSizeOf("--chunk-size", o.chunkSize, opts.Compression); err != nil {
		return opts, err
	}
	opts.Solid, opts.NoSolidSort = o.solid, o.noSolidSort
	if opts.SolidCompression, opts.SolidLevel, err = compressionOf("--solid-compress", o.solidCompress, wim.LZMS); err != nil {
		return opts, err
	}
	if opts.SolidPieceSize, err = pieceSizeOf("--solid-chunk-size", o.solidChunkSize, opts.SolidCompression); err != nil {
		return opts, err
	}
	if opts.SolidCompression == wim.None {
		return opts, withStatus(statusBadType, ui.Usagef("--solid-compress none: files are put together to be compressed; say XPRESS, LZX or LZMS"))
	}
	opts.Threads, opts.Check, err = o.threadsAndCheck()
	return opts, err
}

// storage returns how package edit compresses, in a file that holds what one with compression unless holds.
func (o *storeOptions) storage(unless wim.Compression) (edit.Storage, error) {
	w, err := o.writer(unless)
	if err != nil {
		return edit.Storage{}, err
	}
	s := edit.Storage{
		Level: w.Level, PieceSize: w.PieceSize, Solid: w.Solid, SolidPieceSize: w.SolidPieceSize, SolidLevel: w.SolidLevel,
		Recompress: o.recompress, NoSolidSort: w.NoSolidSort,
	}
	if o.compress != nil {
		s.Compression = edit.Compress(w.Compression)
	}
	if o.solidCompress != nil {
		s.SolidCompression = w.SolidCompression
	}
	return s, nil
}

// newCompression is what a new file has without --compress, and whether that follows from other options: then it is
// not what unless says.
func (o *storeOptions) newCompression(unless wim.Compression) (kind wim.Compression, own bool) {
	switch {
	case o.wimboot:
		return wim.XPRESS, true
	case o.solid:
		return wim.LZMS, true
	}
	return unless, false
}

// compressionOf reads the text TYPE[:LEVEL] of an option; nil stands for unless.
func compressionOf(option string, given *string, unless wim.Compression) (wim.Compression, int, error) {
	if given == nil {
		return unless, 0, nil
	}
	name, number, graded := strings.Cut(*given, ":")
	kind, ok := map[string]wim.Compression{
		"none": wim.None, "xpress": wim.XPRESS, "fast": wim.XPRESS, "lzx": wim.LZX, "max": wim.LZX, "maximum": wim.LZX, "lzms": wim.LZMS, "recovery": wim.LZMS,
	}[strings.ToLower(name)]
	if !ok {
		return 0, 0, ui.Usagef("%s %q: want none, XPRESS (fast), LZX (maximum) or LZMS (recovery)", option, *given)
	}
	if !graded {
		return kind, 0, nil
	}
	level, err := strconv.Atoi(number)
	if err != nil || level < 1 {
		return 0, 0, ui.Usagef("%s %q: want a level from 1 to 100 after the colon", option, *given)
	}
	return kind, min(level, 100), nil // as with wimlib-imagex, which has no more either
}

// pieceSizeOf reads the text of an option that is a size of pieces; nil stands for 0.
func pieceSizeOf(option string, given *string, kind wim.Compression) (int, error) {
	if given == nil {
		return 0, nil
	}
	n, err := parseSize(*given)
	if err != nil {
		return 0, ui.Usagef("%s: %v", option, err)
	}
	if kind == wim.None {
		return 0, withStatus(statusBadChunk, ui.Usagef("%s: without compression nothing is cut into pieces", option))
	}
	bounds := map[wim.Compression][2]int64{wim.XPRESS: {4 << 10, 64 << 10}, wim.LZX: {32 << 10, 2 << 20}, wim.LZMS: {32 << 10, 1 << 30}}[kind]
	if n < bounds[0] || n > bounds[1] || bits.OnesCount64(uint64(n)) != 1 {
		return 0, withStatus(statusBadChunk, ui.Usagef(
			"%s %s: %s has pieces of %s to %s, in powers of two", option, *given, kind, ui.FormatBytes(bounds[0]), ui.FormatBytes(bounds[1]),
		))
	}
	return int(n), nil
}

// parseSize reads a number of bytes: a number with an optional K, M or G, or KiB, MiB or GiB, which count in powers
// of 1024.
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

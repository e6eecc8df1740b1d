package wim

import (
	"context"
	"testing"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"32768": 32768, "32K": 32768, "32k": 32768, "32KiB": 32768, "1M": 1 << 20, "2MiB": 2 << 20, "1G": 1 << 30, "0": 0,
		"": -1, "K": -1, "-1": -1, "1.5M": -1, "32iB": -1, "9999999999G": -1, "1T": -1, "iB": -1, "1KB": -1,
	} {
		got, err := parseSize(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestWriterOptions(t *testing.T) {
	parse := func(args ...string) (opts wim.WriterOptions, err error) {
		var o storeOptions
		cmd := &cli.Command{
			Flags: append(append(o.compressFlags("LZX"), o.checkFlags()...), o.threadsFlag()),
			Action: func(context.Context, *cli.Command) error {
				opts, err = o.writer(wim.LZX)
				return err
			},
			ExitErrHandler: func(context.Context, *cli.Command, error) {},
		}
		return opts, cmd.Run(context.Background(), append([]string{"x"}, args...))
	}
	for _, c := range []struct {
		args []string
		want wim.WriterOptions
	}{
		{nil, wim.WriterOptions{Compression: wim.LZX}},
		{[]string{"--compress=fast", "--threads=1000"}, wim.WriterOptions{Compression: wim.XPRESS, Threads: wim.MaxThreads}},
		{[]string{"--compress=Maximum:20", "--chunk-size=2M"}, wim.WriterOptions{Compression: wim.LZX, Level: 20, PieceSize: 2 << 20}},
		{[]string{"--compress=none", "--include-integrity"}, wim.WriterOptions{Check: true}},
		{
			[]string{"--compress=recovery", "--solid", "--solid-compress=LZX:1", "--solid-chunk-size=1M", "--check"},
			wim.WriterOptions{Compression: wim.LZMS, Solid: true, SolidCompression: wim.LZX, SolidLevel: 1, SolidPieceSize: 1 << 20, Check: true},
		},
	} {
		if c.want.SolidCompression == wim.None {
			c.want.SolidCompression = wim.LZMS
		}
		got, err := parse(c.args...)
		got.Progress = nil
		if err != nil || !sameOptions(got, c.want) {
			t.Errorf("%v: %+v, %v, want %+v", c.args, got, err, c.want)
		}
	}
	for _, args := range [][]string{
		{"--compress=zip"},
		{"--compress=LZX:0"},
		{"--compress=LZX:"},
		{"--compress="},
		{"--chunk-size="},
		{"--chunk-size=4K"},
		{"--compress=none", "--chunk-size=32K"},
		{"--chunk-size=48K"},
		{"--threads=-1"},
		{"--compress=XPRESS", "--chunk-size=128K"},
		{"--solid-compress=none"},
		{"--solid-chunk-size=2G"},
		{"--check", "--nocheck"},
	} {
		if _, err := parse(args...); !ui.IsUsage(err) {
			t.Errorf("%v: %v is no usage error", args, err)
		}
	}
}

// sameOptions compares what flags can set.
func sameOptions(a, b wim.WriterOptions) bool {
	return a.Compression == b.Compression && a.Level == b.Level && a.PieceSize == b.PieceSize && a.Solid == b.Solid && a.Threads == b.Threads &&
		a.SolidCompression == b.SolidCompression && a.SolidLevel == b.SolidLevel && a.SolidPieceSize == b.SolidPieceSize && a.Check == b.Check
}

// TestOptionsThatContradictEachOtherAreRefused needs no parser: a verb gets its options as a struct.
func TestOptionsThatContradictEachOtherAreRefused(t *testing.T) {
	a := &app{&ui.UI{}}
	ctx := context.Background()
	text := "yes"
	for name, err := range map[string]error{
		"apply, rights":      a.apply(ctx, wholeOptions{applyOptions: applyOptions{noACLs: true, strictACLs: true}}),
		"apply, wimboot":     a.apply(ctx, wholeOptions{applyOptions: applyOptions{wimboot: true}}),
		"extract, compact":   a.extract(ctx, extractOptions{applyOptions: applyOptions{compact: &text}}),
		"capture, links":     a.capture(ctx, captureOptions{rpfix: true, norpfix: true}),
		"capture, snapshot":  a.capture(ctx, captureOptions{snapshot: true}),
		"capture, solid":     a.capture(ctx, captureOptions{target: "-", storeOptions: storeOptions{solid: true}}),
		"append, pipes":      a.append(ctx, captureOptions{storeOptions: storeOptions{writeOptions: writeOptions{pipable: true, notPipable: true}}}),
		"split, integrity":   a.split(ctx, splitOptions{writeOptions: writeOptions{check: true, nocheck: true}}),
		"split, size":        a.split(ctx, splitOptions{sizeMB: "0"}),
		"export to a pipe":   a.export(ctx, exportOptions{dest: "-", changeOptions: changeOptions{storeOptions: storeOptions{writeOptions: writeOptions{json: true}}}}),
		"info, property":     a.info(ctx, infoOptions{properties: []string{"NAME"}}),
		"delete, threads":    a.delete(ctx, deleteOptions{changeOptions: changeOptions{storeOptions: storeOptions{writeOptions: writeOptions{threads: -1}}}}),
		"update, and verify": a.update(ctx, updateOptions{writeOptions: writeOptions{nocheck: true, includeIntegrity: true}}),
	} {
		if !ui.IsUsage(err) {
			t.Errorf("%s: %v is no error about the command line", name, err)
		}
	}
}

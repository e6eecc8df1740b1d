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
		cmd := &cli.Command{
			Flags: append(append(compressFlags("LZX"), checkFlags()...), threadsFlag()),
			Action: func(_ context.Context, cmd *cli.Command) error {
				opts, err = writerOptions(cmd, wim.LZX)
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
		{[]string{"--compress=fast", "--threads=1000"}, wim.WriterOptions{Compression: wim.XPRESS, Threads: maxThreads}},
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

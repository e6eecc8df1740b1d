//go:build linux

package edit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
)

// fromDisk is what the command line gives Update to read files with.
func fromDisk(ctx context.Context, path string, _ AddOptions) (*wim.Image, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		img, _, err := capture.Scan(ctx, path, capture.Options{})
		return img, err
	}
	img, _, err := capture.ScanItems(ctx, []capture.Item{{Path: path, Target: "f"}}, capture.Options{})
	if err == nil {
		img.Root = img.Root.Children[0]
		img.Root.Name, img.Root.Parent = "", nil
	}
	return img, err
}

// theirs is a file made by wimlib from two directories that share some files.
func theirs(t *testing.T, options ...string) string {
	t.Helper()
	rng := wimtest.Seeded(t, *seedFlag)
	var dirs []string
	for i := range 2 {
		dir := t.TempDir()
		must(t, os.MkdirAll(filepath.Join(dir, "d", "e"), 0o755))
		for k := range 30 {
			sub := []string{"", "d", "d/e"}[k%3]
			data := []byte(strings.Repeat(fmt.Sprintf("file %d of both. ", k), 1+rng.IntN(200)))
			if k%4 == 0 {
				data = append(data, fmt.Sprintf("but not of %d", i)...)
			}
			if k%5 == 0 {
				for range 60_000 {
					data = append(data, byte(rng.Uint32()))
				}
			}
			must(t, os.WriteFile(filepath.Join(dir, sub, fmt.Sprintf("f%d ü", k)), data, 0o644))
		}
		must(t, os.Link(filepath.Join(dir, "f0 ü"), filepath.Join(dir, "d", "link")))
		must(t, os.Symlink("f0 ü", filepath.Join(dir, "symlink")))
		dirs = append(dirs, dir)
	}
	path := filepath.Join(t.TempDir(), "theirs.wim")
	wimtest.Wimlib(t, append([]string{"capture", dirs[0], path, "first", "words", "--boot"}, options...)...)
	wimtest.Wimlib(t, append([]string{"append", dirs[1], path, "second"}, options[1:]...)...)
	wimtest.Wimlib(t, "info", path, "1", "--image-property", "UNKNOWN/ELEMENT=kept")
	return path
}

var solidLZX = []string{"--compress=LZX", "--solid", "--solid-compress=LZX", "--solid-chunk-size=128K"}

// sizesAlike says that our file is not noticeably larger than theirs.
func sizesAlike(t *testing.T, what, ours, theirs string) {
	t.Helper()
	if a, b := size(t, ours), size(t, theirs); a > b+b/50+1000 {
		t.Errorf("%s: our file has %d bytes, theirs %d", what, a, b)
	}
}

// op is a verb done by us and by them on a file of its own each; both give the file that the result is in.
type op struct {
	name   string
	ours   func(t *testing.T, path string) (string, error)
	theirs []string // PATH and OUT stand for files
}

// in says that the result of a verb is the file itself.
func in[T any](fn func(path string) (T, error)) func(*testing.T, string) (string, error) {
	return func(_ *testing.T, path string) (string, error) {
		_, err := fn(path)
		return path, err
	}
}

// out says that the result of a verb is another file.
func out[T any](fn func(path, out string) (T, error)) func(*testing.T, string) (string, error) {
	return func(t *testing.T, path string) (string, error) {
		to := filepath.Join(t.TempDir(), "out.wim")
		_, err := fn(path, to)
		return to, err
	}
}

// changes are verbs of which both sides must make the same.
func changes(t *testing.T) []op {
	newDir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(newDir, "d", "new"), 0o755))
	must(t, os.WriteFile(filepath.Join(newDir, "d", "f1 ü"), []byte("another f1"), 0o644))
	must(t, os.WriteFile(filepath.Join(newDir, "d", "new", "file"), []byte("new"), 0o644))
	commands := "# changes\nadd '" + newDir + "' /\ndelete \"d/link\"\nrename '/d/e/f2 ü' /moved\ndelete --recursive --force nothing\nadd '" +
		filepath.Join(newDir, "d", "f1 ü") + "' '/x/y z/copy'\ndelete --recursive d/e\n"
	name := "third"
	return []op{
		{"export one", out(func(p, o string) (wim.WriterStats, error) {
			return Export(bg, openWIM(t, p), 2, o, ExportOptions{Boot: true})
		}), []string{"export", "PATH", "2", "OUT", "--boot"}},
		{"export all", out(func(p, o string) (wim.WriterStats, error) {
			return Export(bg, openWIM(t, p), All, o, ExportOptions{Boot: true, Options: Options{Integrity: AddIntegrity}})
		}), []string{"export", "PATH", "all", "OUT", "--boot", "--check"}},
		{"export to LZX", out(func(p, o string) (wim.WriterStats, error) {
			return Export(bg, openWIM(t, p), All, o, ExportOptions{Storage: Storage{Compression: Compress(wim.LZX), PieceSize: 32 << 10}})
		}), []string{"export", "PATH", "all", "OUT", "--compress=LZX", "--chunk-size=32768"}},
		{"export into itself", in(func(p string) (wim.WriterStats, error) {
			return Export(bg, openWIM(t, p), 1, p, ExportOptions{Name: &name})
		}), []string{"export", "PATH", "1", "PATH", "third"}},
		{"delete the first", in(func(p string) (wim.WriterStats, error) {
			return Delete(bg, p, 1, DeleteOptions{})
		}), []string{"delete", "PATH", "1"}},
		{"delete the second", in(func(p string) (wim.WriterStats, error) {
			return Delete(bg, p, 2, DeleteOptions{})
		}), []string{"delete", "PATH", "second"}},
		{"delete all", in(func(p string) (wim.WriterStats, error) {
			return Delete(bg, p, All, DeleteOptions{})
		}), []string{"delete", "PATH", "all"}},
		{"optimize", in(func(p string) (wim.WriterStats, error) {
			return Optimize(bg, p, Storage{}, Options{})
		}), []string{"optimize", "PATH"}},
		{"info", in(func(p string) (Changed, error) {
			return SetInfo(bg, p, 2, InfoOptions{Boot: true, Properties: []Property{{"NAME", "n"}, {"DESCRIPTION", "d <&>"}, {"A/B[1]", "x"}}})
		}), []string{"info", "PATH", "2", "n", "d <&>", "--boot", "--image-property", "A/B=x"}},
		{"update", in(func(p string) (wim.WriterStats, error) {
			cmds, err := ParseCommands(commands)
			if err != nil {
				return wim.WriterStats{}, err
			}
			return Update(bg, p, 1, cmds, UpdateOptions{Scan: fromDisk})
		}), []string{"update", "PATH", "1", "--command=" + commands}},
	}
}

// Each change, done by us, must be a file that wimlib takes, and the same as its own: trees, metadata, contents and their references.
func TestOursAndTheirsAreTheSame(t *testing.T) {
	for _, options := range [][]string{{"--compress=none"}, {"--compress=XPRESS", "--check"}, {"--compress=LZX"}, solidLZX, {"--compress=LZMS", "--solid"}} {
		src := theirs(t, options...)
		for _, o := range changes(t) {
			what := fmt.Sprint(o.name, " ", options)
			ours, err := o.ours(t, clone(t, src))
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			their := clone(t, src)
			result := their
			args := make([]string, len(o.theirs))
			for i, a := range o.theirs {
				switch a {
				case "PATH":
					a = their
				case "OUT":
					result = filepath.Join(t.TempDir(), "out.wim")
					a = result
				}
				args[i] = a
			}
			wimtest.Wimlib(t, args...)
			wimtest.Wimlib(t, "verify", ours)
			want, got := look(t, result), look(t, ours)
			switch o.name {
			case "update":
				forget(&want)
				forget(&got)
			case "delete all": // wimlib then leaves the integrity table out
				got.Integrity = want.Integrity
			}
			got.Solid = want.Solid // a rebuilt file stays solid; by wimlib only if that is by LZMS
			equal(t, what, want, got)
			sizesAlike(t, what, ours, result)
			info := openWIM(t, ours).Images()
			for i, other := range openWIM(t, result).Images() {
				a, _ := info[i].Property("UNKNOWN/ELEMENT")
				b, _ := other.Property("UNKNOWN/ELEMENT")
				if o.name == "update" { // wimlib does not count directories that it made on the way
					other.DirCount, other.HardLinkBytes = info[i].DirCount, info[i].HardLinkBytes
				}
				if a != b || info[i].FileCount != other.FileCount || info[i].DirCount != other.DirCount || info[i].TotalBytes != other.TotalBytes ||
					info[i].HardLinkBytes != other.HardLinkBytes || info[i].Created != other.Created {
					t.Errorf("%s: image %d is\n%s\nwant\n%s", what, i+1, info[i].RawXML, other.RawXML)
				}
			}
		}
	}
}

// forget takes out what depends on when an update was made, and resources that wimlib keeps for nobody.
func forget(s *state) {
	img := &s.Images[0]
	img.Metadata = wim.SHA1{}
	for p, f := range img.Files {
		if strings.HasPrefix(f, "0x10 ") {
			img.Files[p] = "directory"
		}
	}
	maps.DeleteFunc(s.Resources, func(_ wim.SHA1, refs uint32) bool { return refs == 0 })
}

// A set that we made is a set to wimlib, and the other way round.
func TestSplitSetsOfBoth(t *testing.T) {
	for _, options := range [][]string{{"--compress=XPRESS", "--check"}, solidLZX} {
		solid := len(options) > 2
		src := theirs(t, options...)
		want := look(t, src)
		ours, err := Split(bg, src, filepath.Join(t.TempDir(), "s.swm"), 200<<10, Options{})
		must(t, err)
		wimtest.Wimlib(t, "verify", ours[0], "--ref="+filepath.Join(filepath.Dir(ours[0]), "*.swm"))
		joined := filepath.Join(t.TempDir(), "joined.wim")
		wimtest.Wimlib(t, append([]string{"join", joined}, ours...)...)
		got := look(t, joined)
		got.Boot, got.Solid = want.Boot, want.Solid // which wimlib forgets
		equal(t, "ours, joined by wimlib", want, got)

		if solid { // which wimlib does not split
			continue
		}
		dir := t.TempDir()
		wimtest.Wimlib(t, "split", src, filepath.Join(dir, "s.swm"), "0.2")
		parts, err := filepath.Glob(filepath.Join(dir, "*.swm"))
		must(t, err)
		if len(parts) != len(ours) {
			t.Errorf("%v: we made %d parts, wimlib %d", options, len(ours), len(parts))
		}
		mine := filepath.Join(t.TempDir(), "joined.wim")
		must1(t)(Join(bg, mine, parts, Options{}))
		got = look(t, mine)
		got.Boot = want.Boot
		equal(t, "theirs, joined by us", want, got)
		wimtest.Wimlib(t, "verify", mine)

		one := filepath.Join(t.TempDir(), "one.wim")
		must1(t)(Export(bg, openWIM(t, parts...), 2, one, ExportOptions{}))
		wimtest.Wimlib(t, "verify", one)
		if got := look(t, one); got.Images[0].Metadata != want.Images[1].Metadata {
			t.Error("the image exported from a set is another one")
		}
	}
}

// A delta that we made is of use to wimlib together with its base, and the other way round.
func TestDeltasOfBoth(t *testing.T) {
	src := theirs(t, "--compress=LZX")
	base, delta := filepath.Join(t.TempDir(), "base.wim"), filepath.Join(t.TempDir(), "delta.wim")
	wimtest.Wimlib(t, "export", src, "1", base)
	must1(t)(Export(bg, openWIM(t, src), 2, delta, ExportOptions{Base: []*wim.File{openWIM(t, base)}}))
	if size(t, delta) >= size(t, src)*9/10 {
		t.Errorf("the delta has %d bytes, all together %d", size(t, delta), size(t, src))
	}
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	wimtest.Wimlib(t, "apply", delta, "1", a, "--ref="+base)
	wimtest.Wimlib(t, "capture", a, filepath.Join(t.TempDir(), "c.wim"), "--delta-from="+base)
	wimtest.Wimlib(t, "apply", src, "2", b)
	theirDelta := filepath.Join(t.TempDir(), "delta2.wim")
	wimtest.Wimlib(t, "capture", b, theirDelta, "second", "--delta-from="+base, "--norpfix")
	whole := filepath.Join(t.TempDir(), "whole.wim")
	must1(t)(Export(bg, openWIM(t, theirDelta, base), 1, whole, ExportOptions{}))
	wimtest.Wimlib(t, "verify", whole)
	want, got := look(t, src).Images[1], look(t, whole).Images[0]
	for path, files := range want.Files {
		if hashOf(got.Files[path]) != hashOf(files) {
			t.Errorf("%s is %s, want %s", path, got.Files[path], files)
		}
	}
	for _, dir := range []string{a, b} {
		data, err := os.ReadFile(filepath.Join(dir, "d", "f1 ü"))
		if err != nil || !strings.HasPrefix(string(data), "file 1 of both.") {
			t.Errorf("%s: %.20q, %v", dir, data, err)
		}
	}
}

func hashOf(file string) string { return file[strings.LastIndex(file, " ")+1:] }

// A pipable file stays one, unless it is to become an ordinary one.
func TestPipableFiles(t *testing.T) {
	src := theirs(t, "--compress=XPRESS", "--pipable", "--check")
	want := look(t, src)
	copied := filepath.Join(t.TempDir(), "copied.wim")
	must1(t)(Export(bg, openWIM(t, src), All, copied, ExportOptions{Boot: true}))
	want.Integrity = false
	equal(t, "exported", want, look(t, copied))
	name := "x"
	for _, piping := range []Piping{KeepPiping, Pipable, NotPipable} {
		o := Options{Piping: piping}
		for what, fn := range map[string]func(string) error{
			"export": func(p string) error {
				return second(Export(bg, openWIM(t, copied), 1, p, ExportOptions{Name: &name, Options: o}))
			},
			"delete":      func(p string) error { return second(Delete(bg, p, 1, DeleteOptions{Options: o})) },
			"soft delete": func(p string) error { return second(Delete(bg, p, 1, DeleteOptions{Options: o, Soft: true})) },
			"optimize":    func(p string) error { return second(Optimize(bg, p, Storage{}, o)) },
			"update": func(p string) error {
				return second(Update(bg, p, 1, parse(t, "delete symlink"), UpdateOptions{Options: o}))
			},
			"info": func(p string) error {
				_, err := SetInfo(bg, p, 1, InfoOptions{Options: o, Properties: []Property{{"NAME", "x"}}, Boot: true})
				return err
			},
		} {
			path := clone(t, src)
			must(t, fn(path))
			checkPiped(t, what, path, piping != NotPipable)
			alone(t, path)
		}
	}
}

// checkPiped has both programs read a file, front to back too if it is pipable.
func checkPiped(t *testing.T, what, path string, pipable bool) {
	t.Helper()
	wimtest.Wimlib(t, "verify", path)
	f := openWIM(t, path)
	must(t, f.Verify(bg, nil))
	if f.Header.Pipable != pipable || f.Header.Integrity.Size == 0 {
		t.Errorf("%s: pipable %v, integrity table of %d bytes", what, f.Header.Pipable, f.Header.Integrity.Size)
	}
	for n := 1; pipable && n <= len(f.Images()); n++ {
		in, err := os.Open(path)
		must(t, err)
		defer in.Close()
		cmd := exec.Command("wimlib-imagex", "apply", "-", strconv.Itoa(n), filepath.Join(t.TempDir(), "out"))
		cmd.Stdin = struct{ io.Reader }{in} // a pipe
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: apply image %d from a pipe: %v\n%s", what, n, err, out)
		}
	}
}

// Every compression and kind of source can be piped, and is the same behind the pipe.
func TestExportToPipe(t *testing.T) {
	for _, args := range [][]string{{"--compress=none"}, {"--compress=LZX", "--boot"}, {"--compress=LZMS"}, {"--compress=XPRESS", "--chunk-size=4K"}, {"--solid"}} {
		src := theirs(t, args...)
		want := look(t, src)
		f := openWIM(t, src)
		for _, o := range []ExportOptions{{Options: Options{Integrity: AddIntegrity}, Boot: true}, {Options: Options{Integrity: AddIntegrity}, Storage: Storage{Compression: Compress(wim.XPRESS)}}} {
			path := filepath.Join(t.TempDir(), "piped.wim")
			out, err := os.Create(path)
			must(t, err)
			stats, err := ExportTo(bg, f, All, struct{ io.Writer }{out}, o)
			must(t, errors.Join(err, out.Close()))
			if info, err := os.Stat(path); err != nil || info.Size() != stats.Size {
				t.Errorf("%v: %d bytes told, %v, %v", args, stats.Size, info.Size(), err)
			}
			checkPiped(t, strings.Join(args, " "), path, true)
			got := look(t, path)
			want.Boot, want.Integrity, want.Kind, want.PieceSize, want.Solid = got.Boot, true, got.Kind, got.PieceSize, false
			equal(t, "piped", want, got)
		}
	}
}

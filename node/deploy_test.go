package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/content"
	"github.com/wimcast/wimcast/internal/wimtest"
	"github.com/wimcast/wimcast/wim"
	"github.com/wimcast/wimcast/wim/edit"
)

// twoImages publishes a WIM of two images with a large file of its own each, and a small one in common, and returns both trees.
func twoImages(t *testing.T, s *running) (trees [2]string) {
	t.Helper()
	var sources []capture.Source
	for i := range trees {
		trees[i] = t.TempDir()
		for name, data := range map[string][]byte{"own.bin": random(byte(10+i), 3*mib), "common.txt": random(9, 50_000)} {
			if err := os.WriteFile(filepath.Join(trees[i], name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("common.txt", filepath.Join(trees[i], "link")); err != nil {
			t.Fatal(err)
		}
		sources = append(sources, capture.Source{Dir: trees[i], Name: []string{"first", "second"}[i]})
	}
	path := filepath.Join(t.TempDir(), "two.wim")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := capture.Write(testContext(t), f, sources, capture.WriteOptions{Writer: wim.WriterOptions{Compression: wim.XPRESS}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(testContext(t), PublishRequest{Path: path, Name: "two", Version: "1"}, nil); err != nil {
		t.Fatal(err)
	}
	return trees
}

func wantTree(t *testing.T, want, got string) {
	t.Helper()
	diff, err := apply.Compare(want, got, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diff {
		t.Errorf("%s: %s", d.Path, d.What)
	}
}

func TestOnlyTheChosenImageTravels(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	trees := twoImages(t, s)
	target := filepath.Join(t.TempDir(), "target")
	got, err := Deploy(testContext(t), s.client(), catalog.Ref{Name: "two", Image: 2}, target, DeployOptions{ReceptionOptions: receptionOptions()})
	if err != nil {
		t.Fatal(err)
	}
	wantTree(t, trees[1], target)
	if got.Bytes > 4*mib {
		t.Errorf("%d bytes of %d travelled for one image of two", got.Bytes, got.Size)
	}
}

func TestWithSeveralImagesOneMustBeNamed(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	twoImages(t, s)
	client := s.client()
	for image, want := range map[int]error{0: content.ErrWhichImage, 3: &wim.NoImageError{Image: 3, Count: 2}} {
		target := filepath.Join(t.TempDir(), "target")
		_, err := Deploy(testContext(t), client, catalog.Ref{Name: "two", Image: image}, target, DeployOptions{ReceptionOptions: receptionOptions()})
		var none *wim.NoImageError
		if !errors.Is(err, want) && !errors.As(err, &none) {
			t.Errorf("deploy image %d: %v, want %v", image, err, want)
		}
		if list, err := os.ReadDir(target); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("deploy image %d left the target, %v, %v", image, list, err)
		}
	}
}

func TestTargetThatVanishesIsSaid(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	trees := twoImages(t, s)
	client, target := s.client(), filepath.Join(t.TempDir(), "target")
	opt := DeployOptions{ReceptionOptions: receptionOptions()}
	opt.Events = func(apply.Event) {
		if err := os.RemoveAll(target); err != nil {
			t.Error(err)
		}
	}
	ref := catalog.Ref{Name: "two", Image: 1}
	if _, err := Deploy(testContext(t), client, ref, target, opt); !errors.Is(err, ErrVanished) {
		t.Fatalf("deploy: %v, want ErrVanished", err)
	}
	opt.Events = nil
	if _, err := Deploy(testContext(t), client, ref, target, opt); err != nil {
		t.Fatal(err)
	}
	wantTree(t, trees[0], target)
}

// TestEveryKindOfFileIsDeployed casts one tree as files of kinds that a capture for deployment seldom makes.
func TestEveryKindOfFileIsDeployed(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	tree := t.TempDir()
	for name, data := range map[string][]byte{"large.bin": random(1, 5*mib), "same.bin": make([]byte, 3*mib), "small": []byte("small"), "empty": nil} {
		if err := os.WriteFile(filepath.Join(tree, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, args := range map[string][]string{
		"solid":     {"--solid", "--solid-compress=LZMS:20"},
		"solid-lzx": {"--solid", "--solid-compress=LZX:20", "--solid-chunk-size=32K"},
		"lzms":      {"--compress=LZMS:20"},
		"pipable":   {"--pipable", "--compress=XPRESS"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "image.wim")
			wimtest.Wimlib(t, append([]string{"capture", tree, path}, args...)...)
			if _, err := s.Publish(testContext(t), PublishRequest{Path: path, Name: name, Version: "1"}, nil); err != nil {
				t.Fatal(err)
			}
			target := filepath.Join(t.TempDir(), "target")
			if _, err := Deploy(testContext(t), s.client(), catalog.Ref{Name: name}, target, DeployOptions{ReceptionOptions: receptionOptions()}); err != nil {
				t.Fatal(err)
			}
			wantTree(t, tree, target)
		})
	}
}

// captureAs captures a tree into a WIM file of those options.
func captureAs(t *testing.T, tree, path string, opts wim.WriterOptions) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := capture.Write(testContext(t), f, []capture.Source{{Dir: tree, Name: "image"}}, capture.WriteOptions{Writer: opts}); err != nil {
		t.Fatal(err)
	}
}

func TestPublishRefusesWhatNoClientCouldApply(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	tree, dir := t.TempDir(), t.TempDir()
	for i, name := range []string{"f", "g"} {
		if err := os.WriteFile(filepath.Join(tree, name), random(byte(i), 100_000), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	base := filepath.Join(dir, "base.wim")
	captureAs(t, tree, base, wim.WriterOptions{})
	f, err := os.Open(base)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := wim.Open(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	delta := filepath.Join(dir, "delta.wim")
	captureAs(t, tree, delta, wim.WriterOptions{Base: []*wim.File{whole}})
	parts, err := edit.Split(testContext(t), base, filepath.Join(dir, "part.swm"), 120_000, edit.Options{})
	if err != nil || len(parts) < 2 {
		t.Fatalf("split: %q, %v", parts, err)
	}
	for path, want := range map[string]string{parts[0]: "wim join", delta: "wim export"} {
		if _, err := s.Publish(testContext(t), PublishRequest{Path: path, Name: "part", Version: "1"}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("publish %s: %v", path, err)
		}
	}
}

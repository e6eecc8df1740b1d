package node

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/wimcast/wimcast/apply"
	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/node/api"
	"github.com/wimcast/wimcast/wim"
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
	if _, err := s.Publish(testContext(t), api.PublishRequest{Path: path, Name: "two", Version: "1"}, nil); err != nil {
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
	got, err := Deploy(testContext(t), s.client(), catalog.Ref{Name: "two", Image: 2}, target, DeployOptions{FetchOptions: fetchOptions()})
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
	for image, want := range map[int]error{0: ErrWhichImage, 3: &wim.NoImageError{Image: 3, Count: 2}} {
		target := filepath.Join(t.TempDir(), "target")
		_, err := Deploy(testContext(t), client, catalog.Ref{Name: "two", Image: image}, target, DeployOptions{FetchOptions: fetchOptions()})
		var none *wim.NoImageError
		if !errors.Is(err, want) && !errors.As(err, &none) {
			t.Errorf("deploy image %d: %v, want %v", image, err, want)
		}
		if list, err := os.ReadDir(target); err != nil || len(list) != 0 {
			t.Errorf("deploy image %d left %v, %v in the target", image, list, err)
		}
	}
}

func TestTargetThatVanishesIsSaid(t *testing.T) {
	s := serve(t, testSite(t), "127.0.0.1:0", 0)
	trees := twoImages(t, s)
	client, target := s.client(), filepath.Join(t.TempDir(), "target")
	opt := DeployOptions{FetchOptions: fetchOptions()}
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

package capture

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/wimcast/wimcast/wim"
)

func TestAttributesAndTimesOfWindows(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	modified := time.Date(2001, 2, 3, 4, 5, 6, 700, time.UTC)
	if err := os.Chtimes(path, modified.Add(time.Hour), modified); err != nil {
		t.Fatal(err)
	}
	const attributes = 0x1 | 0x2 | 0x4 // read-only, hidden, system
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.SetFileAttributes(name, attributes); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.SetFileAttributes(name, syscall.FILE_ATTRIBUTE_NORMAL) })
	img, _, err := Scan(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := img.Root; !d.IsDir() || d.Attributes&wim.AttrNormal != 0 || d.Created == 0 {
		t.Errorf("the root has attributes %#x and was created at %v", d.Attributes, d.Created)
	}
	d := img.Root.Children[0]
	if d.Attributes&^0x20 != attributes {
		t.Errorf("attributes %#x, want %#x", d.Attributes, attributes)
	}
	if d.Created == 0 || d.Modified != wim.FiletimeOf(modified) || d.Accessed != wim.FiletimeOf(modified.Add(time.Hour)) {
		t.Errorf("created %v, modified %v, accessed %v", d.Created, d.Modified, d.Accessed)
	}
	again, _, err := Scan(t.Context(), dir, Options{Repeatable: true})
	if err != nil {
		t.Fatal(err)
	}
	if d := again.Root.Children[0]; d.Created == 0 || d.Modified != wim.FiletimeOf(modified) || d.Accessed != d.Modified {
		t.Errorf("repeatable: created %v, modified %v, accessed %v", d.Created, d.Modified, d.Accessed)
	}
}

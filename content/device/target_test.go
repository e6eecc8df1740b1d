package device

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/internal/vfs"
)

func TestSignatures(t *testing.T) {
	for _, m := range magics {
		b := make([]byte, m.off+len(m.magic))
		copy(b[m.off:], m.magic)
		if what, err := signature(bytes.NewReader(b)); err != nil || what != m.what {
			t.Errorf("%s is said to be %q, %v", m.what, what, err)
		}
		for cut := range len(m.magic) {
			if what, err := signature(bytes.NewReader(b[:m.off+cut])); err != nil || what != "" {
				t.Errorf("a part of %s is said to be %q, %v", m.what, what, err)
			}
		}
	}
	boot := make([]byte, 512)
	boot[510], boot[511] = 0x55, 0xaa
	if what, _ := signature(bytes.NewReader(boot)); what != "" {
		t.Errorf("a boot record without partitions is %q", what)
	}
	boot[446+16+4] = 7
	if what, _ := signature(bytes.NewReader(boot)); what != "an MBR partition table" {
		t.Errorf("a boot record with a partition is %q", what)
	}
}

func TestFileStandsForADevice(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "disk.img")
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("open twice: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that nothing was written to is left: %v", err)
	}
	if d, err = Open(path); err != nil {
		t.Fatal(err)
	}
	data := []byte("data")
	_, werr := d.WriteAt(data, 1<<20)
	if err := errors.Join(d.Fits(1<<62), d.Begin(4<<20), werr, d.Zero(1<<20, 4), d.Drop(), d.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, make([]byte, 4<<20)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for _, c := range []struct {
		write func(f *os.File) error
		holds string
	}{
		{func(f *os.File) error { return f.Truncate(8 << 20) }, ""},
		{func(f *os.File) error { _, err := f.WriteAt(make([]byte, 3<<20), 0); return err }, ""}, // zeros are no data, written or not
		{func(f *os.File) error { _, err := f.WriteAt(data, 5<<20); return err }, "data"},
		{func(f *os.File) error { _, err := f.WriteAt([]byte("EFI PART"), 512); return err }, "a GPT partition table"},
	} {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if c.holds == "" {
			f.Truncate(0)
		}
		if err := errors.Join(c.write(f), f.Close()); err != nil {
			t.Fatal(err)
		}
		d, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if d.Holds() != c.holds {
			t.Errorf("it is said to hold %q, want %q", d.Holds(), c.holds)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsNoDiskIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); !errors.Is(err, ErrNoDevice) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "none", "disk.img")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if _, err := Open(os.DevNull); !errors.Is(err, ErrNoDevice) {
		t.Errorf("a character device: %v", err)
	}
}

func TestKeysDiffer(t *testing.T) {
	keys := map[string]bool{}
	for _, d := range []Target{{path: "a"}, {path: "b"}, {path: "a", size: 1}, {path: "a", serial: "x"}} {
		keys[d.Key()] = true
	}
	if len(keys) != 4 {
		t.Errorf("%d keys of 4 devices", len(keys))
	}
}

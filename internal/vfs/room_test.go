package vfs

import (
	"bytes"
	"errors"
	"math"
	"os"
	"testing"
)

func TestFitsSaysWhatIsKnown(t *testing.T) {
	if err := Fits(NewMem(), math.MaxInt64); err != nil {
		t.Errorf("where nobody can tell: %v", err)
	}
	fsys, err := OS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	if free, known := Room(fsys); known != (Fits(fsys, math.MaxInt64) != nil) || known && free <= 0 {
		t.Errorf("%d bytes, known %v, and an impossible size: %v", free, known, Fits(fsys, math.MaxInt64))
	}
	if err := Fits(fsys, math.MaxInt64); err != nil && !errors.Is(err, ErrNoRoom) {
		t.Error(err)
	}
	if err := Fits(fsys, 0); err != nil {
		t.Error(err)
	}
}

func TestPunchedRangesReadAsZeros(t *testing.T) {
	real, err := OS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	const size, from, to = 1 << 20, 100_000, 900_000
	for name, fsys := range map[string]FS{"os": real, "mem": NewMem(), "fault": Fault(NewMem(), Plan{})} {
		f, err := fsys.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		data := bytes.Repeat([]byte{7}, size)
		if _, err := f.WriteAt(data, 0); err != nil {
			t.Fatal(err)
		}
		if err := Punch(f, from, to-from); err == nil {
			clear(data[from:to])
		} else if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
		got := make([]byte, size)
		if n, err := f.ReadAt(got, 0); n != size || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, not the ones that should be there: %v", name, n, err)
		}
		if info, err := f.Stat(); err != nil || info.Size() != size {
			t.Errorf("%s: %v, %v", name, info, err)
		}
		f.Close()
	}
}

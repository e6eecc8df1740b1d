package content

import (
	"context"
	"errors"
	"testing"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
)

// What is too long is refused before it is read, whatever it is published as: reading so much would take an hour.
func TestTooLongIsRefusedUnread(t *testing.T) {
	path := sparse(t, sizeMax+1, nil)
	for _, kind := range []catalog.Kind{0, catalog.KindFile, catalog.KindDisk, catalog.KindImage} {
		if _, err := Open(context.Background(), path, OpenConfig{Kind: kind}); !errors.Is(err, ErrTooLong) {
			t.Errorf("as %v: %v", kind, err)
		}
	}
	src, err := Open(context.Background(), sparse(t, sizeMax, map[int64][]byte{sizeMax - 3: []byte("end")}), OpenConfig{Kind: catalog.KindDisk})
	if err != nil {
		t.Fatalf("a hole of the longest size: %v", err)
	}
	if src.layout.Even {
		t.Error("a hole is cut as if it were data")
	}
	src.Close()
}

// A long content has the chunks that were counted before it is read.
func TestALongContentIsCutEvenly(t *testing.T) {
	edge := chunk.Layout{Prologue: []chunk.Range{{Offset: 10, Size: 20}}}
	for _, c := range []struct {
		size   int64
		layout chunk.Layout
		even   bool
		err    error
	}{
		{evenAbove, edge, false, nil},
		{evenAbove + 1, edge, true, nil},
		{sizeMax - 2*chunk.MaxSize, edge, true, nil},
		{sizeMax, edge, true, ErrTooLong},
		{sizeMax, chunk.Layout{}, true, nil},
	} {
		s := &Source{Size: c.size, layout: c.layout}
		if err := s.limit(); !errors.Is(err, c.err) || s.layout.Even != c.even {
			t.Errorf("%d bytes: %v, even %v", c.size, err, s.layout.Even)
		}
	}
}

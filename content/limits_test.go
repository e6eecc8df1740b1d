package content

import (
	"strings"
	"testing"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
)

// TestDirectoryTreesAtAndOnePast: an image's are received into memory up to prologueMax, and refused before
// anything is asked for.
func TestDirectoryTreesAtAndOnePast(t *testing.T) {
	for past, want := range []string{"", "its directory trees take 96 MiB"} {
		m := &catalog.Manifest{Name: "x", Version: "1", Kind: catalog.KindImage}
		for i := range prologueMax / chunk.MaxSize {
			m.Chunks = append(m.Chunks, catalog.ManifestChunk{ID: chunk.ID{byte(i), byte(i >> 8)}, Size: chunk.MaxSize, Prologue: true})
		}
		for range past {
			m.Chunks = append(m.Chunks, catalog.ManifestChunk{ID: chunk.ID{9, 9, 9}, Size: 1, Prologue: true})
		}
		for _, c := range m.Chunks {
			m.Size += uint64(c.Size)
		}
		signed, err := catalog.SignManifest(m, catalog.KeyFromSeed(make([]byte, 32)))
		must(t, err)
		p, err := OpenPlace(Target{Dir: t.TempDir()})
		must(t, err)
		s, err := p.Sink(signed)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d bytes: %v, want %q", m.Size, err, want)
		}
		if err == nil {
			must(t, s.Close())
		}
		p.Close(false)
	}
}

package apply

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// plannedOf plans an image of one directory.
func plannedOf(t *testing.T, xattrs bool, root *testNode, security ...[]byte) (*plan, error) {
	t.Helper()
	return plannedFor(t, xattrs, nil, root, security...)
}

func plannedFor(t *testing.T, xattrs bool, ntfs *limits, root *testNode, security ...[]byte) (*plan, error) {
	t.Helper()
	image := buildWIM(root, security...)
	wf := openWIM(t, image)
	tree, err := wf.Tree(1)
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := newBlockMap(Content{Chunks: []Chunk{{Size: uint32(len(image))}}}, false)
	if err != nil {
		t.Fatal(err)
	}
	return newPlan(wf, tree, blocks, wim.Rules{}, xattrs, ntfs)
}

// TestPlanAtAndOnePast: what an attribute of Linux holds is kept, and one byte more is counted as lost; a link's
// data is refused.
func TestPlanAtAndOnePast(t *testing.T) {
	for past := range 2 {
		stream := testFile("f", []byte("x"))
		stream.streams = map[string][]byte{"s": make([]byte, vfs.MaxXattr+past)}
		p, err := plannedOf(t, true, testDir("", stream))
		if err != nil || p.report.Lost.NamedStreams != past {
			t.Errorf("a stream, %d past the limit: %d are lost, %v", past, p.report.Lost.NamedStreams, err)
		}
		secured := testFile("f", []byte("x"))
		secured.security = 1
		p, err = plannedOf(t, true, testDir("", secured), make([]byte, vfs.MaxXattr+past))
		if err != nil || p.report.Lost.Security != past {
			t.Errorf("a security descriptor, %d past the limit: %d are lost, %v", past, p.report.Lost.Security, err)
		}
		link := testLink("l", "x", true)
		link.reparse = append(link.reparse, make([]byte, ntfs3g.MaxReparse+past-len(link.reparse))...)
		if _, err = plannedOf(t, false, testDir("", link)); (err == nil) != (past == 0) {
			t.Errorf("a link's data, %d past the limit: %v", past, err)
		}
	}
}

// TestNTFSPlanAtAndOnePast: the same where all is kept that NTFS has.
func TestNTFSPlanAtAndOnePast(t *testing.T) {
	for past := range 2 {
		secured := testFile("f", []byte("x"))
		secured.security = 1
		p, err := plannedFor(t, false, &limits{}, testDir("", secured), make([]byte, maxSecurity+past))
		if err != nil || p.report.Lost.Security != past {
			t.Fatalf("a security descriptor, %d past the limit: %d are lost, %v", past, p.report.Lost.Security, err)
		}
		d := &wim.Dentry{SecurityID: 0, Tagged: wim.AppendItem(nil, wim.TagObjectID, make([]byte, maxObjectID+past))}
		m, err := (&Job{plan: p}).metadataOf(d, 0)
		if err != nil || len(m.objectID) != maxObjectID || (m.security == nil) != (past == 1) {
			t.Errorf("%d past the limits: an object ID of %d bytes, a descriptor of %d, %v", past, len(m.objectID), len(m.security), err)
		}
		point := testFile("p", nil)
		point.attrs |= wim.AttrReparse
		point.tag, point.reparse = 0x80000017, make([]byte, ntfs3g.MaxReparse-reparseHeader+past)
		if _, err := plannedFor(t, false, &limits{}, testDir("", point)); (err == nil) != (past == 0) {
			t.Errorf("a reparse point, %d past the limit: %v", past, err)
		}
	}
}

// TestSpoolKeepsToItsMemory: up to memoryMax waits there, and past it all goes to the file.
func TestSpoolKeepsToItsMemory(t *testing.T) {
	image := buildWIM(testDir("", testFile("f", []byte("x"))))
	c := Content{Chunks: []Chunk{{Size: uint32(len(image))}}}
	for past := range 2 {
		j, err := New(bg, Config{Target: vfs.NewMem(), Image: 1, Content: c}, openWIM(t, image))
		if err != nil {
			t.Fatal(err)
		}
		j.spool.hold(0, fragEarly, 0, make([]byte, memoryMax+past))
		if err := j.Put(0, image); err != nil || (len(j.spool.mem) == 0) != (past == 1) {
			t.Errorf("%d bytes wait: %d are in memory, %v", memoryMax+past, j.spool.memBytes, err)
		}
		j.Close()
	}
}

func TestConfigAtAndOnePast(t *testing.T) {
	for workers, ok := range map[int]bool{-1: false, 0: true, maxWorkers: true, maxWorkers + 1: false} {
		c := Config{Target: vfs.NewMem(), Image: 1, Workers: workers}
		if err := c.validate(); (err == nil) != ok {
			t.Errorf("%d workers: %v", workers, err)
		}
	}
	for chunks, ok := range map[int]bool{0: false, chunk.MaxChunks: true, chunk.MaxChunks + 1: false} {
		c := Content{Chunks: make([]Chunk, chunks)}
		for i := range c.Chunks {
			c.Chunks[i] = Chunk{Block: chunk.Block(i), Size: 1}
		}
		if _, err := newBlockMap(c, false); (err == nil) != ok {
			t.Errorf("%d chunks: %v", chunks, err)
		}
	}
}

// TestNumbersOfTheJournal: below their maxima they are read.
func TestNumbersOfTheJournal(t *testing.T) {
	for past, ok := range []bool{true, false} {
		r := record{freed: []int64{maxSpoolOffset - 1 + int64(past)}}
		if got, read := parseRecord(r.append(nil), 1, 1); read != ok || ok && got.freed[0] != r.freed[0] {
			t.Errorf("a place of %d in the spool: %v", r.freed[0], read)
		}
		r = record{waiting: []frag{{off: maxSpoolOffset - 1 + int64(past), size: chunk.MaxSize}}}
		if _, read := parseRecord(r.append(nil), 1, 1); read != ok {
			t.Errorf("an offset of %d: %v", r.waiting[0].off, read)
		}
		r = record{waiting: []frag{{size: chunk.MaxSize + int64(past)}}}
		if _, read := parseRecord(r.append(nil), 1, 1); read != ok {
			t.Errorf("a fragment of %d bytes: %v", r.waiting[0].size, read)
		}
	}
}

// TestDifferencesAreListedToTheirMaximum: and no further, whichever tree has more.
func TestDifferencesAreListedToTheirMaximum(t *testing.T) {
	full, empty := t.TempDir(), t.TempDir()
	for n := range maxDifferences + 1 {
		if err := os.WriteFile(filepath.Join(full, fmt.Sprint(n)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if n+1 < maxDifferences {
			continue
		}
		for _, dirs := range [][2]string{{full, empty}, {empty, full}} {
			list, err := Compare(dirs[0], dirs[1], false)
			if err != nil || len(list) != maxDifferences {
				t.Errorf("%d differences: %d are listed, %v", n+1, len(list), err)
			}
		}
	}
}

// TestPiecesOfAFileAreCut: what has no bound for longer than any piece is cut behind a block's length.
func TestPiecesOfAFileAreCut(t *testing.T) {
	for past, want := range [][]int64{{maxFileBlock}, {fileBlock, maxFileBlock + 1 - fileBlock}} {
		var c cutter
		c.bound(maxFileBlock + int64(past))
		c.flush()
		var got []int64
		for _, x := range c.out {
			got = append(got, int64(x.Size))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("a bound at %d: blocks of %v bytes, want %v", maxFileBlock+int64(past), got, want)
		}
	}
}

// TestPathsThatAreKept: when there are pathCacheMax, all are forgotten, and found again.
func TestPathsThatAreKept(t *testing.T) {
	root := testDir("")
	for n := range 2 {
		root.children = append(root.children, testDir(fmt.Sprint("d", n), testFile("f", nil)))
	}
	p, err := plannedOf(t, false, root)
	if err != nil {
		t.Fatal(err)
	}
	for before, want := range map[int]int{pathCacheMax - 1: pathCacheMax, pathCacheMax: 1} {
		p.paths.paths = make(map[int32]string)
		for i := range int32(before) {
			p.paths.paths[-1-i] = ""
		}
		last := int32(len(p.dirs) - 1)
		if path, err := p.dirPath(last); err != nil || !strings.HasPrefix(path, "d") || len(p.paths.paths) != want {
			t.Errorf("after %d paths: %q, %v, and %d are kept, want %d", before, path, err, len(p.paths.paths), want)
		}
	}
}

// TestSendWaits: while more than inflightMax is on its way, and not at it.
func TestSendWaits(t *testing.T) {
	for past := range int64(2) {
		synctest.Test(t, func(t *testing.T) {
			c := &crew{common: make(chan task, 1), inflight: inflightMax + past}
			c.idle.L = &c.mu
			sent := false
			go func() { sent = (&Job{crew: c}).send(task{}) == nil }()
			synctest.Wait()
			if sent != (past == 0) {
				t.Errorf("with %d bytes on their way: sent %v", inflightMax+past, sent)
			}
			c.finish(task{data: stored{n: 1}}, nil)
			synctest.Wait()
			if !sent {
				t.Errorf("with %d bytes on their way: never sent", inflightMax+past-1)
			}
		})
	}
}

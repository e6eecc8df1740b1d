package apply

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/wimcast/wimcast/internal/efsraw"
	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

const rawOption = "streams_interface=windows,efs_raw"

// rawForm is the raw form of an encrypted file with a named stream, or without one if that is empty.
func rawForm(t *testing.T, rng *rand.Rand, info []byte, size, stream int64) []byte {
	t.Helper()
	random := func(n int64) io.Reader {
		b := make([]byte, efsraw.Stored(n))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return bytes.NewReader(b)
	}
	streams := []efsraw.Stream{{Size: size, Data: random(size)}}
	if stream > 0 {
		streams = append(streams, efsraw.Stream{Name: "s", Size: stream, Data: random(stream)})
	}
	b, err := io.ReadAll(efsraw.NewReader(info, streams))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// encryptedTree has files that can be made, and the raw forms of these by their paths.
func encryptedTree(t *testing.T, rng *rand.Rand) (root *testNode, forms map[string][]byte) {
	t.Helper()
	info := make([]byte, 600)
	info[0], info[1] = 600&0xff, 600>>8
	forms = map[string][]byte{
		"empty":       rawForm(t, rng, info, 0, 0),
		"file":        rawForm(t, rng, info, 100_000, 5000),
		"dir/cluster": rawForm(t, rng, info, 8192, 4096),
		"dir/one":     rawForm(t, rng, info, 1, 0),
	}
	node := func(name string) *testNode {
		n := testFile(name[strings.LastIndex(name, "/")+1:], forms[name])
		n.attrs |= wim.AttrEncrypted
		return n
	}
	first, again := node("file"), node("file")
	first.link, again.link, again.name = 7, 7, "file again"
	dir := testDir("dir", node("dir/cluster"), node("dir/one"), testFile("plain", []byte("plain")))
	inside := testDir("encrypted", testFile("inside", []byte("not encrypted itself")))
	inside.attrs |= wim.AttrEncrypted
	form, err := io.ReadAll(efsraw.NewReader(info, nil))
	if err != nil {
		t.Fatal(err)
	}
	inside.data = form
	return testDir("", node("empty"), first, again, dir, inside), forms
}

// formOf gives the raw form of an encrypted file as it is on a volume.
func formOf(v *ntfs3g.Volume, fsys vfs.FS, name string) ([]byte, error) {
	info, err := v.Node(name).EFSInfo()
	if err != nil {
		return nil, err
	}
	names, err := v.StreamNames(name)
	if err != nil {
		return nil, err
	}
	var streams []efsraw.Stream
	for _, stream := range append([]string{""}, names...) {
		path := name
		if stream != "" {
			path += ":" + stream
		}
		stat, err := fsys.Lstat(path)
		if err != nil {
			return nil, err
		}
		size, err := v.RawSize(name, stream, stat.Size())
		if err != nil {
			return nil, err
		}
		f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		streams = append(streams, efsraw.Stream{Name: stream, Size: size, Data: io.NewSectionReader(f, 0, efsraw.Stored(size))})
	}
	return io.ReadAll(efsraw.NewReader(info, streams))
}

// sameForms compares what is on a volume.
func sameForms(t *testing.T, fsys vfs.FS, forms map[string][]byte) {
	t.Helper()
	v := volumeOf(t, fsys)
	for name, want := range forms {
		if got, err := formOf(v, fsys, name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v; want %d that are the same", name, len(got), err, len(want))
		}
	}
	one, err := fsys.Lstat("file")
	if err != nil {
		t.Fatal(err)
	}
	if other, err := fsys.Lstat("file again"); err != nil || !os.SameFile(one, other) {
		t.Errorf("a file with two names became two: %v", err)
	}
	for name, encrypted := range map[string]bool{"encrypted": true, "encrypted/inside": false, "dir": false, "dir/plain": false} {
		if a, err := v.Node(name).Attributes(); err != nil || a&wim.AttrEncrypted != 0 != encrypted {
			t.Errorf("%s: attributes %#x, %v", name, a, err)
		}
	}
}

// Encrypted files are made as they were, wherever an apply was cut off.
func TestNTFSEncryptedCrashThenRestart(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	root, forms := encryptedTree(t, rng)
	image := buildWIM(root)
	c := cutRandom(image, rng, 10_000, 60_000)
	pro := prologueOf(t, image)
	_, fsys := ntfsTarget(t, rawOption)
	count := vfs.Fault(fsys, vfs.Plan{Ops: vfs.OpMutate})
	if _, err := runAll(count, image, c, pro, 1); err != nil {
		t.Fatal(err)
	}
	sameForms(t, fsys, forms)
	for round := range 5 {
		_, fsys := ntfsTarget(t, rawOption)
		at := count.Calls() - rng.IntN(40) // among what comes last
		if round == 0 {
			at = 1 + rng.IntN(count.Calls())
		}
		crashAndGoOn(t, fsys, at, image, c, pro, seed)
		if sameForms(t, fsys, forms); t.Failed() {
			t.Fatalf("after a crash at call %d of %d", at, count.Calls())
		}
	}
}

// A raw form that cannot be made here is left out and counted, and so is every one where the mount does not take them.
func TestNTFSEncryptedThatIsLeftOut(t *testing.T) {
	root, forms := encryptedTree(t, rand.New(rand.NewPCG(1, 2)))
	sparse := bytes.Clone(forms["file"])
	at := bytes.Index(sparse, []byte("D\x00A\x00T\x00A\x00")) + 10 + 16 + 16 // in the header of the first segment
	copy(sparse[at:], []byte{1, 0, 0, 0})                                    // one byte was written
	rng := rand.New(rand.NewPCG(3, 4))
	wrong := testDir("wrong directory")
	wrong.attrs |= wim.AttrEncrypted
	wrong.data = rawForm(t, rng, []byte("its length is not said at its start"), 0, 0)
	root.children = append(root.children, wrong)
	for name, form := range map[string][]byte{
		"text": []byte("no raw form at all"), "short": forms["dir/one"][:400], "not written": sparse,
		"for nobody": rawForm(t, rng, nil, 100, 0), "wrong metadata": rawForm(t, rng, []byte("its length is not said at its start"), 100, 0),
	} {
		for i := range 2 {
			n := testFile(fmt.Sprint(name, i), form)
			n.attrs |= wim.AttrEncrypted
			n.link = uint64(100 + len(name))
			root.children = append(root.children, n)
		}
	}
	wf := openWIM(t, buildWIM(root))
	_, fsys := ntfsTarget(t, rawOption)
	rep, err := File(bg, wf, 1, fsys, FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Lost{Encrypted: 5, Attributes: 1}); rep.Lost != want || rep.Files != 6 || rep.Links != 1 {
		t.Errorf("%d files, %d links, lost %q; want 6, 1, 5 encrypted files and the attribute of a directory", rep.Files, rep.Links, rep.Lost.Lines())
	}
	sameForms(t, fsys, forms)
	for _, name := range []string{"text0", "for nobody0", "wrong metadata1"} {
		if _, err := fsys.Lstat(name); err == nil {
			t.Errorf("%s was made", name)
		}
	}
	_, fsys = ntfsTarget(t, "streams_interface=xattr,efs_raw")
	if rep, err = File(bg, wf, 1, fsys, FileOptions{}); err != nil {
		t.Fatal(err)
	}
	if want := (Lost{Encrypted: 7, Attributes: 1}); rep.Lost != want || rep.Files != 4 {
		t.Errorf("without all named streams %d files, lost %q; want 4, and 7 encrypted files", rep.Files, rep.Lost.Lines())
	}
	_, fsys = ntfsTarget(t, "streams_interface=windows")
	if rep, err = File(bg, wf, 1, fsys, FileOptions{}); err != nil {
		t.Fatal(err)
	}
	if want := (Lost{Encrypted: 9, Attributes: 2}); rep.Lost != want || rep.Files != 2 {
		t.Errorf("without efs_raw %d files, lost %q; want 2, 9 encrypted files and the attributes of 2 directories", rep.Files, rep.Lost.Lines())
	}
	if _, err := fsys.Lstat("file"); err == nil {
		t.Error("an encrypted file was made as another one")
	}
}

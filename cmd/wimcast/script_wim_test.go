package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// both [-in FILE] ARGS...: runs `wimcast wim ARGS` in the folder ours and `wimlib-imagex ARGS` in the folder theirs,
// where relative paths start. Both must succeed, or with ! both must fail.
func cmdBoth(ts *testscript.TestScript, neg bool, args []string) {
	var stdin []byte
	if len(args) > 1 && args[0] == "-in" {
		b, err := os.ReadFile(ts.MkAbs(args[1]))
		ts.Check(err)
		stdin, args = b, args[2:]
	}
	for _, side := range []struct {
		dir  string
		argv []string
	}{{"ours", []string{"wimcast", "wim"}}, {"theirs", []string{"wimlib-imagex"}}} {
		exe, err := exec.LookPath(side.argv[0])
		ts.Check(err)
		cmd := exec.Command(exe, append(side.argv[1:], args...)...)
		cmd.Dir = ts.MkAbs(side.dir)
		cmd.Stdin = bytes.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if (err == nil) == neg {
			ts.Fatalf("%s %s: %v\n%s", strings.Join(side.argv, " "), strings.Join(args, " "), err, out)
		}
	}
}

// samewim FILES...: each file must be the same WIM in the folders ours and theirs: names and trees of the images,
// contents and their references, boot image, compression. Times of changes are their own, and so is what nobody
// needs.
func cmdSameWIM(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: samewim FILES...")
	}
	for _, name := range args {
		ours, theirs := describe(ts, filepath.Join("ours", name)), describe(ts, filepath.Join("theirs", name))
		for i := range max(len(ours), len(theirs)) {
			a, b := strings.Join(ours[min(i, len(ours)):min(i+1, len(ours))], ""), strings.Join(theirs[min(i, len(theirs)):min(i+1, len(theirs))], "")
			if a != b {
				ts.Fatalf("%s: ours has\n%s\nand theirs\n%s", name, a, b)
			}
		}
	}
}

// describe gives what is in a WIM file, line by line.
func describe(ts *testscript.TestScript, path string) []string {
	b, err := os.ReadFile(ts.MkAbs(path))
	ts.Check(err)
	f, err := wim.Open(bytes.NewReader(b), int64(len(b)))
	ts.Check(err)
	h := f.Header
	lines := []string{fmt.Sprintf("%s in %d, image %d boots, part %d of %d, integrity table %v", h.Compression, h.PieceSize, h.BootIndex, h.Part, h.Parts, h.Integrity.Size > 0)}
	if h.Parts > 1 {
		return lines // what is in which part is theirs to say
	}
	refs := make(map[wim.SHA1]uint32)
	for _, info := range f.Images() {
		lines = append(lines, fmt.Sprintf("image %d %q %q", info.Index, info.Name, info.Description))
		img, err := f.Image(info.Index)
		ts.Check(err)
		var files []string
		ts.Check(img.Walk(func(d *wim.Dentry) error {
			files = append(files, fmt.Sprintf("%s %#x %s", d.Path(), d.Attributes, d.Data()))
			refs[d.Data()]++
			return nil
		}))
		slices.Sort(files)
		lines = append(lines, files...)
	}
	delete(refs, wim.SHA1{})
	for _, hash := range slices.SortedFunc(maps.Keys(refs), func(a, b wim.SHA1) int { return bytes.Compare(a[:], b[:]) }) {
		res, ok := f.Lookup(hash)
		if ok && res.Refs != refs[hash] {
			ts.Fatalf("%s: %s has %d references, the table says %d", path, hash, refs[hash], res.Refs)
		}
		lines = append(lines, fmt.Sprintf("%s %v, %d references, %d bytes", hash, ok, res.Refs, res.Size))
	}
	return lines
}

// locked FILE PROGRAM ARGS...: runs a program, which must fail, while a file is locked.
func cmdLocked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: locked FILE PROGRAM ARGS...")
	}
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	ts.Check(vfs.LockFile(f))
	if err := ts.Exec(args[1], args[2:]...); err == nil {
		ts.Fatalf("%s succeeded although %s is locked", args[1], args[0])
	}
}

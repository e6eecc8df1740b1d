package content

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/chunk"
	"github.com/wimcast/wimcast/chunk/disk"
	"github.com/wimcast/wimcast/internal/vfs"
)

// Why an output file is refused. Nothing was asked for and nothing written then.
var (
	ErrNoFile    = disk.ErrNoFile
	ErrProtected = errors.New("it is write-protected")
)

// Output is where a content is to be a file, found fit as far as that can be told without the content.
type Output struct {
	path    string // links followed
	fsys    vfs.FS // of its directory
	replace bool
}

// OpenOutput looks at where a file is to be before anything is received. A link is followed, also to what is not there yet. What is no
// regular file is refused: pipes and devices take bytes in order, and these come in any. The error is fs.ErrExist if the file is there,
// unless replace.
func OpenOutput(path string, replace bool) (*Output, error) {
	if path == "" || os.IsPathSeparator(path[len(path)-1]) {
		return nil, fmt.Errorf("%q: %w: name a file", path, ErrNoFile)
	}
	real, err := follow(path)
	if err == nil {
		err = mayReplace(real, replace)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	fsys, err := vfs.OS(filepath.Dir(real))
	if err != nil {
		return nil, fmt.Errorf("open the directory of %s: %w", real, err)
	}
	if err := writable(fsys); err != nil {
		return nil, errors.Join(fmt.Errorf("write to the directory of %s: %w", real, err), fsys.Close())
	}
	return &Output{path: real, fsys: fsys, replace: replace}, nil
}

// follow returns the absolute path of what a path leads to, also where that is not there yet.
func follow(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return path, nil // as it is: links in /proc lead to what has no name
	}
	return vfs.Follow(path)
}

// mayReplace refuses what is at a path and must stay.
func mayReplace(path string, replace bool) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%w: %s is a directory: name a file in it", ErrNoFile, path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: name another; 'wimcast deploy --disk' writes to devices", ErrNoFile)
	case !replace:
		return fs.ErrExist
	case info.Mode().Perm()&0o222 == 0:
		return ErrProtected
	}
	return nil
}

// writable makes a file and takes it away again: permissions, protection and a full disk all show in that.
func writable(fsys vfs.FS) error {
	name := ".wimcast-" + rand.Text()
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), fsys.Remove(name))
}

// Sink gives what makes a file of any content. Until it is complete it has another name. What does not fit is refused. The sink is closed
// before the output.
func (o *Output) Sink(signed *catalog.SignedManifest) (Sink, error) {
	s, err := fileSink(o.fsys, filepath.Base(o.path), received{signed.Manifest, signed.Hash, signed.Layout}, o.replace)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", o.path, err)
	}
	return s, nil
}

// Close lets go of it.
func (o *Output) Close() error { return o.fsys.Close() }

// fileSink makes a file of a content, name in the directory fsys, or goes on with one.
func fileSink(fsys vfs.FS, name string, r received, replace bool) (Sink, error) {
	if err := vfs.Fits(fsys, written(r.manifest)-disk.Begun(fsys, name)); err != nil {
		return nil, err
	}
	file, err := disk.OpenAssembly(fsys, name, refs(r.manifest), disk.AssemblyConfig{Replace: replace})
	if err != nil {
		return nil, err
	}
	return &writtenSink{to: file, manifest: r.manifest, layout: r.layout}, nil
}

// hole is the chunk of which holes are made.
var hole = chunk.Sum(make([]byte, chunk.MaxSize))

// filesIn is how many bytes of a content are of files, as it has them: holes and directory trees do not count.
func filesIn(m *catalog.Manifest) (n int64) {
	for _, c := range m.Chunks {
		if c.ID != hole && !c.Prologue {
			n += int64(c.Size)
		}
	}
	return n
}

// written is how many bytes of disk a content takes as a file: holes take none.
func written(m *catalog.Manifest) (n int64) {
	for _, c := range m.Chunks {
		if c.ID != hole {
			n += int64(c.Size)
		}
	}
	return n
}

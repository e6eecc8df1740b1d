package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// makeKept makes a file of the image that is in memory where the target keeps what NTFS does. Its metadata is set while it is open, which
// spares finding it again.
func (w *worker) makeKept(i int, name string, d *wim.Dentry, data []byte) error {
	j, f, path := w.job, &w.job.plan.files[i], name
	if f.is(squeezed) {
		path = squeezedName + "/" + strconv.Itoa(i)
	}
	out, err := j.fsys.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return existsError(path, err)
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	err = writeAll(out, data, f.is(sparse))
	open := j.plan.ntfs.whileOpen && !f.is(late) && !f.is(squeezed) && d.Attributes&wim.AttrSystem == 0 // with "system" ntfs-3g makes something else of a small file
	if err == nil && open {
		var m *metadata
		if m, err = j.metadataOf(d, f.at); err == nil {
			m.archived = true
			err = j.keep(path, out, m)
		}
	}
	if e := out.Close(); err == nil {
		err = e
	}
	if err != nil {
		j.fsys.Remove(path)
		return fmt.Errorf("write %s: %w", name, err)
	}
	if f.is(squeezed) {
		return w.place(path, i)
	}
	j.crew.madeFile(i, f)
	if !open {
		return j.finishFile(f, name, d)
	}
	j.event(Completed{path})
	return nil
}

// writeAll writes a new file.
func writeAll(f vfs.File, data []byte, sparse bool) error {
	if sparse {
		if err := f.Truncate(int64(len(data))); err != nil {
			return err
		}
		_, err := sparseFile{f}.WriteAt(data, 0)
		return err
	}
	if len(data) == 0 {
		return nil
	}
	_, err := f.Write(data)
	return err
}

// holeSize is the unit in which zeros are left out, in bytes: that of NTFS's usual clusters.
const holeSize = 4096

// sparseFile leaves out zeros. The file must have its length, and nothing but zeros, beforehand.
type sparseFile struct{ vfs.File }

func (f sparseFile) Write(b []byte) (int, error) {
	off, err := f.Seek(0, 1)
	if err != nil {
		return 0, err
	}
	if _, err := f.WriteAt(b, off); err != nil {
		return 0, err
	}
	_, err = f.Seek(int64(len(b)), 1)
	return len(b), err
}

func (f sparseFile) WriteAt(b []byte, off int64) (int, error) {
	for at := 0; at < len(b); {
		end := at
		for end < len(b) {
			next := min(len(b), end+holeSize-int((off+int64(end))%holeSize))
			if zeros(b[end:next]) {
				break
			}
			end = next
		}
		if end > at {
			if _, err := f.File.WriteAt(b[at:end], off+int64(at)); err != nil {
				return at, err
			}
		}
		if at = end; at < len(b) {
			at = min(len(b), at+holeSize-int((off+int64(at))%holeSize))
		}
	}
	return len(b), nil
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

package apply

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// makeSparse makes a file of the image that is in memory and has the sparse attribute, without its zeros.
func (w *worker) makeSparse(i int, name string, d *wim.Dentry, data []byte) error {
	out, err := w.job.fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return existsError(name, err)
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	err = writeAll(out, data, true)
	if e := out.Close(); err == nil {
		err = e
	}
	if err != nil {
		w.job.fsys.Remove(name)
		return fmt.Errorf("write %s: %w", name, err)
	}
	f := &w.job.plan.files[i]
	w.job.crew.madeFile(i, f)
	return w.job.finishFile(f, name, d)
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

// sparseFile leaves out zeros. The file must have its length, and nothing but zeros, beforehand.
type sparseFile struct{ vfs.File }

func (f sparseFile) Write(b []byte) (int, error) {
	off, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	if _, err := f.WriteAt(b, off); err != nil {
		return 0, err
	}
	_, err = f.Seek(int64(len(b)), io.SeekCurrent)
	return len(b), err
}

func (f sparseFile) WriteAt(b []byte, off int64) (int, error) {
	if err := vfs.WriteAround(f.File, b, off); err != nil {
		return 0, err
	}
	return len(b), nil
}

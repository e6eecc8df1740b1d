package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

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

package apply

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/wimcast/wimcast/wim"
)

// reparseHeader is the length of the header of reparse data; of a tag that is not Microsoft's a GUID follows it, which is not counted
// in the header's length.
const (
	reparseHeader = 8
	reparseGUID   = 16
	tagMicrosoft  = 1 << 31
)

// finishStreams writes the named streams of ordinary files and directories, and what metadata had to wait for them.
func (j *Job) finishStreams(ctx context.Context) error {
	buf := make([]byte, copySize)
	for _, s := range j.plan.streams {
		if err := ctx.Err(); err != nil {
			return err
		}
		name, d, err := j.plan.get(s.spot)
		if err != nil {
			return err
		}
		if err := j.writeStream(name, d, s, buf); err != nil {
			return err
		}
	}
	for i := range j.plan.files {
		f := &j.plan.files[i]
		if !f.is(late) {
			continue
		}
		name, d, err := j.plan.get(f.spot)
		if err != nil {
			return err
		}
		if err := j.keepAll(name, d, f.at); err != nil {
			return err
		}
		j.crew.madeFile(i, f) // directories are changed later, all of them
		j.event(Completed{name})
	}
	return nil
}

// writeStream writes a named stream; one that the target refuses is counted.
func (j *Job) writeStream(name string, d *wim.Dentry, s stream, buf []byte) error {
	var size int64
	if s.res != noResource {
		size = j.plan.sizeOf(int(s.res))
	}
	stream := d.Streams[s.n].Name
	out, err := j.keeper.stream(name, stream, size)
	if err == nil {
		err = j.copyContent(out, s.res, buf)
		if e := out.Close(); err == nil {
			err = e
		}
	}
	return tell(&j.report.Lost.NamedStreams, "stream "+stream, name, err)
}

// copyContent writes a resource that is complete.
func (j *Job) copyContent(to io.Writer, res int32, buf []byte) error {
	if res == noResource {
		return nil
	}
	f, err := j.openContent(j.plan.resource(int(res)))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{f}, buf)
	return err
}

// finishPoints makes the reparse points and the encrypted files. Nothing is created below a directory afterwards.
func (j *Job) finishPoints(ctx context.Context) error {
	buf := make([]byte, copySize)
	streams := j.plan.pointed
	made := j.plan.symlinks[:0]
	for _, l := range j.plan.symlinks {
		n := 0
		for n < len(streams) && streams[n].at == l.at {
			n++
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		name, d, err := j.plan.get(l.spot)
		if err != nil {
			return err
		}
		if d.IsReparse() {
			err = j.makePoint(l, streams[:n], name, d, buf)
		} else if err = j.makeEncrypted(l, name, d); noForm(err) {
			if err = j.leaveEncrypted(l, name); err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		made, streams = append(made, l), streams[n:]
		j.crew.changedDir(int(l.dir))
		j.event(Completed{name})
	}
	j.plan.symlinks = made
	return nil
}

func (j *Job) makePoint(l symlink, streams []stream, name string, d *wim.Dentry, buf []byte) error {
	if err := j.makeEmpty(l, len(streams) > 0, name, d, buf); err != nil {
		return err
	}
	for _, s := range streams {
		if err := j.writeStream(name, d, s, buf); err != nil {
			return err
		}
	}
	data, err := j.content(l.res)
	if err != nil {
		return err
	}
	m, err := j.metadataOf(d, l.at)
	if err != nil {
		return err
	}
	m.reparse = reparseData(d, data)
	return j.keep(name, nil, m)
}

// makeEmpty makes what becomes a reparse point: a directory, or a file with its contents, which no one can write later.
func (j *Job) makeEmpty(l symlink, streams bool, name string, d *wim.Dentry, buf []byte) error {
	if d.IsDir() {
		if err := j.fsys.Mkdir(name, 0o777); err != nil {
			return fmt.Errorf("make directory %s: %w", name, err)
		}
		return nil
	}
	path, squeezed := name, j.plan.ntfs.squeezes(d)
	if squeezed {
		path = squeezedName + "/point"
	}
	f, err := j.fsys.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	err = j.copyContent(f, l.data, buf)
	if err == nil && (l.data != noResource || streams) {
		err = f.Sync() // later it cannot be opened
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil && squeezed {
		err = j.fsys.Rename(path, name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// reparseData puts the header before reparse data as an image has it.
func reparseData(d *wim.Dentry, data []byte) []byte {
	n := len(data)
	if d.ReparseTag&tagMicrosoft == 0 {
		n = max(0, n-reparseGUID)
	}
	b := binary.LittleEndian.AppendUint32(nil, d.ReparseTag)
	b = binary.LittleEndian.AppendUint16(b, uint16(n))
	b = binary.LittleEndian.AppendUint16(b, d.ReparseReserved)
	return append(b, data...)
}

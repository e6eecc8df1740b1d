package apply

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/wimcast/wimcast/internal/efsraw"
	"github.com/wimcast/wimcast/wim"
)

// rawOf returns the hash of the raw form of an encrypted file or directory, zero if it has none.
func rawOf(d *wim.Dentry) wim.SHA1 {
	for i := range d.Streams {
		if s := &d.Streams[i]; s.Kind == wim.StreamRaw {
			return s.Hash
		}
	}
	return wim.SHA1{}
}

// keepsRaw reports whether the target keeps the raw form of a dentry, which has one.
func (p *plan) keepsRaw(d *wim.Dentry) bool {
	return p.ntfs != nil && p.ntfs.raw && d.Data().IsZero() && !rawOf(d).IsZero()
}

// addRaw plans an encrypted file. It is made when all else is there, of its raw form, which tells what there is to write.
func (p *planner) addRaw(d *wim.Dentry, s spot, names []linkName) error {
	res, size, err := p.sideResource(rawOf(d), d, s)
	if err != nil {
		return err
	}
	for _, l := range names[min(1, len(names)):] {
		p.links = append(p.links, link{l.spot, s.at})
	}
	p.symlinks = append(p.symlinks, symlink{spot: s, res: res, data: noResource})
	p.report.Files++
	p.report.Bytes += size
	p.countDetails(d)
	return nil
}

// addRawDir plans what an encrypted directory has beyond other ones.
func (p *planner) addRawDir(d *wim.Dentry, s spot) error {
	if !p.keepsRaw(d) {
		return nil
	}
	_, _, err := p.sideResource(rawOf(d), d, s)
	return err
}

// makeEncrypted makes an encrypted file of its raw form, and its further names. Where it cannot be made here the error is noForm.
func (j *Job) makeEncrypted(l symlink, name string, d *wim.Dentry) error {
	form, dec, err := j.openForm(int(l.res))
	if err != nil {
		return err
	}
	defer form.Close()
	f, err := j.fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	if err := errors.Join(j.copyStreams(dec, name, f), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := j.keeper.encrypt(name, dec.Info); err != nil { // before all else: later it may fail
		return err
	}
	if err := j.keepAll(name, d, l.at); err != nil {
		return err
	}
	return j.makeLinks(name, l.at)
}

// copyStreams writes the contents to f, and the named streams.
func (j *Job) copyStreams(dec *efsraw.Decoder, name string, f io.Writer) error {
	for {
		stream, err := dec.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		out, done := f, func() error { return nil }
		if stream != "" && j.plan.ntfs.streamSize < math.MaxInt64 {
			return fmt.Errorf("%w: it has named streams, and the target takes not all of them", efsraw.ErrUnsupported)
		}
		if stream != "" {
			s, err := j.keeper.stream(name, stream, 0)
			if err != nil {
				return err
			}
			out, done = s, s.Close
		}
		if err := errors.Join(copyStream(dec, out), done()); err != nil {
			return err
		}
	}
}

// copyStream writes the encrypted bytes of a stream, and behind them how many there are too many.
func copyStream(dec *efsraw.Decoder, out io.Writer) error {
	size, err := dec.Copy(out)
	if err != nil || size == 0 {
		return err
	}
	_, err = out.Write(binary.LittleEndian.AppendUint16(nil, uint16(efsraw.Stored(size)-size)))
	return err
}

// leaveEncrypted takes away what was made of an encrypted file that cannot be, and counts it.
func (j *Job) leaveEncrypted(l symlink, name string) error {
	if err := j.fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	j.report.Files--
	j.report.Links -= len(j.plan.linksOf(l.at))
	j.report.Lost.Encrypted++
	return nil
}

// keepDir sets all that the target keeps of a directory.
func (j *Job) keepDir(name string, d *wim.Dentry, at wim.At) error {
	if j.plan.keepsRaw(d) {
		if err := j.encryptDir(name, d); noForm(err) {
			j.report.Lost.Attributes++
		} else if err != nil {
			return err
		}
	}
	return j.keepAll(name, d, at)
}

// encryptDir makes a directory an encrypted one, as its raw form says.
func (j *Job) encryptDir(name string, d *wim.Dentry) error {
	i, _ := j.plan.wf.IndexOf(rawOf(d)) // it was planned
	form, dec, err := j.openForm(i)
	if err != nil {
		return err
	}
	defer form.Close()
	return j.keeper.encrypt(name, dec.Info)
}

// openForm opens the raw form that is a resource's content. Close the content in the end.
func (j *Job) openForm(resource int) (io.Closer, *efsraw.Decoder, error) {
	content, err := j.openContent(j.plan.resource(resource))
	if err != nil {
		return nil, nil, err
	}
	dec, err := efsraw.NewDecoder(content)
	if err != nil {
		return nil, nil, errors.Join(err, content.Close())
	}
	return content, dec, nil
}

// noForm reports whether an error says that something cannot be made of a raw form.
func noForm(err error) bool {
	return errors.Is(err, efsraw.ErrForm) || errors.Is(err, efsraw.ErrUnsupported)
}

package capture

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/wimcast/wimcast/internal/efsraw"
	"github.com/wimcast/wimcast/internal/ntfs3g"
	"github.com/wimcast/wimcast/wim"
)

// encrypted gives the dentry of an encrypted file or directory its raw form.
func (n *ntfs) encrypted(v *ntfs3g.Volume, e *entry, path string) error {
	if !v.Raw() && e.info.IsDir() {
		return nil // what is in it counts
	}
	if !v.Raw() {
		return n.leaveFirst(e, path, "is encrypted, and was left out: mount the volume with -o efs_raw to keep it as it is")
	}
	if e.info.IsDir() {
		info, err := v.Node(path).EFSInfo()
		if err != nil || len(info) == 0 {
			return err
		}
		form, err := io.ReadAll(efsraw.NewReader(info, nil))
		name := ""
		if e.dir != nil {
			name = e.dir.below(e.name)
		}
		n.addStream(e, wim.Stream{Kind: wim.StreamRaw, Source: &byteSource{name, form}})
		return err
	}
	if !e.info.Mode().IsRegular() {
		return n.leaveFirst(e, path, "is encrypted, and was left out: ntfs-3g takes it for something else than a file, as it does system files of at most one byte")
	}
	if e.d.Attributes&wim.AttrSparse != 0 {
		return n.leaveFirst(e, path, "is encrypted and sparse, and was left out: ntfs-3g does not tell where its holes are")
	}
	src := &rawSource{fileSource: fileSource{dir: e.dir, name: e.name, was: identityOf(e.info)}, v: v}
	src.was.linked = e.linked
	form, err := src.form(path)
	if errors.Is(err, errNoForm) {
		return n.leaveFirst(e, path, "is encrypted, and was left out: "+err.Error())
	}
	if err != nil {
		return err
	}
	src.size = efsraw.Length(len(form.info), form.streams)
	n.addStream(e, wim.Stream{Kind: wim.StreamRaw, Source: src})
	return nil
}

// errNoForm says that a file has no raw form that can be made here.
var errNoForm = errors.New("it has no raw form")

// rawForm is what a raw form is made of.
type rawForm struct {
	info    []byte
	streams []efsraw.Stream
}

// rawSource is the raw form of an encrypted file.
type rawSource struct {
	fileSource
	v    *ntfs3g.Volume
	size int64
}

func (s *rawSource) Size() int64 { return s.size }

// form looks at the file.
func (s *rawSource) form(path string) (f rawForm, err error) {
	if f.info, err = s.v.Node(path).EFSInfo(); err != nil {
		return f, err
	}
	if len(f.info) == 0 {
		return f, fmt.Errorf("%w: the volume does not tell who may decrypt it", errNoForm)
	}
	if err := f.add(s.v, path, "", s.was.size); err != nil || s.v.Streams() == ntfs3g.StreamsNone {
		return f, err
	}
	names, err := s.v.StreamNames(path)
	if err != nil {
		return f, fmt.Errorf("list named streams: %w", err)
	}
	for _, name := range names {
		if s.v.Streams() != ntfs3g.StreamsWindows {
			return f, fmt.Errorf("%w: it has named streams; mount the volume with -o streams_interface=windows", errNoForm)
		}
		if !utf8.ValidString(name) || strings.ContainsRune(name, utf8.RuneError) {
			return f, fmt.Errorf("%w: it has a stream named %q", errNoForm, name)
		}
		size, err := s.v.StreamSize(path, name)
		if err != nil {
			return f, fmt.Errorf("look at stream %s: %w", name, err)
		}
		if err := f.add(s.v, path, name, size); err != nil {
			return f, err
		}
	}
	return f, nil
}

// add adds a stream that the volume shows with so many bytes.
func (f *rawForm) add(v *ntfs3g.Volume, path, name string, total int64) error {
	size, err := v.RawSize(path, name, total)
	if errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("%w: %w", errNoForm, err)
	}
	f.streams = append(f.streams, efsraw.Stream{Name: name, Size: size})
	return err
}

// Open opens the file and its streams, and refuses them when they are not what they were at the scan.
func (s *rawSource) Open() (io.ReadCloser, error) {
	path := s.full()
	if s.was.linked {
		var err error
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return nil, err
		}
	}
	contents, err := s.fileSource.Open()
	if err != nil {
		return nil, err
	}
	r := &rawReader{contents: contents.(*contentReader), closers: []io.Closer{contents}}
	if err := s.open(path, r); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (s *rawSource) open(path string, r *rawReader) error {
	form, err := s.form(path)
	if err != nil {
		return err
	}
	if efsraw.Length(len(form.info), form.streams) != s.size {
		return s.changed()
	}
	for i := range form.streams {
		st := &form.streams[i]
		data := io.ReaderAt(r.contents)
		if st.Name != "" {
			f, err := s.v.OpenStream(path, st.Name, 0)
			if err != nil {
				return err
			}
			r.closers = append(r.closers, f)
			data = f
		}
		st.Data = io.NewSectionReader(data, 0, efsraw.Stored(st.Size))
	}
	r.form = efsraw.NewReader(form.info, form.streams)
	return nil
}

// rawReader reads a raw form, and notices at its end when the file changed meanwhile.
type rawReader struct {
	form     io.Reader
	contents *contentReader
	closers  []io.Closer
}

func (r *rawReader) Read(b []byte) (int, error) {
	n, err := r.form.Read(b)
	if err == io.EOF {
		if changed := r.contents.check(); changed != nil {
			err = changed
		}
	}
	return n, err
}

func (r *rawReader) Close() error {
	var errs []error
	for _, c := range r.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

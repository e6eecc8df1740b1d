package edit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wimcast/wimcast/wim"
)

// Integrity says what becomes of a file's integrity table.
type Integrity uint8

// What becomes of it.
const (
	KeepIntegrity Integrity = iota // the new file has one if the old one had
	AddIntegrity
	DropIntegrity
)

// Piping says whether a file that is written is a pipable one.
type Piping uint8

// What a file becomes.
const (
	KeepPiping Piping = iota // pipable if it was that; a new one is not
	Pipable
	NotPipable
)

// Options are what every verb takes. The zero value: integrity table as the file has it, one thread a processor.
type Options struct {
	Integrity Integrity
	Verify    bool // check the integrity table of what is read, where there is one, before anything is done
	Piping    Piping
	Threads   int       // 1 to wim.MaxThreads; 0: one per processor
	Time      time.Time // stands for now; zero: now
	Progress  func(wim.Progress)
	Locked    func(*wim.File) error // called with a file that is to be changed when nobody else can change it any more; an error ends it; nil: not called
}

// Storage says how contents are stored in a file that is written anew. The zero value: as in the file they come from.
type Storage struct {
	Compression      *wim.Compression // nil: as the source
	Level            int              // 1 to 100; 0: 50
	PieceSize        int              // bytes; 0: as the source, where its compression is kept
	Solid            bool             // put contents into solid runs
	SolidCompression wim.Compression  // None: as the source, or LZMS
	SolidPieceSize   int              // bytes; 0: as the source, or 64 MiB
	SolidLevel       int
	NoSolidSort      bool // as in wim.WriterOptions
	Recompress       bool // decode and encode again what could be copied as it is stored
}

// Compress is a Storage.Compression.
func Compress(c wim.Compression) *wim.Compression { return &c }

// writer returns the options of a Writer for a file with what src holds.
func (o Options) writer(src *wim.File, s Storage) wim.WriterOptions {
	h := src.Header
	w := wim.WriterOptions{
		Compression: h.Compression, PieceSize: h.PieceSize, Level: s.Level,
		SolidCompression: s.SolidCompression, SolidPieceSize: s.SolidPieceSize, SolidLevel: s.SolidLevel, NoSolidSort: s.NoSolidSort,
		Threads: o.Threads, Flags: h.Flags & wim.FlagRPFix, Recompress: s.Recompress,
		Check: o.Integrity == AddIntegrity || o.Integrity == KeepIntegrity && h.Integrity.Size > 0,
		Time:  o.Time, Progress: o.Progress,
	}
	if s.Compression != nil && *s.Compression != h.Compression {
		w.Compression, w.PieceSize = *s.Compression, 0
	}
	if s.PieceSize != 0 {
		w.PieceSize = s.PieceSize
	}
	run := solidRun(src)
	w.Solid = s.Solid || run != nil && w.Compression == h.Compression && o.Piping != Pipable
	if w.Solid && run != nil && s.SolidCompression == wim.None {
		w.SolidCompression = run.Compression
		if s.SolidPieceSize == 0 {
			w.SolidPieceSize = run.PieceSize
		}
	}
	return w
}

// appender returns the options of a Writer that goes on behind the end of f.
func (o Options) appender(f *wim.File) wim.WriterOptions {
	w := o.writer(f, Storage{})
	w.Flags = 0
	w.Check, w.NoCheck = o.Integrity == AddIntegrity, o.Integrity == DropIntegrity
	return w
}

// solidRun returns a solid run of the file; nil where it has none.
func solidRun(f *wim.File) *wim.Run {
	for _, r := range f.Resources() {
		if r.Run.Solid && r.Run.Compression != wim.None {
			return r.Run
		}
	}
	return nil
}

// pipes says whether a file with the header h becomes a pipable one, and refuses what those cannot hold.
func (o Options) pipes(h wim.Header, s Storage) (bool, error) {
	pipes := o.Piping == Pipable || o.Piping == KeepPiping && h.Pipable
	if pipes && s.Solid {
		return false, fmt.Errorf("a pipable file has no solid runs: %w", ErrOptions)
	}
	return pipes, nil
}

// verify checks the integrity table where that is wanted.
func (o Options) verify(ctx context.Context, f *wim.File) error {
	if !o.Verify {
		return nil
	}
	return f.VerifyIntegrity(ctx)
}

// now is the time that is written.
func (o Options) now() wim.Filetime {
	if o.Time.IsZero() {
		return wim.FiletimeOf(time.Now())
	}
	return wim.FiletimeOf(o.Time)
}

// All stands for all images of a file, where a verb takes the number of one.
const All = 0

// numbers returns the images that n stands for.
func numbers(f *wim.File, n int) ([]int, error) {
	count := len(f.Images())
	if n != All {
		if n < 0 || n > count {
			return nil, &wim.NoImageError{Image: n, Count: count}
		}
		return []int{n}, nil
	}
	all := make([]int, count)
	for i := range all {
		all[i] = i + 1
	}
	return all, nil
}

// ErrOptions says that not all can be had that was asked for.
var ErrOptions = errors.New("these options do not go together")

// ErrNameTaken says that a file has an image of that name.
var ErrNameTaken = errors.New("a file has each name once")

// errSame says that a verb would write over what it reads.
var errSame = errors.New("this is a file that is read; choose another name")

// wrap says of which file an error is.
func wrap(err error, what, path string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, path, err)
}

package wim

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"
)

// MaxThreads bounds WriterOptions.Threads, and with it memory: each thread has some MiB in hand.
const MaxThreads = 64

// WriterOptions say how to write a WIM file. The zero value: stored, one thread a processor, no boot image, no integrity table.
type WriterOptions struct {
	Compression Compression // of runs of one resource, and of image metadata
	PieceSize   int         // bytes; 0: 32 KiB, for LZMS 128 KiB
	Level       int         // 1 (fastest) to 100 (smallest), as wimlib counts; 0: 50

	Solid            bool        // put contents into solid runs: a file of version 0xe00
	SolidCompression Compression // None: LZMS
	SolidPieceSize   int         // bytes; 0: 64 MiB, or the largest that the compression has
	NoSolidSort      bool        // contents of solid runs keep the order in which they were added
	SolidLevel       int         // as Level

	Memory      int64       // bytes that LZMS encoders and their pieces may take together, if one takes no more; 0: 1100 MiB
	Threads     int         // 1 to 64; 0: one per processor. The bytes written do not depend on it
	Flags       HeaderFlags // FlagRPFix, FlagReadOnly; Append keeps those that the file has
	ClearFlags  HeaderFlags // that Append does not keep
	BootIndex   int         // 1-based, among the images at Finish; 0: none, or after Append the same image as before; -1: none
	GUID        [16]byte    // zero: made from what is written
	Part, Parts int         // of a split set; 0: not split. Only part 1 gets images' metadata
	Check       bool        // add an integrity table; the output must be an io.ReaderAt too
	NoCheck     bool        // do not go on with the integrity table of the file that is appended to
	CheckSize   int         // bytes a sum of the integrity table covers; 0: 10 MiB, or what the file has that is appended to
	Recompress  bool        // decode and encode again what could be copied as it is
	Base        []*File     // resources that these hold are not written: the file is a delta of them
	Time        time.Time   // stands for now in the XML; zero: now
	Progress    func(Progress)
}

// defaultLevel is wimlib's too.
const defaultLevel = 50

// validate checks the options and returns them with their defaults filled in.
func (o WriterOptions) validate(w io.Writer) (WriterOptions, error) {
	if o.Compression > LZMS || o.SolidCompression > LZMS {
		return o, errors.New("unknown compression")
	}
	if o.PieceSize == 0 && o.Compression != None {
		o.PieceSize = 32 << 10
		if o.Compression == LZMS {
			o.PieceSize = 128 << 10
		}
	}
	if o.SolidCompression == None {
		o.SolidCompression = LZMS
	}
	if o.SolidPieceSize == 0 {
		o.SolidPieceSize = o.SolidCompression.solidPiece()
	}
	if o.Level == 0 {
		o.Level = defaultLevel
	}
	if o.SolidLevel == 0 {
		o.SolidLevel = defaultLevel
	}
	if o.Threads == 0 {
		o.Threads = min(runtime.GOMAXPROCS(0), MaxThreads)
	}
	if o.Memory == 0 {
		o.Memory = 1100 << 20
	}
	if o.Parts == 0 && o.Part == 0 {
		o.Part, o.Parts = 1, 1
	}
	if o.Time.IsZero() {
		o.Time = time.Now()
	}
	return o, o.check(w)
}

// check refuses options that make no sense.
func (o *WriterOptions) check(w io.Writer) error {
	readable := true
	if o.Check {
		_, readable = w.(io.ReaderAt)
	}
	switch {
	case o.Compression == None && o.PieceSize != 0:
		return errors.New("a piece size without compression")
	case o.Level < 1 || o.Level > 100 || o.SolidLevel < 1 || o.SolidLevel > 100:
		return fmt.Errorf("levels %d and %d are not in 1 to 100", o.Level, o.SolidLevel)
	case o.Threads < 1 || o.Threads > MaxThreads:
		return fmt.Errorf("%d threads are not in 1 to %d", o.Threads, MaxThreads)
	case o.Memory < 0:
		return fmt.Errorf("memory of %d bytes", o.Memory)
	case o.Part < 1 || o.Part > o.Parts || o.Parts > MaxParts:
		return fmt.Errorf("part %d of %d; a set has up to %d", o.Part, o.Parts, MaxParts)
	case (o.Flags|o.ClearFlags)&^(FlagRPFix|FlagReadOnly) != 0:
		return fmt.Errorf("header flags %#x cannot be chosen", o.Flags|o.ClearFlags)
	case o.BootIndex < -1:
		return fmt.Errorf("boot image %d", o.BootIndex)
	case o.Check && o.NoCheck:
		return errors.New("both Check and NoCheck")
	case o.CheckSize != 0 && (o.CheckSize < minIntegrityPiece || o.CheckSize > maxIntegrityPiece):
		return fmt.Errorf("integrity sums of %d bytes are not in %d to %d", o.CheckSize, minIntegrityPiece, maxIntegrityPiece)
	case !readable:
		return errors.New("an integrity table needs an output that can be read too")
	}
	for _, s := range []struct {
		c        Compression
		used     bool
		size, lv int
	}{{o.Compression, true, o.PieceSize, o.Level}, {o.SolidCompression, o.Solid, o.SolidPieceSize, o.SolidLevel}} {
		if !s.used || s.c == None {
			continue
		}
		if err := checkPieceSize(s.c, int64(s.size)); err != nil {
			return err
		}
		if _, err := newEncoder(s.c, min(s.size, 1<<15), s.lv); err != nil {
			return err
		}
	}
	return nil
}

// MaxParts bounds the parts of a split set: the header has 16 bits for them.
const MaxParts = 1<<16 - 1

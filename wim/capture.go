package wim

import (
	"context"
	"io"
	"time"
)

// CaptureOptions says how to capture. The zero value: stored, one thread a processor, no boot image, no integrity table.
type CaptureOptions struct {
	Compression Compression // None or XPRESS
	Threads     int         // 0: one a processor. Bytes do not depend on it
	Name        string      // of the image; "" takes the directory's base name. Names must differ within a file
	Description string
	BootIndex   int       // 1-based image that boots; 0: none
	UnixData    bool      // keep owner, group, mode and device of every file
	Check       bool      // add an integrity table
	Time        time.Time // written as the images' creation time; zero: now
	Progress    func(Progress)
	Warn        func(path, what string) // told of what cannot be captured (sockets); nil: not told
}

// Source is one directory that becomes one image.
type Source struct {
	Dir         string
	Name        string // "" takes the directory's base name
	Description string
}

// CaptureStats counts what a capture wrote.
type CaptureStats struct {
	Images, Dirs, Files int
	Bytes               int64 // contents of all files, each name counted
	Resources           int   // distinct contents
	Size                int64 // of the WIM file
	Skipped             int   // files that were told to Warn
}

// Capture writes the tree below dir as a WIM of one image to w, which must be empty and at its start. A file that changes
// while it is read is an error that is ErrChanged and names the path; w then holds no valid file.
func Capture(ctx context.Context, w io.WriteSeeker, dir string, opts CaptureOptions) (CaptureStats, error) {
	return CaptureImages(ctx, w, []Source{{Dir: dir, Name: opts.Name, Description: opts.Description}}, opts)
}

// CaptureImages writes one image a source, in order, contents shared between them. opts.Name and opts.Description are not used.
func CaptureImages(ctx context.Context, w io.WriteSeeker, sources []Source, opts CaptureOptions) (CaptureStats, error) {
	return CaptureStats{}, unsupportedf("capture")
}

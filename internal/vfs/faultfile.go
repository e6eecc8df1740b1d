package vfs

import "io/fs"

// faultyFile is an open file of a Faulty.
type faultyFile struct {
	f    *Faulty
	file File
	name string
}

func (f *faultyFile) Read(p []byte) (int, error) {
	if err := f.f.fail(OpRead, "read", f.name); err != nil {
		return 0, err
	}
	return f.file.Read(p)
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.f.fail(OpRead, "read", f.name); err != nil {
		return 0, err
	}
	return f.file.ReadAt(p, off)
}

func (f *faultyFile) Write(p []byte) (int, error) {
	return f.write(p, f.file.Write)
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	return f.write(p, func(p []byte) (int, error) { return f.file.WriteAt(p, off) })
}

// write fails as planned, after half of the bytes if the plan says so.
func (f *faultyFile) write(p []byte, call func([]byte) (int, error)) (int, error) {
	err := f.f.fail(OpWrite, "write", f.name)
	if err == nil {
		return call(p)
	}
	if !f.f.plan.Short {
		return 0, err
	}
	n, werr := call(p[:len(p)/2])
	if werr != nil {
		return n, werr
	}
	return n, err
}

func (f *faultyFile) Seek(off int64, whence int) (int64, error) {
	if err := f.f.fail(OpStat, "seek", f.name); err != nil {
		return 0, err
	}
	return f.file.Seek(off, whence)
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.f.fail(OpMeta, "truncate", f.name); err != nil {
		return err
	}
	return f.file.Truncate(size)
}

func (f *faultyFile) Sync() error {
	if err := f.f.fail(OpSync, "sync", f.name); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f *faultyFile) Stat() (fs.FileInfo, error) {
	if err := f.f.fail(OpStat, "stat", f.name); err != nil {
		return nil, err
	}
	return f.file.Stat()
}

func (f *faultyFile) Close() error { return f.file.Close() }

// Punch implements Puncher, if what is wrapped does.
func (f *faultyFile) Punch(off, size int64) error {
	if err := f.f.fail(OpMeta, "punch", f.name); err != nil {
		return err
	}
	return Punch(f.file, off, size)
}

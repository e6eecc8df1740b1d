package catalog

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// filePerm keeps other users out of the catalogue: at a distribution point it has the tokens.
const filePerm = 0o600

// lockTimeout is how long OpenCatalogue waits for another process to let go of the file.
const lockTimeout = 500 * time.Millisecond

// boltFile is the one file in which a catalogue rests. Only this file, tables.go and pages.go know bbolt.
type boltFile struct {
	path   string
	db     *bolt.DB
	broken atomic.Bool // bbolt met garbage
}

// openBolt opens an existing file, after a check of its pages.
func openBolt(path string) (*boltFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open catalogue: %w", err)
	}
	if info.Size() == 0 { // bbolt would begin a new one
		return nil, fmt.Errorf("open catalogue %s: %w", path, ErrDamaged)
	}
	if err := inspectDB(path); err != nil {
		return nil, err
	}
	db, err := openDB(path, false)
	if err != nil {
		return nil, err
	}
	// Who has the lock, for the message of the next who wants it. Nothing depends on it.
	_ = os.WriteFile(ownerPath(path), []byte(strconv.Itoa(os.Getpid())), filePerm)
	return &boltFile{path: path, db: db}, nil
}

// createBolt makes a new file with empty tables, and fills them.
func createBolt(path string, fill func(tables) error) error {
	db, err := openDB(path, false)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range tableNames {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		t, err := tablesOf(tx)
		if err != nil {
			return err
		}
		return fill(t)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("create catalogue %s: %w", path, err)
	}
	return nil
}

// close frees the file.
func (f *boltFile) close() error {
	_ = os.Remove(ownerPath(f.path)) // a hint only
	if f.broken.Load() {             // bbolt might wait for ever: the file is free when the process ends
		return fmt.Errorf("close catalogue %s: %w", f.path, ErrDamaged)
	}
	if err := f.db.Close(); err != nil {
		return fmt.Errorf("close catalogue %s: %w", f.path, err)
	}
	return nil
}

// inspectDB checks a file's pages under a reader's lock, so that no other process changes them meanwhile.
func inspectDB(path string) error {
	db, err := openDB(path, true)
	if err != nil {
		return err
	}
	err = checkPages(path)
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("open catalogue %s: %w (%w)", path, ErrDamaged, err)
	}
	return nil
}

// openDB opens or begins a bbolt file.
func openDB(path string, readOnly bool) (db *bolt.DB, err error) {
	defer func() {
		if errors.Is(err, ErrDamaged) {
			err = fmt.Errorf("open catalogue %s: %w", path, err)
		}
	}()
	defer damageToError(&err)()
	opt := *bolt.DefaultOptions
	opt.Timeout = lockTimeout
	opt.ReadOnly = readOnly
	opt.FreelistType = bolt.FreelistMapType
	db, err = bolt.Open(path, filePerm, &opt)
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("open catalogue %s: %w (%s); talk to it, or stop it first", path, ErrBusy, owner(path))
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
	case err != nil:
		return nil, fmt.Errorf("open catalogue: %w", err)
	}
	return db, nil
}

// damageToError makes an error of the panic or memory fault with which bbolt, which maps its file into memory, meets
// pages that are garbage or missing. Use: defer damageToError(&err)(). It holds for the calling goroutine.
func damageToError(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		if p := recover(); p != nil {
			*err = fmt.Errorf("%w (%v)", ErrDamaged, p)
		}
	}
}

func ownerPath(path string) string { return path + ".owner" }

// owner says, for people, which process has the file at path.
func owner(path string) string {
	b, err := os.ReadFile(ownerPath(path))
	if err != nil {
		return "probably a running wimcast node"
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return "probably a running wimcast node"
	}
	return fmt.Sprintf("probably the wimcast node with process id %d", pid)
}

// view and update run a transaction. After a fault in one, bbolt's locks are in doubt: the file is given up. What update's fn
// changes becomes durable when it returns nil, all of it; else nothing does.
func (f *boltFile) view(fn func(tables) error) error { return f.guard(f.db.View, fn) }

func (f *boltFile) update(fn func(tables) error) error { return f.guard(f.db.Update, fn) }

func (f *boltFile) guard(run func(func(*bolt.Tx) error) error, fn func(tables) error) (err error) {
	if f.broken.Load() {
		return ErrDamaged
	}
	done := false
	defer func() { f.broken.CompareAndSwap(false, !done) }()
	defer damageToError(&err)()
	err = run(func(tx *bolt.Tx) error {
		t, err := tablesOf(tx)
		if err != nil {
			return err
		}
		return fn(t)
	})
	done = true
	return err
}

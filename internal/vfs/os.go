package vfs

import "errors"

// OS returns the file system below the existing directory dir.
func OS(dir string) (FS, error) { return nil, errors.ErrUnsupported }

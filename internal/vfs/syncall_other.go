//go:build !linux

package vfs

// SyncAll syncs one name after the other: there is no call for all of them.
func (f *osFS) SyncAll(names []string) error {
	for _, name := range names {
		if err := one("sync", name, f.syncOne); err != nil {
			return err
		}
	}
	return nil
}

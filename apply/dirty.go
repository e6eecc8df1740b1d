package apply

import "slices"

// syncAtOnce is how many names are given to one SyncAll.
const syncAtOnce = 1 << 14

// dirty is what must be synced: files and directories of the image and resources in the work folder by their numbers, because between two commits
// there may be millions, and other names.
type dirty struct {
	files, dirs, sides bitset
	names              map[string]struct{}
}

func (p *plan) newDirty() dirty {
	return dirty{newBitset(len(p.files)), newBitset(len(p.dirs)), newBitset(p.count()), map[string]struct{}{}}
}

// changed notes names that must be synced.
func (c *crew) changed(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range names {
		c.dirty.names[n] = struct{}{}
	}
}

// unchanged forgets a name that is gone.
func (c *crew) unchanged(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.dirty.names, name)
}

// madeFile notes a file of the image, and that its directory has changed.
func (c *crew) madeFile(i int, f *file) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dirty.files.set(i)
	c.dirty.dirs.set(int(f.dir))
}

// madeSide notes a resource that the work folder keeps.
func (c *crew) madeSide(res int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dirty.sides.set(res)
	c.dirty.names[workName] = struct{}{}
}

// changedDir notes a directory of the image.
func (c *crew) changedDir(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dirty.dirs.set(i)
}

// takeDirty returns what was noted since the last call.
func (j *Job) takeDirty() dirty {
	c := j.crew
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.dirty
	c.dirty = j.plan.newDirty()
	return d
}

// sync makes it durable.
func (j *Job) sync(d dirty) error {
	var names []string
	add := func(name string) error {
		if names = append(names, name); len(names) < syncAtOnce {
			return nil
		}
		defer func() { names = names[:0] }()
		return j.fsys.SyncAll(names)
	}
	for n := range d.names {
		if err := add(n); err != nil {
			return err
		}
	}
	slices.Sort(names)
	for res := range d.sides.each() {
		if err := add(sidePath(res)); err != nil {
			return err
		}
	}
	for i := range d.dirs.each() {
		name, err := j.plan.path(j.plan.dirs[i])
		if err == nil {
			err = add(name)
		}
		if err != nil {
			return err
		}
	}
	for i := range d.files.each() {
		name, err := j.plan.path(j.plan.files[i].spot)
		if err == nil {
			err = add(name)
		}
		if err != nil {
			return err
		}
	}
	if err := j.fsys.SyncAll(names); err != nil || j.keeper == nil {
		return err
	}
	// To ntfs-3g the sync of a file system is not passed on, but that of any directory makes it sync all of the volume.
	return j.fsys.SyncDir(".")
}

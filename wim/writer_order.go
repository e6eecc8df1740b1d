package wim

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// order returns the order in which contents are packed into a solid run, and how many bytes they have. A number i is pack i, ^i is repack i.
//
// In a solid run like goes beside like: sorted by extension, then by name. But what comes from solid runs keeps its order, as it has been
// sorted before, and decoding it in any other order would decode pieces of many MiB again and again.
func (j *writeJob) order() (order []int32, total int64) {
	order = make([]int32, 0, len(j.repacks)+len(j.packs))
	for i, r := range j.repacks {
		order = append(order, ^int32(i))
		total += j.entries.sizeOf(r.entry)
	}
	for i := range j.packs {
		order = append(order, int32(i))
		total += j.packs[i].src.Size()
	}
	if j.opts.NoSolidSort {
		return order, total
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		x, y := j.place(a), j.place(b)
		return cmp.Or(cmp.Compare(x.class, y.class), strings.Compare(x.extension, y.extension), strings.Compare(x.name, y.name),
			strings.Compare(x.full, y.full))
	})
	return order, total
}

// solidPlace is what contents of solid runs are sorted by.
type solidPlace struct {
	class                 int // 0: keeps its order, 1: is sorted
	extension, name, full string
}

// place returns the place of a number that order returns.
func (j *writeJob) place(i int32) solidPlace {
	var full string
	if i >= 0 {
		full = j.packs[i].src.Path()
	} else if r := j.repacks[^i]; !j.fileOf(r).resources[r.i].inSolid() {
		full = j.names[r.entry]
	} else {
		return solidPlace{}
	}
	name := path.Base(full)
	return solidPlace{1, strings.ToLower(path.Ext(name)), strings.ToLower(name), full}
}

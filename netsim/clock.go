package netsim

import (
	"container/heap"

	"github.com/wimcast/wimcast/internal/machine"
)

// planned is something that will happen. What is planned for one time happens in the order of planning.
type planned struct {
	at    machine.Time
	order uint64
	do    func()
}

type agenda []planned

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].order < a[j].order
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(planned)) }
func (a *agenda) Pop() any {
	old := *a
	e := old[len(old)-1]
	old[len(old)-1] = planned{}
	*a = old[:len(old)-1]
	return e
}

// clock is virtual time.
type clock struct {
	now   machine.Time
	order uint64
	todo  agenda
}

// plan makes do happen at time at, or now if that has passed.
func (c *clock) plan(at machine.Time, do func()) {
	c.order++
	heap.Push(&c.todo, planned{at: max(at, c.now), order: c.order, do: do})
}

// step makes the next thing happen; false when nothing will, or not before the end.
func (c *clock) step(end machine.Time) bool {
	if len(c.todo) == 0 || c.todo[0].at > end {
		return false
	}
	e := heap.Pop(&c.todo).(planned)
	c.now = e.at
	e.do()
	return true
}

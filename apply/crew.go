package apply

import (
	"fmt"
	"sync"

	"github.com/wimcast/wimcast/internal/oserr"
	"github.com/wimcast/wimcast/wim"
)

// Limits of the workers.
const (
	maxWorkers  = 4
	queueLen    = 64       // tasks a worker's queue holds
	inflightMax = 16 << 20 // stored bytes that wait for or are with the workers
	scratchSize = wholeSize
	copySize    = 256 << 10
)

// task is something a worker can write at once: runs [first, end) that are decoded at once, pieces [first, end) of a run, or plain bytes at
// off of one.
type task struct {
	r          *run  // nil: whole runs
	base       int64 // of data, in the file, when it is of whole runs
	data       stored
	pieces     *wim.PieceTable
	first, end int
	off        int64
	big        bool // it is with crew.big
}

// crew runs the workers. What is written piecewise of a run is always written by the same one.
type crew struct {
	common chan task   // what any worker may do
	queues []chan task // what one must
	big    bigPiece
	making sync.Mutex // held by the worker that makes small files
	wg     sync.WaitGroup

	mu       sync.Mutex
	idle     sync.Cond // inflight went down
	inflight int64
	tasks    int
	err      error  // the first one; sticky
	done     bitset // resources completed since the last take
	dirty    dirty

	sync sync.RWMutex // held for reading while names of dirty files change, for writing while they are synced
}

func (j *Job) startCrew(n int) {
	c := &crew{dirty: j.plan.newDirty(), done: newBitset(j.plan.count()), common: make(chan task, queueLen), big: bigPiece{token: make(chan struct{}, 1)}}
	c.idle.L = &c.mu
	j.crew = c
	for range n {
		q := make(chan task, queueLen)
		w := &worker{job: j}
		c.queues = append(c.queues, q)
		c.wg.Add(1)
		go func() {
			defer c.wg.Done()
			w.work(q, c.common)
		}()
	}
}

// send gives a task to the run's worker, or to any; it waits while too much is in flight.
func (j *Job) send(t task) error {
	c := j.crew
	c.mu.Lock()
	for c.inflight > inflightMax && c.err == nil {
		c.idle.Wait()
	}
	err := c.err
	if err == nil {
		c.inflight += t.data.n
		c.tasks++
	}
	c.mu.Unlock()
	switch {
	case err != nil:
		j.unroom(&t)
	case t.r == nil:
		c.common <- t
	default:
		c.queues[t.r.index%len(c.queues)] <- t
	}
	return err
}

// finish notes the end of a task.
func (c *crew) finish(t task, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inflight -= t.data.n
	c.tasks--
	if err != nil && c.err == nil {
		c.err = withHint(err)
	}
	c.idle.Broadcast()
}

// drain waits until no task is in flight and returns the error that stopped them, if any.
func (c *crew) drain() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.tasks > 0 {
		c.idle.Wait()
	}
	return c.err
}

// failed returns the error that ended the plan, if any.
func (c *crew) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// fail ends the plan.
func (c *crew) fail(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = withHint(err)
	}
	return c.err
}

// withHint says what helps, where something does.
func withHint(err error) error {
	if oserr.Is(err, oserr.NoSpace) {
		return fmt.Errorf("%w (make room on the target and start again: it goes on where it was)", err)
	}
	return err
}

// stop ends the workers; what is queued is dropped.
func (c *crew) stop() {
	c.fail(errClosed)
	for _, q := range c.queues {
		close(q)
	}
	c.wg.Wait()
	for {
		select {
		case t := <-c.common:
			c.finish(t, errClosed)
		default:
			return
		}
	}
}

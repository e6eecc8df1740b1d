package machine

import "testing"

// TestQueueKeepsOrderAndMemory: what was pushed first comes first, and a queue that never grows long takes no more memory.
func TestQueueKeepsOrderAndMemory(t *testing.T) {
	var q Queue[int]
	next := 0
	for i := range 10_000 {
		q.Push(i)
		if i%3 == 0 {
			continue
		}
		for q.Len() > 2 {
			if got := *q.Front(); got != next {
				t.Fatalf("front is %d, want %d", got, next)
			}
			if got := q.Pop(); got != next {
				t.Fatalf("popped %d, want %d", got, next)
			}
			next++
		}
	}
	if q.Len() > 4 || cap(q.items) > 32 {
		t.Errorf("%d items wait in memory for %d", q.Len(), cap(q.items))
	}
}

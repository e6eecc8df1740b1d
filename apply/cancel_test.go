package apply

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// A user who presses Ctrl-C waits for the file under way, not for the thousands of a batch.
func TestCancelledApplyStopsInTheMiddleOfABatch(t *testing.T) {
	root := testNode{attrs: wim.AttrDirectory}
	for i := range 2000 {
		root.children = append(root.children, testFile(fmt.Sprint(i), fmt.Appendf(nil, "content %d", i)))
	}
	f := openWIM(t, buildWIM(&root))
	ctx, cancel := context.WithCancel(bg)
	var made atomic.Int64
	target := vfs.NewMem()
	_, err := File(ctx, f, 1, target, FileOptions{Workers: 1, Events: func(e Event) {
		if e.Kind == EventFile && made.Add(1) == 10 {
			cancel()
			time.Sleep(100 * time.Millisecond) // for the others to hear of it
		}
	}})
	if !errors.Is(err, context.Canceled) || made.Load() > 1000 {
		t.Errorf("%v, after %d files of 2000", err, made.Load())
	}
	if rep, err := File(bg, f, 1, target, FileOptions{}); err != nil || rep.Files != 2000 {
		t.Errorf("going on: %d files, %v", rep.Files, err)
	}
}

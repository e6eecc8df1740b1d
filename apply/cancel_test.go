package apply

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/wimcast/wimcast/internal/vfs"
	"github.com/wimcast/wimcast/wim"
)

// A user who presses Ctrl-C waits for the file under way, not for the thousands of a batch.
func TestCancelledApplyStopsInTheMiddleOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := testNode{attrs: wim.AttrDirectory}
		for i := range 2000 {
			root.children = append(root.children, testFile(fmt.Sprint(i), fmt.Appendf(nil, "content %d", i)))
		}
		f := openWIM(t, buildWIM(&root))
		ctx, cancel := context.WithCancel(t.Context())
		made := 0
		target := vfs.NewMem()
		_, err := File(ctx, f, 1, target, FileOptions{Workers: 1, Events: func(e Event) {
			if _, ok := e.(Completed); !ok {
				return
			}
			if made++; made == 10 {
				cancel()
				synctest.Wait() // until all have heard of it
			}
		}})
		if !errors.Is(err, context.Canceled) || made > 11 {
			t.Errorf("%v, after %d files of 2000", err, made)
		}
		if rep, err := File(bg, f, 1, target, FileOptions{}); err != nil || rep.Files != 2000 {
			t.Errorf("going on: %d files, %v", rep.Files, err)
		}
	})
}

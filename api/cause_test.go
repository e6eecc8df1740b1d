package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/content"
	"github.com/wimcast/wimcast/internal/oserr"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/wim"
)

// failing is a node whose every verb fails with one error.
type failing struct {
	Node
	err error
}

func (f failing) Publish(context.Context, node.PublishRequest, func(done, total int64)) (node.PublishResult, error) {
	return node.PublishResult{}, f.err
}
func (f failing) Remove(context.Context, string, string) error { return f.err }

// serveNode runs the control interface of n, and returns a client of it.
func serveNode(t *testing.T, n Node) *Client {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Listen(ctx, dir, n) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if c := Dial(dir); c != nil {
			return c
		}
	}
	t.Fatal("the control interface does not answer")
	return nil
}

func TestCauseSurvivesTheSocket(t *testing.T) {
	for _, c := range []struct{ sent, cause error }{
		{catalog.ErrExists, catalog.ErrExists},
		{catalog.ErrUnknown, catalog.ErrUnknown},
		{wim.ErrCorrupt, wim.ErrCorrupt},
		{wim.ErrUnsupported, wim.ErrUnsupported},
		{content.ErrChanged, content.ErrChanged},
		{fs.ErrNotExist, fs.ErrNotExist},
		{fs.ErrPermission, fs.ErrPermission},
		{syscall.ENOSPC, oserr.NoSpace},
		{syscall.EIO, oserr.IO},
	} {
		want := fmt.Errorf("publish x: %w", c.sent)
		client := serveNode(t, failing{err: want})
		_, err1 := client.Publish(context.Background(), node.PublishRequest{}, nil)
		err2 := client.Remove(context.Background(), "x", "1")
		for _, err := range []error{err1, err2} {
			if err == nil || err.Error() != want.Error() || !oserr.Is(err, c.cause) {
				t.Errorf("%v arrives as %v, its cause lost", want, err)
			}
		}
	}
}

func TestUnknownCauseKeepsItsText(t *testing.T) {
	c := serveNode(t, failing{err: errors.New("something new")})
	if err := c.Remove(context.Background(), "x", "1"); err == nil || err.Error() != "something new" {
		t.Fatalf("got %v", err)
	}
	if err := remote("text", "of a newer node"); err.Error() != "text" || errors.Unwrap(err) != nil {
		t.Fatalf("got %v", err)
	}
}

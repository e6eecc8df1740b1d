package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/wimcast/wimcast/cmd/internal/ui"
)

// stopGrace is how long a verb may take to clean up after the first signal; then the process ends all the same.
const stopGrace = 800 * time.Millisecond

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	done := make(chan int, 1)
	go func() { done <- run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr) }()
	select {
	case code := <-done:
		os.Exit(code)
	case <-ctx.Done():
	}
	stop() // a second signal ends the process at once
	select {
	case code := <-done:
		os.Exit(code)
	case <-time.After(stopGrace):
		fmt.Fprintln(os.Stderr, "wimcast: stop: not everything could be closed in time; unfinished files keep their temporary names")
		fmt.Fprintln(os.Stderr, "hint: "+ui.InterruptedHint)
		os.Exit(ui.ExitFailed)
	}
}

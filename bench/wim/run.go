//go:build linux

package wim

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Cost is what one run of a program took.
type Cost struct {
	Wall, CPU time.Duration // CPU is user and system time
	RSS       int64         // largest resident set, bytes
	Size      int64         // of the file it made, bytes; 0 if it makes none
}

// Run runs a program to its end.
func Run(argv ...string) (Cost, error) {
	unix.Sync()
	cmd := exec.Command(argv[0], argv[1:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return Cost{}, fmt.Errorf("run %q: %w: %s", argv, err, out.Bytes())
	}
	c := Cost{Wall: time.Since(start), CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.RSS = u.Maxrss << 10
	}
	return c, nil
}

// Median returns the median of each figure by itself. There must be at least one cost.
func Median(costs []Cost) Cost {
	return Cost{
		Wall: time.Duration(median(costs, func(c Cost) int64 { return int64(c.Wall) })),
		CPU:  time.Duration(median(costs, func(c Cost) int64 { return int64(c.CPU) })),
		RSS:  median(costs, func(c Cost) int64 { return c.RSS }),
		Size: median(costs, func(c Cost) int64 { return c.Size }),
	}
}

func median(costs []Cost, figure func(Cost) int64) int64 {
	all := make([]int64, len(costs))
	for i, c := range costs {
		all[i] = figure(c)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/api"
)

func (a *app) statusCommand() *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "show casts and members, who is slow and why",
		Flags: []cli.Flag{
			dirFlag(), jsonFlag(),
			&cli.BoolFlag{Name: "watch", Usage: "show it again every second until interrupted"},
		},
		Action: a.status,
	}
}

func (a *app) status(ctx context.Context, cmd *cli.Command) error {
	if _, err := args(cmd); err != nil {
		return err
	}
	for {
		c := api.Dial(cmd.String("dir"))
		if c == nil {
			if err := mayLook(cmd.String("dir")); err != nil {
				return err
			}
			return withHint(fmt.Errorf("no node runs on %s", cmd.String("dir")), "start one with 'wimcast serve --dir %s', or name its folder with --dir", cmd.String("dir"))
		}
		st, err := c.Status(ctx)
		if err != nil {
			return err
		}
		if cmd.Bool("json") {
			err = a.printJSON(st)
		} else {
			err = a.printStatus(st)
		}
		if err != nil || !cmd.Bool("watch") {
			return err
		}
		select {
		case <-ctx.Done():
			return ignoreCanceled(ctx.Err())
		case <-time.After(time.Second):
		}
	}
}

// mayLook says when this user may not look into a node's folder: then nobody knows whether a node runs there.
func mayLook(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "wimcast.toml")); errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("status of %s: %w", dir, err)
	}
	return nil
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (a *app) printStatus(st api.Status) error {
	var b strings.Builder
	fmt.Fprintf(&b, "node %s at %s: %d contents, %d chunks, %s\n", st.Node, st.Address, st.Contents, st.Chunks, formatBytes(st.Bytes))
	if len(st.Casts) == 0 {
		b.WriteString("no casts\n")
	}
	for _, c := range st.Casts {
		fmt.Fprintf(&b, "\ncast %s to %s: %s, %s (allowed %s), %d of %d blocks done, %s on the wire",
			c.Content, c.Group, c.Phase, formatRate(float64(c.AchievedBps)), formatRate(float64(c.RateBps)), c.BlocksDone, c.Blocks, formatBytes(int64(c.WireBytes)))
		if c.Waiting != "" {
			fmt.Fprintf(&b, "; waiting for: %s", c.Waiting)
		}
		b.WriteString("\n")
		for _, m := range c.Members {
			fmt.Fprintf(&b, "  %-20s %6d of %d blocks, loss %s, backlog %s", m.Name, m.Held, m.Wanted, formatPercent(m.LossPpm.Percent()/100), formatBytes(int64(m.Backlog)))
			if m.Why != "" {
				fmt.Fprintf(&b, ", slow: %s", m.Why)
			}
			b.WriteString("\n")
		}
	}
	writeNodes(&b, st.Nodes)
	return a.printf("%s", b.String())
}

// writeNodes lists the mesh, a line a node.
func writeNodes(b *strings.Builder, nodes []api.NodeStatus) {
	if len(nodes) == 0 {
		return
	}
	fmt.Fprintf(b, "\nmesh of %d nodes\n", len(nodes))
	for _, n := range nodes {
		fmt.Fprintf(b, "  %-20s %s  %-18s %-7s %s", n.Name, n.ID, n.Role, n.State, n.Address)
		if n.What != "" {
			fmt.Fprintf(b, ", %s", n.What)
		}
		b.WriteString("\n")
	}
}

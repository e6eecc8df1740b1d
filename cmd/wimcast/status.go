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
	"github.com/wimcast/wimcast/cmd/internal/ui"
)

// statusOptions are those of status.
type statusOptions struct {
	dir         string
	json, watch bool
}

func (a *app) statusCommand() *cli.Command {
	var o statusOptions
	return &cli.Command{
		Name: "status", Usage: "show casts and members, who is slow and why",
		Flags: []cli.Flag{
			ui.DirFlag(&o.dir), ui.JSONFlag(&o.json),
			&cli.BoolFlag{Name: "watch", Usage: "show it again every second until interrupted", Destination: &o.watch},
		},
		Action: ui.Verb(&o, a.status),
	}
}

func (a *app) status(ctx context.Context, o statusOptions) error {
	for {
		c := api.Dial(o.dir)
		if c == nil {
			if err := mayLook(o.dir); err != nil {
				return err
			}
			return ui.WithHint(fmt.Errorf("no node runs on %s", o.dir), "start one with 'wimcast serve --dir %s', or name its folder with --dir", o.dir)
		}
		st, err := c.Status(ctx)
		if err != nil {
			return err
		}
		if o.json {
			err = a.PrintJSON(st)
		} else {
			err = a.printStatus(st)
		}
		if err != nil || !o.watch {
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
	fmt.Fprintf(&b, "node %s at %s, casts on %s: %d contents, %d chunks, %s\n", st.Node, st.Address, st.Interface, st.Contents, st.Chunks, ui.FormatBytes(st.Bytes))
	if len(st.Casts) == 0 {
		b.WriteString("no casts\n")
	}
	for _, c := range st.Casts {
		fmt.Fprintf(&b, "\ncast %s to %s: %s, %s (allowed %s), %d of %d blocks done, %s on the wire",
			c.Content, c.Group, c.Phase, ui.FormatRate(float64(c.AchievedBps)), ui.FormatRate(float64(c.RateBps)), c.BlocksDone, c.Blocks, ui.FormatBytes(int64(c.WireBytes)))
		if c.Waiting != "" {
			fmt.Fprintf(&b, "; waiting for: %s", c.Waiting)
		}
		b.WriteString("\n")
		for _, m := range c.Members {
			fmt.Fprintf(&b, "  %-20s %s %s %6d of %d blocks, loss %s, backlog %s", m.Name, m.Node, m.Address, m.Held, m.Wanted, ui.FormatPercent(m.LossPpm.Percent()/100), ui.FormatBytes(int64(m.Backlog)))
			if m.Why != "" {
				fmt.Fprintf(&b, ", slow: %s", m.Why)
			}
			b.WriteString("\n")
		}
	}
	for _, w := range st.Waiting {
		fmt.Fprintf(&b, "\n%s %s %s waits for a place to receive %s, %.0f s so far: as many casts run as may\n", w.Name, w.ID, w.Address, w.Content, time.Duration(w.For).Seconds())
	}
	writeNodes(&b, st.Nodes)
	return a.Printf("%s", b.String())
}

// writeNodes lists the mesh, one line per node.
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

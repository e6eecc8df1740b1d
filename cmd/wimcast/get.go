package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/content"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/node/receive"
	"github.com/wimcast/wimcast/wire"
)

// receptionFlags are what get and deploy have in common.
func receptionFlags() []cli.Flag {
	return []cli.Flag{
		dirFlag(), interfaceFlag(), jsonFlag(), verboseFlag(),
		&cli.BoolFlag{Name: "keep", Usage: "keep the chunks in this node's store as well"},
		waitFlag(receive.DefaultWait),
	}
}

func waitFlag(value time.Duration) cli.Flag {
	return &cli.DurationFlag{Name: "wait", Usage: "how long to wait for a distribution point that does not answer", Value: value, Validator: checkWait}
}

// checkWait refuses a time that cannot be waited.
func checkWait(d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%v: want more than nothing, as 30s or 10m", d)
	}
	return nil
}

func (a *app) getCommand() *cli.Command {
	return &cli.Command{
		Name: "get", Usage: "receive a content into a file", ArgsUsage: "NAME[@VERSION]",
		Flags: append(receptionFlags(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write", Required: true},
			&cli.BoolFlag{Name: "replace", Usage: "replace FILE if it is there"},
		),
		Action: a.get,
	}
}

// receptionJSON is the output of get and deploy --json.
type receptionJSON struct {
	Content     string  `json:"content"`
	Bytes       int64   `json:"bytes"`
	Received    int64   `json:"received_bytes"`
	Seconds     float64 `json:"seconds"`
	GoodputMbps float64 `json:"goodput_mbps"`
	Blocks      int     `json:"blocks"`
	Repaired    uint64  `json:"parity_repairs"`
	QuicBlocks  uint64  `json:"quic_blocks"`
	Duplicates  uint64  `json:"duplicate_symbols"`
	ApplyLag    float64 `json:"apply_lag_seconds"`
	Files       int     `json:"files,omitempty"`
	Dirs        int     `json:"dirs,omitempty"`
	Lost        string  `json:"not_kept,omitempty"`
	ReadBack    int64   `json:"read_back_bytes,omitempty"`
}

func toJSON(f node.Reception) receptionJSON {
	out := receptionJSON{
		Content: f.Name + "@" + f.Version, Bytes: f.Size, Received: f.Bytes, Seconds: f.Total.Seconds(),
		GoodputMbps: goodput(f.Bytes, f.Total) / 1e6, Blocks: f.Blocks, Repaired: f.Repaired, QuicBlocks: f.Quic,
		Duplicates: f.Duplicates, ApplyLag: f.ApplyLag.Seconds(), ReadBack: f.ReadBack,
	}
	if f.Apply != nil {
		out.Files, out.Dirs, out.Lost = f.Apply.Files, f.Apply.Dirs, lostWords(f.Apply.Lost)
	}
	return out
}

func (a *app) get(ctx context.Context, cmd *cli.Command) error {
	got, err := args(cmd, "NAME[@VERSION]")
	if err != nil {
		return err
	}
	ref, err := catalog.ParseRef(got[0])
	if err != nil {
		return usageErrorf(cmd, "%w", err)
	}
	if ref.Image != 0 {
		return usageErrorf(cmd, "get %s: the whole file is received; leave out the image number, or use deploy", got[0])
	}
	opt, show, done := a.receptionOptions(cmd, got[0])
	out, err := node.Get(ctx, cmd.String("dir"), ref, cmd.String("output"), cmd.Bool("replace"), opt)
	done(err)
	show.close()
	if errors.Is(err, fs.ErrExist) {
		return withHint(err, "say --replace to write over it, or choose another -o")
	}
	if err != nil {
		return receptionHint(err)
	}
	return a.received(cmd, out, cmd.String("output"))
}

// receptionOptions takes the flags that get and deploy have in common, and shows progress.
func (a *app) receptionOptions(cmd *cli.Command, what string) (node.ReceptionOptions, *progress, func(error)) {
	show := a.newProgress()
	bar := show.track(what, 0)
	opt := node.ReceptionOptions{Keep: cmd.Bool("keep")}
	opt.Interface, opt.Wait, opt.Log = cmd.String("interface"), cmd.Duration("wait"), a.logger(cmd.Bool("verbose"))
	opt.Progress = func(p receive.Progress) { bar.set(p.Done, p.Total, progressWords(p)) }
	return opt, show, bar.finish
}

// progressWords says beside a bar how a reception is doing.
func progressWords(p receive.Progress) string {
	switch {
	case !p.Connected:
		return p.Why
	case p.Peer.Demoted != 0:
		return "too slow for the others: served over QUIC"
	case p.Peer.Deaf:
		return "hears no multicast: served over QUIC"
	case p.Peer.LossPpm > 10_000:
		return formatPercent(float64(p.Peer.LossPpm)/1e6) + " loss"
	}
	return ""
}

func (a *app) received(cmd *cli.Command, out node.Reception, where string) error {
	if cmd.Bool("json") {
		return a.printJSON(toJSON(out))
	}
	a.notef("%s: %s@%s, %s received in %.1f s (%s), %d blocks repaired by parity, %d over QUIC", where, out.Name, out.Version,
		formatBytes(out.Bytes), out.Total.Seconds(), formatRate(goodput(out.Bytes, out.Total)), out.Repaired, out.Quic)
	if out.ReadBack > 0 {
		a.notef("read back %s: the disk has what was published", formatBytes(out.ReadBack))
	}
	if out.Apply != nil {
		a.notef("applied %d files in %d folders, %d ms after the last chunk", out.Apply.Files, out.Apply.Dirs, out.ApplyLag/time.Millisecond)
		if lost := lostWords(out.Apply.Lost); lost != "" {
			a.notef("not kept on this file system: %s", lost)
		}
	}
	return nil
}

// receptionHint attaches what can be done about a failed get or deploy.
func receptionHint(err error) error {
	var refused wire.Error
	switch {
	case errors.As(err, &refused) && refused.Code == wire.CodeNotMember:
		return withHint(err, "this client is not, or no longer, of the site: join it into another folder with a new token (wimcast join TOKEN --dir DIR)")
	case errors.Is(err, catalog.ErrUnknown):
		return withHint(err, "'wimcast catalog ls' on the distribution point lists what there is")
	case errors.Is(err, receive.ErrLacks):
		return withHint(err, "on the distribution point, 'wimcast catalog verify' names what is damaged: publish that file again; then run the same command again, it goes on where it stopped")
	case errors.Is(err, node.ErrVanished):
		return withHint(err, "find what removes them, empty the target, and run the same command again")
	case errors.Is(err, node.ErrOtherNode):
		return withHint(err, "if the distribution point was made anew, join it into another folder: wimcast join TOKEN --dir DIR")
	}
	if errors.Is(err, content.ErrWhichImage) {
		return withHint(err, "add a colon and the image's number: wimcast deploy NAME:2 --target DIR")
	}
	return applyHint(folderHint(err))
}

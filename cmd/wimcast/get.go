package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/catalog"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/content"
	"github.com/wimcast/wimcast/node"
	"github.com/wimcast/wimcast/node/receive"
	"github.com/wimcast/wimcast/wire"
)

// receptionOptions are what get and deploy have in common.
type receptionOptions struct {
	dir, iface          string
	json, verbose, keep bool
	wait                time.Duration
	content             string // NAME[@VERSION][:IMAGE]
}

func (o *receptionOptions) flags() []cli.Flag {
	return []cli.Flag{
		ui.DirFlag(&o.dir), ui.InterfaceFlag(&o.iface), ui.JSONFlag(&o.json), ui.VerboseFlag(&o.verbose),
		&cli.BoolFlag{Name: "keep", Usage: "keep the chunks in this node's store as well", Destination: &o.keep},
		waitFlag(&o.wait, receive.DefaultWait),
	}
}

// waitFlag is --wait.
func waitFlag(into *time.Duration, unless time.Duration) cli.Flag {
	return &cli.DurationFlag{
		Name: "wait", Usage: "how long to wait for a distribution point that does not answer", Value: unless, Validator: checkWait, Destination: into,
	}
}

// replaceFlag is --replace.
func replaceFlag(into *bool, usage string) cli.Flag {
	return &cli.BoolFlag{Name: "replace", Usage: usage, Destination: into}
}

// checkWait refuses a time that cannot be waited.
func checkWait(d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%v: want more than nothing, as 30s or 10m", d)
	}
	return nil
}

// getOptions are those of get.
type getOptions struct {
	receptionOptions
	output  string
	replace bool
}

func (a *app) getCommand() *cli.Command {
	var o getOptions
	return &cli.Command{
		Name: "get", Usage: "receive a content into a file", ArgsUsage: "NAME[@VERSION]",
		Flags: append(o.flags(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write", Required: true, Destination: &o.output},
			replaceFlag(&o.replace, "replace FILE if it is there"),
		),
		Action: ui.Verb(&o, a.get, ui.Arg("NAME[@VERSION]", &o.content)),
	}
}

// receptionJSON is the output of get and deploy --json.
type receptionJSON struct {
	Content     string      `json:"content"`
	Bytes       int64       `json:"bytes"`
	Received    int64       `json:"received_bytes"`
	Seconds     float64     `json:"seconds"`
	GoodputMbps float64     `json:"goodput_mbps"`
	Blocks      int         `json:"blocks"`
	Repaired    uint64      `json:"parity_repairs"`
	QuicBlocks  uint64      `json:"quic_blocks"`
	Duplicates  uint64      `json:"duplicate_symbols"`
	ApplyLag    float64     `json:"apply_lag_seconds"`
	Applied     *ui.Applied `json:"applied,omitempty"` // deploy
	ReadBack    int64       `json:"read_back_bytes,omitempty"`
}

func toJSON(f node.Reception, where string, image int) receptionJSON {
	out := receptionJSON{
		Content: f.Name + "@" + f.Version, Bytes: f.Size, Received: f.Bytes, Seconds: f.Total.Seconds(),
		GoodputMbps: ui.Goodput(f.Bytes, f.Total) / 1e6, Blocks: f.Blocks, Repaired: f.Repaired, QuicBlocks: f.Fetched,
		Duplicates: f.Duplicate, ApplyLag: f.ApplyLag.Seconds(), ReadBack: f.ReadBack,
	}
	if f.Apply != nil {
		applied := ui.AppliedTo(where, image, *f.Apply)
		out.Applied = &applied
	}
	return out
}

func (a *app) get(ctx context.Context, o getOptions) error {
	ref, err := catalog.ParseRef(o.content)
	if err != nil {
		return ui.Usagef("%w", err)
	}
	if ref.Image != 0 {
		return ui.Usagef("get %s: the whole file is received; leave out the image number, or use deploy", o.content)
	}
	if o.output == "-" {
		return ui.Usagef("-o -: a content comes in any order, which standard output cannot take: name a file")
	}
	opt, show, done := a.receive(o.receptionOptions)
	out, err := node.Get(ctx, o.dir, ref, o.output, o.replace, opt)
	done(err)
	show.Close()
	switch {
	case errors.Is(err, fs.ErrExist):
		return ui.WithHint(err, "say --replace to write over it, or choose another -o")
	case errors.Is(err, content.ErrProtected):
		return ui.WithHint(err, "take the protection off (chmod u+w), or choose another -o")
	}
	if err != nil {
		return receptionHint(err)
	}
	return a.received(o.receptionOptions, out, o.output, 0)
}

// receive takes the options that get and deploy have in common, and shows progress.
func (a *app) receive(o receptionOptions) (node.ReceptionOptions, *ui.Progress, func(error)) {
	show := a.NewProgress()
	bar := show.Track(o.content, 0)
	opt := node.ReceptionOptions{Keep: o.keep}
	opt.Interface, opt.Wait, opt.Log = o.iface, o.wait, a.Logger(o.verbose)
	opt.Progress = func(p receive.Progress) { bar.Set(p.Done, p.Total, progressWords(p)) }
	return opt, show, bar.Finish
}

// progressWords says beside a bar how a reception is doing.
func progressWords(p receive.Progress) string {
	switch {
	case !p.Connected:
		return "waiting for " + p.Why
	case p.Peer.Demoted != 0:
		return "too slow for the others: served over QUIC"
	case p.Peer.Deaf:
		return "hears no multicast: served over QUIC"
	case p.Peer.LossPpm > 10_000:
		return ui.FormatPercent(float64(p.Peer.LossPpm)/1e6) + " loss"
	}
	return ""
}

// received says what get or deploy has received, and deploy applied: image is the number of its image.
func (a *app) received(o receptionOptions, out node.Reception, where string, image int) error {
	if out.Apply != nil {
		a.TellLost(out.Apply.Lost)
	}
	if o.json {
		return a.PrintJSON(toJSON(out, where, image))
	}
	a.Notef("%s: %s@%s, %s received in %.1f s (%s), %d blocks repaired by parity, %d over QUIC", where, out.Name, out.Version,
		ui.FormatBytes(out.Bytes), out.Total.Seconds(), ui.FormatRate(ui.Goodput(out.Bytes, out.Total)), out.Repaired, out.Fetched)
	if out.ReadBack > 0 {
		a.Notef("read back %s: the disk has what was published", ui.FormatBytes(out.ReadBack))
	}
	if out.Apply != nil {
		a.Notef("applied %d files in %d folders, %d ms after the last chunk", out.Apply.Files, out.Apply.Dirs, out.ApplyLag/time.Millisecond)
	}
	return nil
}

// receptionHint attaches what can be done about a failed get or deploy.
func receptionHint(err error) error {
	var refused wire.Error
	switch {
	case errors.As(err, &refused) && refused.Code == wire.CodeNotMember:
		return ui.WithHint(err, "this client is not, or no longer, of the site: join it into another folder with a new token (wimcast join TOKEN --dir DIR)")
	case errors.Is(err, catalog.ErrUnknown):
		return ui.WithHint(err, "'wimcast catalog ls' on the distribution point lists what there is")
	case errors.Is(err, receive.ErrLacks):
		return ui.WithHint(err, "on the distribution point, 'wimcast catalog verify' names what is damaged: publish that file again; then run the same command again, it goes on where it stopped")
	case errors.Is(err, node.ErrVanished):
		return ui.WithHint(err, "find what removes them, empty the target, and run the same command again")
	case errors.Is(err, node.ErrOtherNode):
		return ui.WithHint(err, "if the distribution point was made anew, join it into another folder: wimcast join TOKEN --dir DIR")
	}
	if errors.Is(err, content.ErrWhichImage) {
		return ui.WithHint(err, "add a colon and the image's number: wimcast deploy NAME:2 --target DIR")
	}
	return ui.ApplyHint(folderHint(err))
}

package wim

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/wim"
)

// dirOptions are those of dir.
type dirOptions struct {
	path                string
	detailed, one, json bool
	ref                 []string
	file, image         string
}

func (a *app) dirCommand() *cli.Command {
	var o dirOptions
	return &cli.Command{
		Name:      "dir",
		Usage:     "list the files of an image",
		ArgsUsage: "WIMFILE [IMAGE]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "path", Usage: "list only what is at or below `PATH`", Destination: &o.path},
			&cli.BoolFlag{Name: "detailed", Usage: "show attributes, times, links, streams and hashes", Destination: &o.detailed},
			&cli.BoolFlag{Name: "one-file-only", Usage: "list what is at the path, not what is below it", Destination: &o.one},
			refFlag(&o.ref),
			ui.JSONFlag(&o.json),
		},
		Action: ui.Verb(&o, a.dir, ui.Arg("WIMFILE", &o.file), ui.OptionalArg("IMAGE", &o.image)),
	}
}

// fileJSON is one file in the output of dir --json. Size and hash are of the contents.
type fileJSON struct {
	Path       string       `json:"path"`
	ShortName  string       `json:"short_name,omitempty"`
	Attributes uint32       `json:"attributes"`
	Dir        bool         `json:"dir,omitempty"`
	Size       int64        `json:"size"`
	Hash       string       `json:"sha1,omitempty"`
	Created    string       `json:"created,omitempty"`
	Accessed   string       `json:"accessed,omitempty"`
	Modified   string       `json:"modified,omitempty"`
	HardLink   uint64       `json:"hard_link,omitempty"`
	Links      int          `json:"links"`
	ReparseTag uint32       `json:"reparse_tag,omitempty"`
	Security   int32        `json:"security_id"`
	Descriptor string       `json:"security_descriptor,omitempty"`
	ObjectID   string       `json:"object_id,omitempty"`
	EAs        []eaJSON     `json:"extended_attributes,omitempty"`
	Unix       *unixJSON    `json:"unix,omitempty"`
	Streams    []streamJSON `json:"streams,omitempty"`
}

// streamJSON is one stream of a file. blob is where it is stored; nil when it is empty or the files at hand lack it.
type streamJSON struct {
	Kind string    `json:"kind"` // data, reparse, raw or named
	Name string    `json:"name,omitempty"`
	Hash string    `json:"sha1"`
	Blob *blobJSON `json:"blob,omitempty"`
}

type eaJSON struct {
	Name  string `json:"name"`
	Flags uint8  `json:"flags"`
	Value []byte `json:"value"` // base64
}

type unixJSON struct {
	UID  uint32 `json:"uid"`
	GID  uint32 `json:"gid"`
	Mode uint32 `json:"mode"`
	Rdev uint32 `json:"rdev"`
}

func (a *app) dir(ctx context.Context, o dirOptions) error {
	w, err := Open(o.file, o.ref...)
	if err != nil {
		return err
	}
	defer w.Close()
	first, last := 1, len(w.Images())
	if !strings.EqualFold(o.image, "all") {
		if first, err = imageNumber(w.File, o.image); err != nil {
			return err
		}
		last = first
	}
	out := bufio.NewWriter(a.Out)
	l := &lister{
		app: &app{&ui.UI{In: a.In, Out: out, Err: a.Err}}, w: w.File, json: o.json, detailed: o.detailed, one: o.one,
		below: strings.Trim(strings.ReplaceAll(o.path, `\`, "/"), "/"),
	}
	for n := first; n <= last && err == nil; n++ {
		if err = l.image(ctx, n); err != nil {
			err = ui.WIMHint(fmt.Errorf("list %s: %w", o.file, err))
		}
	}
	return errors.Join(err, out.Flush())
}

// lister lists images.
type lister struct {
	*app
	w                   *wim.File
	json, detailed, one bool
	below               string // path, without a leading slash
}

func (l *lister) image(ctx context.Context, n int) error {
	found := false
	wanted := func(d *wim.Dentry) (path string, is bool) {
		path = d.Path()
		is = isBelow(path, l.below) && (!l.one || len(path) == len(l.below))
		found = found || is
		return path, is
	}
	list := l.paths
	if l.json || l.detailed {
		list = l.files
	}
	err := list(ctx, n, wanted)
	if err == nil && !found {
		return withStatus(statusNoPath, ui.WithHint(fmt.Errorf("image %d has no %q", n, l.below), "leave --path away to see what it has"))
	}
	return err
}

// paths lists no more than paths.
func (l *lister) paths(ctx context.Context, n int, wanted func(*wim.Dentry) (string, bool)) error {
	tree, err := l.w.Tree(n)
	if err != nil {
		return err
	}
	nothing := func(*wim.Dentry, wim.At) error { return nil }
	if err := tree.Walk(nil, nothing, nothing); err != nil {
		return err
	}
	return tree.Descend(func(d *wim.Dentry, _ wim.At) error {
		path, is := wanted(d)
		if !is {
			return ctx.Err()
		}
		return l.Printf("/%s\n", path)
	})
}

// files lists all that is known of files.
func (l *lister) files(ctx context.Context, n int, wanted func(*wim.Dentry) (string, bool)) error {
	image, err := l.w.Image(n)
	if err != nil {
		return err
	}
	links := map[*wim.Dentry]int{}
	for _, group := range image.HardLinks() {
		for _, d := range group {
			links[d] = len(group)
		}
	}
	return image.Walk(func(d *wim.Dentry) error {
		if _, is := wanted(d); !is {
			return ctx.Err()
		}
		f := describeFile(l.w, image, d)
		f.Links = max(1, links[d])
		if l.json {
			return l.PrintJSON(f)
		}
		p := &printer{app: l.app}
		p.file(f)
		return p.err
	})
}

// isBelow says whether path is root or below it.
func isBelow(path, root string) bool {
	same := func(a, b string) bool { return a == b || ignoreCase() && strings.EqualFold(a, b) }
	if root == "" || same(path, root) {
		return true
	}
	return len(path) > len(root) && path[len(root)] == '/' && same(path[:len(root)], root)
}

func describeFile(w *wim.File, image *wim.Image, d *wim.Dentry) fileJSON {
	f := fileJSON{
		Path: "/" + d.Path(), ShortName: d.ShortName, Attributes: d.Attributes, Dir: d.IsDir(),
		Created: formatFiletime(d.Created), Accessed: formatFiletime(d.Accessed), Modified: formatFiletime(d.Modified),
		HardLink: d.HardLink, Security: d.SecurityID, ObjectID: fmt.Sprintf("%x", d.ObjectID()),
	}
	if d.IsReparse() {
		f.ReparseTag = d.ReparseTag
	}
	if d.SecurityID >= 0 && int(d.SecurityID) < len(image.Security) {
		f.Descriptor = fmt.Sprintf("%x", image.Security[d.SecurityID])
	}
	eas, _ := d.EAs() // verify tells of damage
	for _, e := range eas {
		f.EAs = append(f.EAs, eaJSON{e.Name, e.Flags, e.Value})
	}
	if u, ok := d.Unix(); ok {
		f.Unix = &unixJSON{u.UID, u.GID, u.Mode, u.Rdev}
	}
	for _, s := range d.Streams {
		out := streamJSON{Kind: streamKinds[s.Kind], Name: s.Name, Hash: s.Hash.String()}
		if res, ok := w.Lookup(s.Hash); ok {
			blob := describeBlob(w, res)
			out.Blob = &blob
		}
		f.Streams = append(f.Streams, out)
		if s.Kind == wim.StreamData {
			f.Hash = out.Hash
			if out.Blob != nil {
				f.Size = out.Blob.Size
			}
		}
	}
	return f
}

var streamKinds = map[wim.StreamKind]string{
	wim.StreamData: "data", wim.StreamReparse: "reparse", wim.StreamRaw: "raw", wim.StreamNamed: "named",
}

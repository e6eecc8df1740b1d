package wim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/internal/lines"
	"github.com/wimcast/wimcast/wim"
)

// defaultImageName is the name of an image of source: its last name, in full where it is "." or the like.
func defaultImageName(source string) (string, error) {
	abs, err := filepath.Abs(source)
	if err != nil {
		return "", fmt.Errorf("name the image of %s: %w", source, err)
	}
	if name := filepath.Base(abs); name != string(filepath.Separator) {
		return name, nil
	}
	return "", nil
}

// readConfig reads a capture configuration; the default one without a path.
func (a *app) readConfig(path string) (*capture.Config, error) {
	c := capture.DefaultConfig()
	if path != "" {
		b, err := readFile(path, capture.MaxConfigBytes)
		if err != nil {
			return nil, withStatus(statusNoConfig, fmt.Errorf("read capture configuration: %w", err))
		}
		if c, err = capture.ParseConfig(b); err != nil {
			return nil, withStatus(statusBadConfig, ui.WithHint(fmt.Errorf("%s: %w", path, err), "a glob is a name (*.tmp), or a path from the root of the image (/temp/*)"))
		}
		for _, note := range c.Notes {
			a.Warnf("%s: %s", path, note)
		}
	}
	c.FoldCase = ignoreCase()
	return c, nil
}

// maxText bounds a list or the commands of an update, in bytes.
const maxText = 512 << 20

// readText reads a list; "-" is standard input.
func (a *app) readText(path string) (string, error) {
	var b []byte
	var err error
	if path == "-" {
		b, err = readBounded(a.In, "standard input", maxText)
	} else {
		b, err = readFile(path, maxText)
	}
	if err != nil {
		return "", err
	}
	return lines.Decode(b)
}

// readFile reads a file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f, path, limit)
}

func readBounded(r io.Reader, name string, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s: over %s", name, ui.FormatBytes(limit))
	}
	return b, err
}

// readSourceList reads the list of sources.
func (r *captureRun) readSourceList() ([]capture.Item, error) {
	text, err := r.readText(r.source)
	if err != nil {
		return nil, withStatus(statusOther, fmt.Errorf("read source list: %w", err))
	}
	items, err := parseSourceList(text)
	if err != nil {
		return nil, ui.WithHint(fmt.Errorf("read source list: %w", err), "a line is SOURCE or SOURCE TARGET; names with spaces are quoted")
	}
	return items, nil
}

// parseSourceList reads lines of a source and, if it is to be another one, its place in the image.
func parseSourceList(text string) ([]capture.Item, error) {
	var items []capture.Item
	for line := range lines.All(text) {
		words, err := lines.Words(line.Text)
		if err != nil || len(words) > 2 || words[0] == "" {
			return nil, errors.Join(fmt.Errorf("line %d: want one or two paths", line.N), err)
		}
		it := capture.Item{Path: words[0], Target: words[len(words)-1]}
		if len(words) == 1 {
			it.Target = filepath.ToSlash(it.Target)
		}
		items = append(items, it)
	}
	if len(items) == 0 {
		return nil, errors.New("it names no source")
	}
	return items, nil
}

// openBases opens the files of --delta-from.
func (r *captureRun) openBases(ctx context.Context) error {
	for _, path := range r.deltaFrom {
		w, err := Open(path)
		if err != nil {
			return err
		}
		r.bases = append(r.bases, w)
		r.opts.Base = append(r.opts.Base, w.File)
		if r.check {
			if err := w.VerifyIntegrity(ctx); err != nil {
				return fmt.Errorf("check %s: %w", path, err)
			}
		}
	}
	return nil
}

// openOld opens the image of --update-of. into is the file that is appended to, or nil.
func (r *captureRun) openOld(into *wim.File) error {
	text := r.updateOf
	if text == "" {
		return nil
	}
	f, which := into, text
	at := strings.LastIndexByte(text, ':')
	if r.mayCreate && into == nil && (at < 2 || text[:at] == r.target) {
		return nil // an image of WIMFILE, which is not there yet
	}
	switch {
	case at > 1: // a drive has its colon at 1
		w, err := Open(text[:at])
		if err != nil {
			return err
		}
		r.old, f, which = w, w.File, text[at+1:]
	case len(r.bases) == 1:
		f = r.bases[0].File
	case f == nil:
		return ui.Usagef("--update-of %s: want WIMFILE:IMAGE, or IMAGE with one --delta-from", text)
	}
	n, err := imageFromEnd(f, which)
	if err != nil {
		return err
	}
	r.from = f
	r.scan.Base, err = capture.NewBase(f, n)
	return err
}

// imageFromEnd is imageNumber that also takes -1 for the last image, -2 for the one before it, and so on.
func imageFromEnd(f *wim.File, which string) (int, error) {
	if n, err := strconv.Atoi(which); err == nil && n < 0 && n >= -len(f.Images()) {
		return len(f.Images()) + 1 + n, nil
	}
	return imageNumber(f, which)
}

// setProperty sets NAME=VALUE in the description of an image.
func setProperty(info *wim.ImageInfo, text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return ui.Usagef("--image-property %q: want NAME=VALUE", text)
	}
	if err := info.SetProperty(name, value); err != nil {
		return ui.Usagef("--image-property: %v", err)
	}
	return nil
}

package wim

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/wimcast/wimcast/capture"
	"github.com/wimcast/wimcast/cmd/internal/ui"
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
		b, err := readBounded(path, capture.MaxConfigBytes)
		if err != nil {
			return nil, fmt.Errorf("read capture configuration: %w", err)
		}
		if c, err = capture.ParseConfig(b); err != nil {
			return nil, ui.WithHint(fmt.Errorf("%s: %w", path, err), "a glob is a name (*.tmp), or a path from the root of the image (/temp/*)")
		}
		for _, note := range c.Notes {
			a.Warnf("%s: %s", path, note)
		}
	}
	c.FoldCase = runtime.GOOS == "windows"
	return c, nil
}

// readBounded reads a file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := readUpTo(f, limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// readUpTo reads in to its end, of at most limit bytes.
func readUpTo(in io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, fmt.Errorf("it is longer than %s", ui.FormatBytes(limit))
	}
	return b, err
}

// maxSourceList bounds a list of sources, in bytes.
const maxSourceList = 16 << 20

// readSourceList reads the list of sources.
func (r *captureRun) readSourceList() ([]capture.Item, error) {
	in := r.In
	if r.source != "-" {
		f, err := os.Open(r.source)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := readUpTo(in, maxSourceList)
	if err != nil {
		return nil, fmt.Errorf("read source list: %w", err)
	}
	items, err := parseSourceList(bytes.NewReader(text))
	if err != nil {
		return nil, ui.WithHint(fmt.Errorf("read source list: %w", err), "a line is SOURCE or SOURCE TARGET; names with spaces are quoted")
	}
	return items, nil
}

// parseSourceList reads lines of a source and, if it is to be another one, its place in the image.
func parseSourceList(in io.Reader) ([]capture.Item, error) {
	var items []capture.Item
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, 64<<10)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(scanner.Text(), "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		words, err := splitQuoted(line)
		if err != nil || len(words) > 2 {
			return nil, errors.Join(fmt.Errorf("line %d: want one or two paths", n), err)
		}
		it := capture.Item{Path: words[0], Target: words[len(words)-1]}
		if len(words) == 1 {
			it.Target = filepath.ToSlash(it.Target)
		}
		items = append(items, it)
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, errors.New("it names no source")
	}
	return items, nil
}

// splitQuoted splits a line into words, which may stand in single or double quotes.
func splitQuoted(line string) ([]string, error) {
	var words []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		var word string
		if q := line[0]; q == '"' || q == '\'' {
			end := strings.IndexByte(line[1:], q)
			if end < 0 {
				return nil, fmt.Errorf("the quote %c is not closed", q)
			}
			word, line = line[1:1+end], line[2+end:]
		} else {
			end := strings.IndexAny(line, " \t")
			if end < 0 {
				end = len(line)
			}
			word, line = line[:end], line[end:]
		}
		if word == "" {
			return nil, errors.New("an empty path")
		}
		words = append(words, word)
	}
	return words, nil
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

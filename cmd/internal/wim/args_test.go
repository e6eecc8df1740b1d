package wim

import (
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
)

func TestOptionsMayBeCutShort(t *testing.T) {
	root := &cli.Command{Commands: []*cli.Command{Command(&ui.UI{})}}
	for _, c := range []struct {
		args, want string
		quiet      bool
	}{
		{"capture src x --comp=LZX", "capture src x --compress=LZX", false},
		{"capture --compress LZX src x", "capture --compress=LZX src x", false},
		{"capture src x --co LZX", "capture src x --co LZX", false}, // or --config
		{"capture src x --unix", "capture src x --unix-data", false},
		{"apply x y --unix --unix-xattrs", "apply x y --unix-data --unix-xattrs", false},
		{"apply x y --js", "apply x y --js", false},
		{"append src x --update-of -1", "append src x --update-of=-1", false},
		{"update x --command --force", "update x --command=--force", false},
		{"update x --command", "update x --command", false},
		{"dir x --quiet --path --quiet", "dir x --path=--quiet", true},
		{"dir x -- --path", "dir x -- --path", false},
		{"dir x --bogus", "dir x --bogus", false},
		{"extract x 1 --no-wild", "extract x 1 --no-globs", false},
		{"capture -check src - -comp fast", "capture --check src - --compress=fast", false},
		{"capture src x --no-check --verb", "capture src x --nocheck --verbose", false},
		{"mount x --comp", "mount x --comp", false},
		{"bogus --comp", "bogus --comp", false},
	} {
		got, quiet, err := Args(root, append([]string{"wimcast", "wim"}, strings.Fields(c.args)...))
		if want := append([]string{"wimcast", "wim"}, strings.Fields(c.want)...); err != nil || quiet != c.quiet || !slices.Equal(got, want) {
			t.Errorf("%s: %q, quiet %v, %v", c.args, got, quiet, err)
		}
	}
	if _, _, err := Args(root, []string{"wimcast", "wim", "capture", "--boo=1"}); !ui.IsUsage(err) {
		t.Errorf("an option that takes no value: %v", err)
	}
	if got, _, _ := Args(root, []string{"wimcast", "get", "--outp", "x"}); got[2] != "--outp" {
		t.Errorf("another command: %q", got)
	}
}

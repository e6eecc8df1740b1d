package capture

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/wimcast/wimcast/wim"
)

// nameList holds the names in a directory: of a directory of a million files they take little more than their bytes.
type nameList struct {
	all   string
	names []nameRange
}

type nameRange struct{ at, n uint32 }

func (l *nameList) name(i int) string {
	r := l.names[i]
	return l.all[r.at : r.at+r.n]
}

// maxNames bounds the names in one directory, in bytes. An image holds fewer.
const maxNames = 1<<32 - 1

// readNames returns the names in a directory in the order in which images have them.
func readNames(path string) (*nameList, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	l := &nameList{}
	var all strings.Builder
	for {
		names, err := f.Readdirnames(1024)
		for _, name := range names {
			l.names = append(l.names, nameRange{uint32(all.Len()), uint32(len(name))})
			all.WriteString(name)
		}
		if err == nil && all.Len() > maxNames-(1<<20) {
			err = errors.New("there are too many")
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", path, err)
		}
	}
	l.all = all.String()
	slices.SortFunc(l.names, func(a, b nameRange) int { return wim.CompareNames(l.all[a.at:a.at+a.n], l.all[b.at:b.at+b.n]) })
	return l, nil
}

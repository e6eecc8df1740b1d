package folder

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wimcast/wimcast/catalog"
)

// TestMain lets this test binary be the process that gets killed: "publish DIR FROM" or "init DIR" as arguments after
// the marker.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "victim" {
		if err := victim(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// victim changes a folder until it is killed, and says on stdout what it has done.
func victim(args []string) error {
	if args[0] == "init" {
		for i := 0; ; i++ {
			dir := filepath.Join(args[1], strconv.Itoa(i))
			fmt.Println("begin", i)
			if err := InitSite(dir, "Lab", "dp"); err != nil {
				return err
			}
			fmt.Println("end", i)
		}
	}
	s, err := Open(args[1])
	if err != nil {
		return err
	}
	from, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	for i := from; ; i++ {
		m := build(s.Publisher, "c", strconv.Itoa(i), strings.Repeat("x", i%7*4096+1))
		p, err := s.Catalogue.Publish(m, false)
		if err == nil && i%3 == 2 {
			err = s.Catalogue.Remove("c", strconv.Itoa(i-1))
		}
		if err != nil {
			return err
		}
		fmt.Println(p.Entry.Serial, i)
	}
}

// killAfter runs a victim, waits for n lines and a little more, kills it, and returns all it said.
func killAfter(t *testing.T, n int, more time.Duration, args ...string) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"victim"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	in := bufio.NewScanner(out)
	for in.Scan() {
		lines = append(lines, in.Text())
		if len(lines) == n {
			time.AfterFunc(more, func() { _ = cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err == nil || len(lines) < n {
		t.Fatalf("the victim ended by itself after %d lines: %v", len(lines), err)
	}
	return lines
}

// TestKillWhilePublishing kills a publishing process at random points: what it said it did is there, and all is whole.
func TestKillWhilePublishing(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := newSiteDir(t)
	version, next := uint64(1), 0
	for round := range 12 {
		lines := killAfter(t, 1+rng.IntN(8), time.Duration(rng.IntN(15_000))*time.Microsecond, "publish", dir, strconv.Itoa(next))
		var serial uint64
		var said int
		if _, err := fmt.Sscan(lines[len(lines)-1], &serial, &said); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir)
		if err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		h, raw, _ := s.Catalogue.Head()
		if _, err := catalog.VerifyHead(raw, s.Catalogue.Root()); err != nil {
			t.Errorf("seed %d, round %d: %v", seed, round, err)
		}
		if h.Version < serial || h.Version <= version {
			t.Errorf("seed %d, round %d: head %d after the victim said %d; before it %d", seed, round, h.Version, serial, version)
		}
		listed := func(i int) bool {
			_, err := h.Lookup(catalog.Ref{Name: "c", Version: strconv.Itoa(i)})
			return err == nil
		}
		found, after := listed(said), listed(said+1)
		if removed := said%3 == 1 && after; !found && !removed { // the next step takes it out again
			t.Errorf("seed %d, round %d: c@%d was published and is not there", seed, round, said)
		}
		for _, e := range h.Entries {
			if _, _, err := s.Catalogue.Get(catalog.Ref{Name: e.Name, Version: e.Version}); err != nil {
				t.Errorf("seed %d, round %d: %v", seed, round, err)
			}
		}
		latest := must(s.Catalogue.Lookup(catalog.Ref{Name: "c"}))
		version, next = h.Version, must(strconv.Atoi(latest.Version))+1
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKillWhileInit kills site init at random points: the folder is a site, or it says that it is not one yet and init
// makes it one.
func TestKillWhileInit(t *testing.T) {
	const seed = 2
	rng := rand.New(rand.NewPCG(seed, 0))
	for round := range 8 {
		top := t.TempDir()
		lines := killAfter(t, 1+2*rng.IntN(2), time.Duration(rng.IntN(12_000))*time.Microsecond, "init", top)
		said, last, _ := strings.Cut(lines[len(lines)-1], " ")
		dir := filepath.Join(top, last)
		err := InitSite(dir, "Lab", "dp")
		if err != nil && !errors.Is(err, ErrExists) || said == "end" && err == nil {
			t.Errorf("seed %d, round %d: init after %q: %v", seed, round, lines[len(lines)-1], err)
		}
		openTestSite(t, dir)
	}
}

// TestBusyAcrossProcesses: a second process gets its error at once, with the first one's id.
func TestBusyAcrossProcesses(t *testing.T) {
	s := newTestSite(t)
	start := time.Now()
	out, err := exec.Command(os.Args[0], "victim", "publish", s.Dir, "0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), fmt.Sprintf("process id %d", os.Getpid())) || !strings.Contains(string(out), s.Dir) {
		t.Errorf("second process: %v: %s", err, out)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

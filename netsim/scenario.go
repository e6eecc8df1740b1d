package netsim

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Limits of a scenario.
const (
	lineMax    = 4096
	linesMax   = 10_000
	membersMax = 4096
	imageMax   = 1 << 30 // bytes of all images
)

// Options of a run.
type Options struct {
	Seed  uint64 // 0: the scenario's own, or 1
	Trace bool   // write what happens, not only what came of it
}

// Scenario is a parsed scenario.
type Scenario struct {
	Seed     uint64
	commands []command
}

// command is one line.
type command struct {
	line int
	verb string
	name string            // first word after the verb that is no key
	rest []string          // the other words that are no key
	keys map[string]string // key=value; value "" for a bare key
}

// bare are the keys that stand alone.
var bare = map[string]bool{"deaf": true, "liar": true, "urgent": true}

// nodeKeys are the keys of a node, which also stand on the line of a machine that has a node of its own.
var nodeKeys = "segment up down mcast queue lag disk sync " + weatherKeys()

// verbs are the commands and the keys each takes.
var verbs = map[string]string{
	"seed": "", "run": "", "expect": "", "at": "",
	"image":   "blocks avg prologue",
	"segment": "rate queue lag",
	"node":    nodeKeys,
	"sender":  "node image buf cap floor start delay memory read " + nodeKeys,
	"peer":    "node sender at want plan wait partial backlog unheard deaf liar urgent " + nodeKeys,
	"crash":   "output back",
}

// ParseScenario reads a scenario up to its end or a line of three dashes.
func ParseScenario(r io.Reader) (*Scenario, error) {
	sc := &Scenario{Seed: 1}
	in := bufio.NewScanner(io.LimitReader(r, lineMax*linesMax))
	in.Buffer(nil, lineMax)
	for n := 1; in.Scan(); n++ {
		text, _, _ := strings.Cut(in.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		if words[0] == "---" {
			break
		}
		if n > linesMax {
			return nil, fmt.Errorf("read scenario: more than %d lines", linesMax)
		}
		c, err := parseCommand(n, words)
		if err != nil {
			return nil, err
		}
		if c.verb == "seed" {
			if sc.Seed, err = strconv.ParseUint(c.name, 10, 64); err != nil {
				return nil, fmt.Errorf("read scenario: line %d: seed %q is no number", n, c.name)
			}
		}
		sc.commands = append(sc.commands, c)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	return sc, nil
}

func parseCommand(line int, words []string) (command, error) {
	c := command{line: line, verb: words[0], keys: map[string]string{}}
	known, ok := verbs[c.verb]
	if !ok {
		return c, fmt.Errorf("read scenario: line %d: unknown command %q", line, c.verb)
	}
	for _, w := range words[1:] {
		key, value, isKey := strings.Cut(w, "=")
		isKey = isKey && known != "" || known != "" && bare[w]
		switch {
		case isKey && !strings.Contains(" "+known+" ", " "+key+" "):
			return c, fmt.Errorf("read scenario: line %d: %s takes no %q", line, c.verb, key)
		case isKey:
			c.keys[key] = value
		case c.name == "":
			c.name = w
		default:
			c.rest = append(c.rest, w)
		}
	}
	if c.name == "" {
		return c, fmt.Errorf("read scenario: line %d: %s needs a name or value", line, c.verb)
	}
	return c, nil
}

// Run runs the scenario. The trace goes to w when there is one. The error is about the scenario; what went wrong in the run is
// in the Result.
func (sc *Scenario) Run(w io.Writer, opts Options) (Result, error) {
	return sc.runWith(w, opts, options{})
}

func (sc *Scenario) runWith(w io.Writer, opts Options, tricks options) (Result, error) {
	seed := sc.Seed
	if opts.Seed != 0 {
		seed = opts.Seed
	}
	if !opts.Trace {
		w = nil
	}
	s := newSim(seed, w)
	s.opts = tricks
	b := builder{sim: s}
	for _, c := range sc.commands {
		b.command(c)
		if b.err != nil {
			return Result{}, fmt.Errorf("build scenario: line %d: %w", c.line, b.err)
		}
	}
	b.start()
	s.run()
	s.checkBounds()
	r := s.result(seed)
	for _, c := range b.expects {
		line, err := s.expect(r, c)
		if err != nil {
			return Result{}, fmt.Errorf("check scenario: line %d: %w", c.line, err)
		}
		if line != "" {
			r.Failed = append(r.Failed, fmt.Sprintf("line %d: %s", c.line, line))
		}
	}
	return r, nil
}

// RunScenario reads a scenario from r, runs it, and writes its report to w. The error says what was wrong with the scenario or
// with the run.
func RunScenario(r io.Reader, w io.Writer, opts Options) error {
	sc, err := ParseScenario(r)
	if err != nil {
		return err
	}
	res, err := sc.Run(w, opts)
	if err != nil {
		return err
	}
	res.Write(w)
	return res.Err()
}

// parsePpm reads a share: 1%, 0.5%, 0.01.
func parsePpm(s string) (int64, error) {
	scale := 1e6
	if t, ok := strings.CutSuffix(s, "%"); ok {
		s, scale = t, 1e4
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || f*scale > 1e9 {
		return 0, fmt.Errorf("%q is no share", s)
	}
	return int64(f*scale + 0.5), nil
}

// parseSize reads a number with k, m or g: of bytes in powers of 1024, of bits per second in powers of 1000.
func parseSize(s string, unit int64) (int64, error) {
	scale, digits := int64(1), s
	for i, letter := range []string{"k", "m", "g"} {
		if t, ok := strings.CutSuffix(s, letter); ok {
			digits = t
			for range i + 1 {
				scale *= unit
			}
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > 1<<40/scale {
		return 0, fmt.Errorf("%q is no number", s)
	}
	return n * scale, nil
}

// parseDuration reads a duration up to a day.
func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < -time.Hour || d > 24*time.Hour {
		return 0, fmt.Errorf("%q is no duration", s)
	}
	return d, nil
}

package netsim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// expect checks one expectation. It returns what is wrong, or nothing.
func (s *Sim) expect(r Result, c command) (string, error) {
	words := append([]string{c.name}, c.rest...)
	switch {
	case words[0] == "done" && len(words) == 2:
		return expectDone(r, words[1])
	case (words[0] == "demoted" || words[0] == "dropped") && len(words) == 2:
		return s.expectFate(r, words[0], words[1], true)
	case words[0] == "failed" && len(words) == 3:
		return expectFailed(r, words[1], words[2])
	case words[0] == "never" && len(words) == 3:
		return s.expectFate(r, words[1], words[2], false)
	case len(words) == 4 && (words[2] == "<=" || words[2] == ">="):
		return s.expectFigure(r, words)
	}
	return "", fmt.Errorf("cannot expect %q", words)
}

func expectDone(r Result, who string) (string, error) {
	list, err := names(who)
	if err != nil {
		return "", err
	}
	for _, name := range list {
		if m := r.Member(name); !m.Done {
			return fmt.Sprintf("%s is not done: %s", name, m.Why), nil
		}
	}
	return "", nil
}

func expectFailed(r Result, who, cause string) (string, error) {
	list, err := names(who)
	if err != nil {
		return "", err
	}
	want, ok := failCauses[cause]
	if !ok {
		return "", fmt.Errorf("nobody gives up for %q", cause)
	}
	for _, name := range list {
		if m := r.Member(name); !m.Failed || m.Cause != want {
			return fmt.Sprintf("%s has not given up for %q: %s", name, cause, m.Why), nil
		}
	}
	return "", nil
}

func (s *Sim) expectFate(r Result, what, who string, want bool) (string, error) {
	for _, sr := range r.Senders {
		list := sr.Demoted
		if what == "dropped" {
			list = sr.Dropped
		}
		if slices.Contains(list, who) {
			if want {
				return "", nil
			}
			return fmt.Sprintf("%s was %s", who, what), nil
		}
	}
	if want {
		return fmt.Sprintf("%s was not %s", who, what), nil
	}
	return "", nil
}

// expectFigure compares one figure with its limit.
func (s *Sim) expectFigure(r Result, words []string) (string, error) {
	got, limit, err := figure(r, words[0], words[1], words[3])
	if err != nil {
		return "", err
	}
	if words[2] == "<=" && got > limit || words[2] == ">=" && got < limit {
		return fmt.Sprintf("%s of %s is %.6g, must be %s %s", words[0], words[1], got, words[2], words[3]), nil
	}
	return "", nil
}

func figure(r Result, what, who, text string) (got, limit float64, err error) {
	if what == "time" {
		m := r.Member(who)
		d, err := parseDuration(text)
		if !m.Done {
			return 1e9, d.Seconds(), err
		}
		return m.Time.Seconds(), d.Seconds(), err
	}
	i := slices.IndexFunc(r.Senders, func(s SenderResult) bool { return s.Name == who })
	if i < 0 {
		return 0, 0, fmt.Errorf("no sender is called %q", who)
	}
	s := r.Senders[i]
	if what == "rate" {
		n, err := parseSize(text, 1000)
		return float64(s.MeanBps), float64(n), err
	}
	if what == "feedback" {
		n, err := parsePpm(text)
		return float64(s.Feedback) / float64(s.Multicast+s.Quic), float64(n) / 1e6, err
	}
	limit, err = strconv.ParseFloat(text, 64)
	switch what {
	case "wire":
		return float64(s.Multicast+s.Quic) / float64(s.Image), limit, err
	case "multicast":
		return float64(s.Multicast) / float64(s.Image), limit, err
	}
	return 0, 0, errors.New("expect wire, multicast, feedback, rate or time")
}

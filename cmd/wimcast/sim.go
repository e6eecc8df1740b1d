package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/wimcast/wimcast/cmd/internal/ui"
	"github.com/wimcast/wimcast/netsim"
)

// simOptions are those of sim.
type simOptions struct {
	seed        uint64
	trace, json bool
	scenario    string
}

func (a *app) simCommand() *cli.Command {
	var o simOptions
	return &cli.Command{
		Name:      "sim",
		Usage:     "run a scenario in the deterministic simulator",
		ArgsUsage: "SCENARIO",
		Description: "SCENARIO is a file, or - for standard input. The same scenario and seed always give the same hash. " +
			"'go doc github.com/wimcast/wimcast/netsim' lists the commands of a scenario. What can go wrong in one, KEY=VALUE on the line of " +
			"a node or peer, the rest at a time:\n\n" + strings.Join(netsim.Faults(), "\n"),
		Flags: []cli.Flag{
			&cli.Uint64Flag{Name: "seed", Usage: "draw everything from seed `N` instead of the scenario's own", Destination: &o.seed},
			&cli.BoolFlag{Name: "trace", Usage: "write everything that happens", Destination: &o.trace},
			ui.JSONFlag(&o.json),
		},
		Action: ui.Verb(&o, a.sim, ui.Arg("SCENARIO", &o.scenario)),
	}
}

// simJSON is the output of sim --json.
type simJSON struct {
	Seed    uint64          `json:"seed"`
	Hash    string          `json:"hash"`
	Seconds float64         `json:"seconds"` // of simulated time
	Senders []simSenderJSON `json:"senders"`
	Members []simMemberJSON `json:"members"`
	Wrong   []string        `json:"wrong"`
}

// simSenderJSON is one sender in the output of sim --json.
type simSenderJSON struct {
	Name          string   `json:"name"`
	ImageBytes    int64    `json:"image_bytes"`
	WireRatio     float64  `json:"wire_ratio"`
	MeanMbps      float64  `json:"mean_mbps"`
	FeedbackBytes int64    `json:"feedback_bytes"`
	Demoted       []string `json:"demoted,omitempty"`
	Dropped       []string `json:"dropped,omitempty"`
}

// simMemberJSON is one member in the output of sim --json.
type simMemberJSON struct {
	Name       string  `json:"name"`
	Done       bool    `json:"done"`
	Seconds    float64 `json:"seconds"`
	QUICBlocks uint64  `json:"quic_blocks"`
	Why        string  `json:"why,omitempty"`
}

func (a *app) sim(_ context.Context, o simOptions) error {
	var in io.Reader = a.In
	if o.scenario != "-" {
		f, err := os.Open(o.scenario)
		if err != nil {
			return fmt.Errorf("open scenario: %w", err)
		}
		defer f.Close()
		in = f
	}
	opts := netsim.Options{Seed: o.seed, Trace: o.trace}
	scenario, err := netsim.ParseScenario(in)
	if err != nil {
		return scenarioHint(fmt.Errorf("%s: %w", o.scenario, err))
	}
	trace := a.Out
	if o.json {
		trace = a.Err
	}
	start := time.Now()
	result, err := scenario.Run(trace, opts)
	if err != nil {
		return scenarioHint(fmt.Errorf("%s: %w", o.scenario, err))
	}
	if o.json {
		if err := a.PrintJSON(describeRun(result)); err != nil {
			return err
		}
	} else {
		result.Write(a.Out)
		a.Notef("%.1f s simulated in %.1f s", result.End.Seconds(), time.Since(start).Seconds())
	}
	if err := result.Err(); err != nil {
		return ui.WithHint(err, "the same seed fails in the same way: add --trace --seed %d to see what happens", result.Seed)
	}
	return nil
}

func scenarioHint(err error) error {
	return ui.WithHint(err, "'go doc github.com/wimcast/wimcast/netsim' lists the commands of a scenario")
}

func describeRun(r netsim.Result) simJSON {
	out := simJSON{
		Seed: r.Seed, Hash: fmt.Sprintf("%016x", r.Hash), Seconds: r.End.Seconds(),
		Senders: []simSenderJSON{}, Members: []simMemberJSON{}, Wrong: append([]string{}, append(r.Broken, r.Failed...)...),
	}
	for _, s := range r.Senders {
		ratio := 0.0
		if s.Image > 0 {
			ratio = float64(s.Multicast+s.Quic) / float64(s.Image)
		}
		out.Senders = append(out.Senders, simSenderJSON{
			Name: s.Name, ImageBytes: s.Image, WireRatio: ratio, MeanMbps: float64(s.MeanBps) / 1e6,
			FeedbackBytes: s.Feedback, Demoted: s.Demoted, Dropped: s.Dropped,
		})
	}
	for _, m := range r.Members {
		out.Members = append(out.Members, simMemberJSON{Name: m.Name, Done: m.Done, Seconds: m.Time.Seconds(), QUICBlocks: m.Fetched, Why: m.Why})
	}
	return out
}

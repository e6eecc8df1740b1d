package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/wimcast/wimcast/internal/event"
	"github.com/wimcast/wimcast/node/bus"
)

// Limits of an answer to /events.
const (
	eventsMax = 1000             // events in one
	pollFor   = 30 * time.Second // how long it waits for one
)

// Events is what has happened in a node.
type Events struct {
	Events []Event `json:"events"`
	Next   uint64  `json:"next"`             // to ask with next
	Missed bool    `json:"missed,omitempty"` // some of those asked for are not kept any more
}

// Event is one event. docs/events.md lists the kinds with their data.
type Event struct {
	ID      uint64         `json:"id"`
	At      time.Time      `json:"at"`
	Kind    string         `json:"kind"`
	Level   string         `json:"level"`             // "debug", "info" or "warn"
	Text    string         `json:"text"`              // for people
	Content string         `json:"content,omitempty"` // that it is about
	Data    map[string]any `json:"data"`
}

// follow waits for what comes after the event with the ID since, "" for 0.
func follow(ctx context.Context, b *bus.Bus, since string) (Events, error) {
	var id uint64
	if since != "" {
		var err error
		if id, err = strconv.ParseUint(since, 10, 64); err != nil {
			return Events{}, fmt.Errorf("events since %q: want the number of an event", since)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, pollFor)
	defer cancel()
	if err := b.Wait(ctx, id); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return Events{}, err
	}
	records, last, missed := b.Since(id)
	if len(records) > eventsMax {
		records = records[:eventsMax]
		last = records[eventsMax-1].ID
	}
	out := Events{Events: make([]Event, len(records)), Next: last, Missed: missed}
	for i, r := range records {
		out.Events[i] = fromRecord(r)
	}
	return out, nil
}

// fromRecord makes JSON of an event.
func fromRecord(r bus.Record) Event {
	spec := event.Of(r.Event)
	data := map[string]any{}
	for _, f := range event.Fields(r.Event) {
		data[f.Name] = f.Value
	}
	return Event{
		ID: r.ID, At: r.At.UTC(), Kind: r.Event.Kind(), Level: strings.ToLower(slog.Level(spec.Level).String()), Text: spec.Text,
		Content: r.Content, Data: data,
	}
}

package bus

import (
	"context"
	"log/slog"

	"github.com/wimcast/wimcast/internal/event"
)

// Log writes a line for each event that the log wants, until the bus is closed and all are written.
func (b *Bus) Log(log *slog.Logger) {
	for last, more := uint64(0), true; more; more = b.Wait(context.Background(), last) == nil {
		var records []Record
		var missed bool
		records, last, missed = b.Since(last)
		if missed {
			log.Warn("events came faster than they could be logged, some are not")
		}
		for _, r := range records {
			r.log(log)
		}
	}
}

// log makes the log's line of a record.
func (r Record) log(log *slog.Logger) {
	spec := event.Of(r.Event)
	ctx, level := context.Background(), slog.Level(spec.Level)
	if !log.Enabled(ctx, level) {
		return
	}
	line := slog.NewRecord(r.At, level, spec.Text, 0)
	line.AddAttrs(slog.String("event", r.Event.Kind()))
	if r.Content != "" {
		line.AddAttrs(slog.String("content", r.Content))
	}
	for _, f := range event.Fields(r.Event) {
		line.AddAttrs(slog.Any(f.Name, f.Value))
	}
	log.Handler().Handle(ctx, line)
}

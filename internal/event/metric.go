package event

import (
	"maps"
	"reflect"
)

// Metric is a number that events of a kind change. Its name is wimcast_<noun>_<unit>, with _total when it only grows.
type Metric struct {
	Name  string
	Field string  // of the event, whose value is added, as it is shown; "": Step is
	Step  float64 // negative: a gauge goes down
}

// total counts events.
func total(name string) Metric { return Metric{Name: name, Step: 1} }

// sum adds up a field.
func sum(name, field string) Metric { return Metric{Name: name, Field: field} }

// gauge goes up and down.
func gauge(name string, step float64) Metric { return Metric{Name: name, Step: step} }

// of is what e adds.
func (m Metric) of(e Event) float64 {
	if m.Field == "" {
		return m.Step
	}
	f, _ := shown(m.Field, reflect.ValueOf(e).FieldByName(m.Field))
	switch x := f.Value.(type) {
	case int64:
		return float64(x)
	case uint64:
		return float64(x)
	case float64:
		return x
	}
	return 0
}

// Metrics are the numbers that events have added up to. It is not safe for concurrent use.
type Metrics struct{ values map[string]float64 }

// NewMetrics returns all metrics, at 0.
func NewMetrics() *Metrics {
	m := &Metrics{values: make(map[string]float64)}
	for _, s := range table {
		for _, metric := range s.Metrics {
			m.values[metric.Name] = 0
		}
	}
	return m
}

// Add counts an event.
func (m *Metrics) Add(e Event) {
	for _, metric := range Of(e).Metrics {
		m.values[metric.Name] += metric.of(e)
	}
}

// Values returns a copy: each metric's value by its name.
func (m *Metrics) Values() map[string]float64 { return maps.Clone(m.values) }

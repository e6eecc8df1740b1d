package event

import (
	"encoding/json"
	"testing"
	"time"
)

// What is written as JSON is read as the same figure.
func TestUnitsInJSON(t *testing.T) {
	type figures struct {
		Rate Bps     `json:"rate_mbps"`
		Loss Ppm     `json:"loss_percent"`
		Wait Seconds `json:"wait_seconds,omitempty"`
	}
	for _, c := range []struct {
		in   figures
		want string
	}{
		{figures{}, `{"rate_mbps":0,"loss_percent":0}`},
		{figures{94_100_001, 125, Seconds(1500 * time.Millisecond)}, `{"rate_mbps":94.100001,"loss_percent":0.0125,"wait_seconds":1.5}`},
		{figures{1, 1_000_000, 1}, `{"rate_mbps":0.000001,"loss_percent":100,"wait_seconds":0.000000001}`},
		{figures{100_000_000_000, 7, Seconds(24 * time.Hour)}, `{"rate_mbps":100000,"loss_percent":0.0007,"wait_seconds":86400}`},
	} {
		b, err := json.Marshal(c.in)
		if err != nil || string(b) != c.want {
			t.Errorf("%+v: %s, %v; want %s", c.in, b, err, c.want)
		}
		var got figures
		if err := json.Unmarshal(b, &got); err != nil || got != c.in {
			t.Errorf("%s is read as %+v, %v", b, got, err)
		}
	}
	var f figures
	if err := json.Unmarshal([]byte(`{"rate_mbps":"fast"}`), &f); err == nil {
		t.Error("a text is taken for a rate")
	}
}

package send

import (
	"testing"

	"github.com/wimcast/wimcast/distributor"
	"github.com/wimcast/wimcast/wire"
)

// TestReportsAreDroppedWhenTheMachineIsBehind: one more than inputsMax is, and nobody waits.
func TestReportsAreDroppedWhenTheMachineIsBehind(t *testing.T) {
	c := &Cast{inputs: make(chan input, inputsMax), done: make(chan struct{})}
	for n := range uint32(inputsMax + 1) {
		c.Report(1, wire.Report{Serial: n})
	}
	var last uint32
	for range inputsMax {
		last = (<-c.inputs).in.(distributor.Report).Report.Serial
	}
	if len(c.inputs) != 0 || last != inputsMax-1 {
		t.Errorf("the last report that is kept is %d, want %d", last, inputsMax-1)
	}
}

// TestBatchMax: a batch is sent when it is full and one datagram more comes.
func TestBatchMax(t *testing.T) {
	var sent []int
	d := newDriver(&Cast{}, nil, func(b [][]byte) (int, error) { sent = append(sent, len(b)); return len(b), nil }, nil)
	for seq := range wire.Seq(batchMax + 1) {
		if len(sent) != 0 {
			t.Fatalf("%v datagrams were sent before there were more than %d", sent, batchMax)
		}
		d.datagram(wire.Header{Type: wire.TypeSymbol, Seq: seq + 1}, make([]byte, wire.SymbolSize))
	}
	if len(sent) != 1 || sent[0] != batchMax || len(d.batch) != 1 {
		t.Errorf("%v datagrams were sent, %d wait", sent, len(d.batch))
	}
}

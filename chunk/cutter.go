package chunk

import (
	"bytes"
	"fmt"
	"io"

	chunkers "github.com/PlakarKorp/go-cdc-chunkers"
	_ "github.com/PlakarKorp/go-cdc-chunkers/chunkers/fastcdc" // registers the algorithm
	"github.com/cespare/xxhash/v2"
)

// cdcAlgorithm is versioned by its authors: its cuts never change.
const cdcAlgorithm = "fastcdc-v1.0.0"

// cutter finds content-defined cuts (FastCDC; Xia et al., USENIX ATC 2016).
type cutter struct {
	window bytes.Reader
	alg    *chunkers.Chunker
}

func newCutter() *cutter {
	c := &cutter{}
	opts := &chunkers.ChunkerOpts{MinSize: MinSize, NormalSize: AvgSize, MaxSize: MaxSize}
	alg, err := chunkers.NewChunkerBuffer(cdcAlgorithm, &c.window, opts, make([]byte, MaxSize))
	if err != nil {
		panic(fmt.Sprintf("chunk: %s: %v", cdcAlgorithm, err)) // the options are constants
	}
	c.alg = alg
	return c
}

// cut returns the length of the chunk at the start of b, which has 1 to MaxSize bytes.
func (c *cutter) cut(b []byte) int {
	c.window.Reset(b)
	c.alg.Reset(&c.window)
	piece, err := c.alg.Next()
	if err != nil && err != io.EOF || len(piece) == 0 || len(piece) > len(b) {
		panic(fmt.Sprintf("chunk: %s cut %d bytes at %d: %v", cdcAlgorithm, len(b), len(piece), err))
	}
	return len(piece)
}

// leadHash ranks a bound by the bytes that follow it.
func leadHash(after []byte) uint64 { return xxhash.Sum64(after[:min(len(after), leadSize)]) }

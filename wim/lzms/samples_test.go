package lzms

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wimcast/wimcast/internal/wimtest"
)

// samples gives pieces of many natures; the same ones each time.
func samples(tb testing.TB) map[string][]byte {
	tb.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 50000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	skewed := make([]byte, 60000) // frequencies like Fibonacci's: long codewords
	for i := range skewed {
		b := 0
		for b < 40 && rng.IntN(100) < 62 {
			b++
		}
		skewed[i] = byte(b)
	}
	text := wimtest.SourceText(tb)
	m := map[string][]byte{
		"zeros": make([]byte, 140000), "noise": noise, "skewed": skewed,
		"text": text[:200000], "textThrice": bytes.Repeat(text[:50000], 3),
		"pairs": bytes.Repeat([]byte("ab"), 16384), "far": append(append(bytes.Clone(noise), make([]byte, 700)...), noise...),
		"ramp2": ramp(rng, 2, 40000), "ramp4": ramp(rng, 4, 40000), "ramp12": records(rng, 12, 60000), "wave": wave(rng, 60000),
		"code": code86(rng, 50000), "edited": edited(rng, text[:30000]),
	}
	for n := range 40 {
		m[fmt.Sprint("short", n)] = bytes.Repeat([]byte("x"), n)
		m[fmt.Sprint("start", n)] = text[:n]
	}
	for n := range 30 {
		run := append(bytes.Repeat([]byte("y"), n), text[:600]...)
		m[fmt.Sprint("run", n)] = append(run, bytes.Repeat([]byte("z"), n*n+1)...)
	}
	return m
}

// ramp is a row of numbers of width bytes that go up by steps that repeat.
func ramp(rng *rand.Rand, width, n int) []byte {
	var out []byte
	v, step := uint64(0), uint64(1)
	for len(out) < n {
		if rng.IntN(50) == 0 {
			step = rng.Uint64N(1000)
		}
		v += step
		out = append(out, binary.LittleEndian.AppendUint64(nil, v)[:width]...)
	}
	return out[:n]
}

// records have a few numbers that go up, and noise in between.
func records(rng *rand.Rand, width, n int) []byte {
	out := make([]byte, 0, n+width)
	var at uint32
	for len(out) < n {
		r := make([]byte, width)
		at += 16 * uint32(1+rng.IntN(3))
		binary.LittleEndian.PutUint32(r, at)
		binary.LittleEndian.PutUint32(r[4:], at+16)
		r[8] = byte(rng.IntN(4))
		out = append(out, r...)
	}
	return out[:n]
}

// wave is like sound of two channels.
func wave(rng *rand.Rand, n int) []byte {
	out := make([]byte, 0, n+4)
	for i := 0; len(out) < n; i++ {
		v := 9000*math.Sin(float64(i)/40) + 3000*math.Sin(float64(i)/7)
		out = binary.LittleEndian.AppendUint16(out, uint16(int16(v)))
		out = binary.LittleEndian.AppendUint16(out, uint16(int16(v/2)+int16(rng.IntN(2))))
	}
	return out[:n]
}

// edited is text again and again, with some bytes changed.
func edited(rng *rand.Rand, text []byte) []byte {
	out := bytes.Clone(text)
	for range 4 {
		for i := range text {
			if rng.IntN(20) == 0 {
				out = append(out, byte(rng.Uint32()))
			} else {
				out = append(out, text[i])
			}
		}
	}
	return out
}

// code86 is full of what the x86 filter looks for: instructions with few targets, at all distances.
func code86(rng *rand.Rand, n int) []byte {
	ops := []string{
		"\x48\x8b\x05", "\x48\x8b\x0d", "\x48\x8d\x05", "\x48\x8d\x3d", "\x48\x8b\x15", "\x4c\x8d\x05", "\x4c\x8d\x0d", "\x4c\x8b\x05", "\xe8", "\xe9",
		"\xf0\x83\x05", "\xf0\x83\x0d", "\xff\x15", "\xff\x25", "\x48", "\x4c", "\xf0", "\xff", "\x0f\x84", "",
	}
	targets := make([]uint32, 1+rng.IntN(20))
	for i := range targets {
		targets[i] = rng.Uint32() >> (8 * rng.IntN(4))
	}
	var out []byte
	for len(out) < n {
		op := ops[rng.IntN(len(ops))]
		out = binary.LittleEndian.AppendUint32(append(out, op...), targets[rng.IntN(len(targets))]-uint32(len(out)))
		if rng.IntN(3) == 0 {
			out = append(out, make([]byte, rng.IntN([]int{2, 100, 1200}[rng.IntN(3)]))...)
		}
	}
	return out[:n]
}

// Package wim runs wimcast and wimlib-imagex in turn on the same tree and compares time, memory
// and size.
//
// It runs both as programs, because that is what users run. Start with BenchmarkSideBySide:
//
//	go test ./bench/wim -run '^$' -bench SideBySide -benchtime 1x -tree DIR
//
// Every operation is run -runs times with each program, in turn, and the one that begins changes
// from round to round; before every run the file system is told to write out what it holds. The
// medians are reported, and their ratios, wimcast to wimlib-imagex: machines differ and are
// shared, so a ratio of one run says more than seconds do.
package wim

package wire

// ReplayWindow is how many sequences back from the highest an Opener tells apart. What is older counts as seen.
const ReplayWindow = 8192

// replayWindow remembers which of the last ReplayWindow sequences were marked (in the manner of RFC 6479: a ring
// of words, of which one more is kept than the window needs, so that advancing only clears whole words).
type replayWindow struct {
	highest Seq
	words   [replayWords]uint64
}

const replayWords = ReplayWindow/64 + 1

// fresh says whether seq may still be accepted.
func (w *replayWindow) fresh(seq Seq) bool {
	switch {
	case seq == 0:
		return false
	case seq > w.highest:
		return true
	case w.highest-seq >= ReplayWindow:
		return false
	}
	return w.words[seq/64%replayWords]>>(seq%64)&1 == 0
}

// mark notes that seq was accepted; seq is fresh.
func (w *replayWindow) mark(seq Seq) {
	if from, to := w.highest/64, seq/64; to > from {
		for n := min(to-from, replayWords); n > 0; n-- {
			w.words[(to-n+1)%replayWords] = 0
		}
	}
	w.highest = max(w.highest, seq)
	w.words[seq/64%replayWords] |= 1 << (seq % 64)
}

package huffman

// Encoder makes codes from frequencies. Its zero value is ready; it is reused without allocation.
type Encoder struct {
	Lens  [MaxSymbols]uint8
	Codes [MaxSymbols]uint16

	n     int                // symbols in use
	order [MaxSymbols]uint64 // of them frequency<<10 | symbol, ascending
	spare [MaxSymbols]uint64
	work  [MaxSymbols]uint32
}

// Make computes Lens and Codes of the symbols of freqs, no codeword longer than maxLen bits. With fewer than two symbols in
// use, unused ones get codewords too, so that the code is complete. The frequencies must sum to less than 2^32.
func (e *Encoder) Make(freqs []uint32, maxLen int) {
	n := 0
	most := uint32(0)
	for s, f := range freqs {
		e.Lens[s] = 0
		if f != 0 {
			e.order[n&(MaxSymbols-1)] = uint64(f)<<10 | uint64(s)
			n++
			most = max(most, f)
		}
	}
	for s := 0; n < 2; s++ {
		if freqs[s] == 0 {
			e.order[n] = 1<<10 | uint64(s)
			n++
		}
	}
	e.n = n
	e.sort(max(most, 1))
	for i, v := range e.order[:n] {
		e.work[i] = uint32(v >> 10)
	}
	depths(e.work[:n])
	e.assign(maxLen)
	e.number(len(freqs))
}

// sort sorts the symbols in use by frequency, of which most is the largest; symbols of one frequency stay in order.
func (e *Encoder) sort(most uint32) {
	from, to := &e.order, &e.spare
	for shift := uint(10); most != 0; shift += 8 {
		var at [256]uint16
		for _, v := range from[:e.n] {
			at[uint8(v>>shift)]++
		}
		sum := uint16(0)
		for i, c := range at {
			at[i] = sum
			sum += c
		}
		for _, v := range from[:e.n] {
			d := uint8(v >> shift)
			to[at[d]&(MaxSymbols-1)] = v
			at[d]++
		}
		from, to = to, from
		most >>= 8
	}
	if from != &e.order {
		copy(e.order[:e.n], from[:e.n])
	}
}

// depths turns ascending frequencies into codeword lengths, descending, in place (Moffat and Katajainen, 1995).
func depths(a []uint32) {
	n := len(a)
	leaf, root := 0, 0
	for next := range n - 1 {
		sum := uint32(0)
		for range 2 {
			if leaf >= n || (root < next && a[root] < a[leaf]) {
				sum += a[root]
				a[root] = uint32(next)
				root++
			} else {
				sum += a[leaf]
				leaf++
			}
		}
		a[next] = sum
	}
	a[n-2] = 0
	for i := n - 3; i >= 0; i-- {
		a[i] = a[a[i]] + 1
	}
	avail, used, depth := 1, 0, uint32(0)
	inner, out := n-2, n-1
	for avail > 0 {
		for inner >= 0 && a[inner] == depth {
			used++
			inner--
		}
		for avail > used {
			a[out] = depth
			out--
			avail--
		}
		avail, used = 2*used, 0
		depth++
	}
}

// assign gives the symbols their lengths. Codewords over maxLen are cut to it, and as many shorter ones
// are lengthened as the code then needs to stay a prefix code.
func (e *Encoder) assign(maxLen int) {
	var count [64]int
	for _, d := range e.work[:e.n] {
		count[min(int(d), maxLen)]++
	}
	sum := 0
	for l := 1; l <= maxLen; l++ {
		sum += count[l] << (maxLen - l)
	}
	for sum > 1<<maxLen {
		l := maxLen - 1
		for count[l] == 0 {
			l--
		}
		count[l]--
		count[l+1] += 2
		count[maxLen]--
		sum--
	}
	i := 0
	for l := maxLen; l >= 1; l-- {
		for range count[l] {
			e.Lens[e.order[i]&1023] = uint8(l)
			i++
		}
	}
}

// number gives the codewords.
func (e *Encoder) number(symbols int) {
	var next [MaxBits + 2]uint16
	var count [MaxBits + 2]uint16
	for _, l := range e.Lens[:symbols] {
		count[l]++
	}
	count[0] = 0
	for l := 1; l <= MaxBits; l++ {
		next[l] = (next[l-1] + count[l-1]) << 1
	}
	for s, l := range e.Lens[:symbols] {
		if l != 0 {
			e.Codes[s] = next[l]
			next[l]++
		}
	}
}

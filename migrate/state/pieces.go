package state

// pieceSize is how much of a file in the making lies in one piece.
const pieceSize = 256 << 10

// pieces gathers a file without moving what it has, as one buffer that grows
// would: a large one would be held twice and more.
type pieces struct {
	full [][]byte
	last []byte
	n    int
}

// Write implements io.Writer.
func (p *pieces) Write(data []byte) (int, error) {
	if len(p.last) > 0 && len(p.last)+len(data) > pieceSize {
		p.full = append(p.full, p.last)
		p.last = make([]byte, 0, max(pieceSize, len(data)))
	}
	p.last = append(p.last, data...)
	p.n += len(data)
	return len(data), nil
}

// join returns head and all that was written, and lets go of it.
func (p *pieces) join(head []byte) []byte {
	if len(p.full) == 0 && len(head) == 0 {
		return p.last
	}
	all := append(make([]byte, 0, len(head)+p.n), head...)
	for i, piece := range p.full {
		all = append(all, piece...)
		p.full[i] = nil
	}
	all = append(all, p.last...)
	*p = pieces{}
	return all
}

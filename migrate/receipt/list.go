package receipt

import (
	"iter"

	"github.com/residency/residency/migrate/state"
)

// block is how many receipts of a List are compressed at once, and how many are
// held as they are.
const block = 1024

const listSchema = "residency/receipt-list/1" // never leaves this process

// List holds receipts in order: those of most histories as they are, those of a
// very long one compressed but for the last.
type List struct {
	codec  *state.Codec
	packed [][]byte
	open   []Receipt
	n      int
}

// Lists makes empty lists that will hold so many receipts each.
func Lists(c *state.Codec, sizes iter.Seq[int]) []List {
	n, short := 0, 0
	for size := range sizes {
		if n++; size <= block {
			short += size
		}
	}
	lists := make([]List, 0, n)
	room := make([]Receipt, short) // one for all that are short
	for size := range sizes {
		l := List{codec: c}
		if size <= block {
			l.open, room = room[:0:size], room[size:]
		}
		lists = append(lists, l)
	}
	return lists
}

// Len is how many receipts there are.
func (l *List) Len() int { return l.n }

// Add appends a receipt.
func (l *List) Add(r Receipt) error {
	if len(l.open) == block {
		data, err := state.EncodeBy(l.codec, state.Header{Schema: listSchema, Entries: block}, l.open)
		if err != nil {
			return err
		}
		l.packed = append(l.packed, data)
		clear(l.open)
		l.open = l.open[:0]
	}
	l.open = append(l.open, r)
	l.n++
	return nil
}

// Drain yields the receipts, each until the next, and lets go of them.
func (l *List) Drain() iter.Seq2[*Receipt, error] {
	return func(yield func(*Receipt, error) bool) {
		for i, data := range l.packed {
			l.packed[i] = nil
			if !l.unpack(data, yield) {
				return
			}
		}
		for i := range l.open {
			if !yield(&l.open[i], nil) {
				return
			}
		}
	}
}

func (l *List) unpack(data []byte, yield func(*Receipt, error) bool) bool {
	lines, err := state.Open[Receipt](l.codec, "receipts in memory", listSchema, data)
	if err != nil {
		return yield(nil, err)
	}
	defer lines.Close()
	for {
		var r Receipt
		more, err := lines.Next(&r)
		if err != nil {
			return yield(nil, err)
		}
		if !more {
			return true
		}
		if !yield(&r, nil) {
			return false
		}
	}
}

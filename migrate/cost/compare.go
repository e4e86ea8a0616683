package cost

import (
	"slices"

	"github.com/residency/residency/regions/prices"
)

// Received is what Compare calls the bytes of objects that were read at an end.
const Received = "received"

// Count is how many requests were sent to an end, by what they are charged as, and how many
// bytes of objects it has sent back.
type Count struct {
	At       string `json:"at"`
	Put      int64  `json:"put"` // PUT, COPY, POST and LIST
	Get      int64  `json:"get"` // GET, HEAD and all others
	Delete   int64  `json:"delete"`
	Received int64  `json:"bytes_received"`
}

func (c *Count) add(o Count, sign int64) {
	c.Put += sign * o.Put
	c.Get += sign * o.Get
	c.Delete += sign * o.Delete
	c.Received += sign * o.Received
}

// Since is what was counted after something else was.
func Since(before, after []Count) []Count {
	after = slices.Clone(after)
	for i := range after {
		for _, b := range before {
			if b.At == after[i].At {
				after[i].add(b, -1)
			}
		}
	}
	return after
}

// Total adds counts, by end.
func Total(all, more []Count) []Count {
	all = slices.Clone(all)
	for _, c := range more {
		i := slices.IndexFunc(all, func(o Count) bool { return o.At == c.At })
		if i < 0 {
			all = append(all, c)
			continue
		}
		all[i].add(c, 1)
	}
	return all
}

// Compared is one thing that was estimated, and counted.
type Compared struct {
	At      string `json:"at"`
	Item    string `json:"item"` // put, get, delete: requests; received: bytes
	Low     int64  `json:"estimated_low"`
	High    int64  `json:"estimated_high"`
	Counted int64  `json:"counted"`
}

// Compare holds an estimate of work against what was counted.
func Compare(w Work, e *Estimate, counted []Count) []Compared {
	all := []Compared{}
	for _, at := range w.ends() {
		var c Count
		if i := slices.IndexFunc(counted, func(o Count) bool { return o.At == at }); i >= 0 {
			c = counted[i]
		}
		for _, row := range []Compared{{Item: prices.Put, Counted: c.Put}, {Item: prices.Get, Counted: c.Get},
			{Item: prices.Delete, Counted: c.Delete}} {
			row.At = at
			for _, l := range e.Lines {
				if l.At == at && l.Item == row.Item {
					row.Low, row.High = add(row.Low, l.LowQuantity), add(row.High, l.HighQuantity)
				}
			}
			all = append(all, row)
		}
		low, high := w.received(at)
		all = append(all, Compared{At: at, Item: Received, Low: low, High: high, Counted: c.Received})
	}
	return slices.DeleteFunc(all, func(c Compared) bool { return c.High == 0 && c.Counted == 0 })
}

// ends are the work's, each once, its destination last.
func (w *Work) ends() (all []string) {
	for _, m := range w.Moves {
		all = append(all, m.Source.String())
	}
	for _, m := range w.Moves {
		all = append(all, m.Destination.String())
	}
	seen := make(map[string]bool)
	return slices.DeleteFunc(all, func(at string) bool {
		twice := seen[at]
		seen[at] = true
		return twice
	})
}

// received is how many bytes of objects are read at an end.
func (w *Work) received(at string) (low, high int64) {
	for _, m := range w.Moves {
		for _, c := range m.Classes {
			if at == m.Source.String() && !m.ServerSide {
				high = add(high, add(c.Bytes, w.again(&m, c)))
				if !m.Some {
					low = add(low, c.Bytes)
				}
			}
			if at != m.Source.String() && at != m.Destination.String() {
				continue
			}
			lowBack, back := w.back(&m, c)
			low, high = add(low, lowBack), add(high, back)
		}
	}
	return low, high
}

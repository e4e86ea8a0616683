package cost

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/regions/prices"
)

// Prices finds a price; see prices.Table.
type Prices interface {
	Find(k prices.Key, service string) (prices.Row, bool)
}

// Of estimates what work costs. An error is a *CurrencyError.
func Of(w Work, p Prices) (*Estimate, error) {
	e := &Estimate{Schema: Schema, At: w.At, Time: w.time(), From: w.from(), NotCounted: notCounted()}
	all := &money{}
	b := newBuilder(p, w.Rules)
	for i := range w.Moves {
		m := &w.Moves[i]
		b.requests(&w, m)
		b.bytes(&w, m)
		for _, c := range m.Classes {
			b.addEarly(m.Source, c)
		}
	}
	var err error
	if e.Sum, err = b.priced(all); err != nil {
		return nil, err
	}
	before, after := newBuilder(p, w.Rules), newBuilder(p, w.Rules)
	for i := range w.Moves {
		m := &w.Moves[i]
		before.stored(m, m.Source, false)
		after.stored(m, m.Destination, m.AnyClass)
	}
	if e.Before, err = before.priced(all); err != nil {
		return nil, err
	}
	if e.After, err = after.priced(all); err != nil {
		return nil, err
	}
	if all.row != nil {
		e.Currency = all.row.Currency
	}
	return e, nil
}

// Again estimates the same work by the prices that an estimate names.
func (e *Estimate) Again(w Work) (*Estimate, error) {
	var rows []prices.Row
	for _, l := range slices.Concat(e.Lines, e.Before.Lines, e.After.Lines) {
		if l.Price != nil {
			rows = append(rows, *l.Price)
		}
	}
	return Of(w, prices.Of(rows))
}

// money makes sure that all prices are in one currency.
type money struct{ row *prices.Row }

func (m *money) takes(r *prices.Row) error {
	if m.row == nil {
		m.row = r
	}
	if m.row.Currency != r.Currency {
		return &CurrencyError{One: *m.row, Other: *r}
	}
	return nil
}

// builder gathers quantities, by what they are priced as.
type builder struct {
	prices Prices
	rules  int
	lines  map[lineKey]*quantity
}

type lineKey struct {
	item string
	at   End
	of   string
}

type quantity struct{ low, high int64 }

func newBuilder(p Prices, rules int) *builder {
	return &builder{prices: p, rules: rules, lines: make(map[lineKey]*quantity)}
}

func (b *builder) find(k prices.Key, service string) (prices.Row, bool) {
	return b.prices.Find(k, service)
}

func (b *builder) add(item string, at End, of string, low, high int64) {
	if low <= 0 && high <= 0 {
		return
	}
	k := lineKey{item, at, of}
	q := b.lines[k]
	if q == nil {
		q = new(quantity)
		b.lines[k] = q
	}
	q.low, q.high = add(q.low, low), add(q.high, high)
}

func (b *builder) addEarly(at End, c Class) {
	if objectstore.ClassOf(c.Class).MinimumDays > 0 {
		b.add(EarlyDeletion, at, c.Class, c.Early, c.Early)
	}
}

// priced makes the lines, in a fixed order, and their sum.
func (b *builder) priced(all *money) (Sum, error) {
	sum := Sum{Unknown: []string{}, Lines: []Line{}}
	low, high := new(big.Rat), new(big.Rat)
	for _, k := range slices.SortedFunc(maps.Keys(b.lines), compare) {
		q := b.lines[k]
		line := Line{Item: k.item, At: k.at.String(), Of: k.of, Unit: unit(k.item), LowQuantity: q.low, HighQuantity: q.high}
		item := k.item
		if item == EarlyDeletion {
			item = prices.Storage
		}
		r, ok := b.find(prices.Key{Provider: k.at.Provider, Region: k.at.Region, Item: item, Of: k.of}, k.at.Service)
		if !ok {
			sum.Unknown = append(sum.Unknown, line.String())
			sum.Lines = append(sum.Lines, line)
			continue
		}
		if err := all.takes(&r); err != nil {
			return sum, err
		}
		lowPer, highPer := per(k.item)
		least, most := costs(q.low, r.Lowest, lowPer), costs(q.high, r.Price, highPer)
		low.Add(low, least)
		high.Add(high, most)
		from, to := round(least, false), round(most, true)
		line.Low, line.High, line.Price = &from, &to, &r
		sum.Lines = append(sum.Lines, line)
	}
	if b.rules < Rules || len(sum.Lines) == 0 || len(sum.Unknown) < len(sum.Lines) {
		least := round(low, false)
		sum.Low = &least
	}
	if len(sum.Unknown) == 0 {
		most := round(high, true)
		sum.High = &most
	}
	return sum, nil
}

func costs(quantity int64, price prices.Price, per *big.Rat) *big.Rat {
	r := new(big.Rat).SetInt64(quantity)
	return r.Quo(r.Mul(r, price.Rat()), per)
}

func compare(x, y lineKey) int {
	return cmp.Or(cmp.Compare(order(x.item), order(y.item)), cmp.Compare(x.at.String(), y.at.String()),
		cmp.Compare(x.of, y.of))
}

// order is that in which parts are shown.
func order(item string) int {
	return slices.Index(append(prices.Items(), EarlyDeletion), item)
}

func unit(item string) string {
	switch item {
	case prices.Storage, prices.Retrieval, prices.Transfer:
		return "bytes"
	case EarlyDeletion:
		return "KiB-days"
	}
	return "requests"
}

// per is how much of the unit a price is of, at the low and at the high end: a GB is 2^30 or
// 10^9 bytes, and a month 31 or 28 days.
func per(item string) (low, high *big.Rat) {
	switch item {
	case prices.KMS:
		return big.NewRat(10_000, 1), big.NewRat(10_000, 1)
	case prices.Storage, prices.Retrieval, prices.Transfer:
		return big.NewRat(1<<30, 1), big.NewRat(1_000_000_000, 1)
	case EarlyDeletion:
		return big.NewRat(31<<20, 1), big.NewRat(28*1_000_000_000, 1024)
	}
	return big.NewRat(1000, 1), big.NewRat(1000, 1)
}

// writesASecond is what Amazon S3 takes of each prefix at least (Amazon S3 User Guide, "Best
// practices design patterns: optimizing Amazon S3 performance").
const writesASecond = 3500

// time is as much as is known of how long it takes.
func (w *Work) time() Time {
	var bytes, writes int64
	documented := len(w.Moves) > 0
	for _, m := range w.Moves {
		documented = documented && m.Destination.Service != ""
		for _, c := range m.Classes {
			if !m.ServerSide && !m.Some {
				bytes = add(bytes, times(2, c.Bytes))
			}
			writes = add(writes, add(c.Versions, c.Parts))
		}
	}
	switch {
	case w.Bandwidth > 0 && bytes > 0:
		low := bytes / w.Bandwidth
		return Time{Low: &low, Basis: fmt.Sprintf("bytes are read and written at %d a second at most; no rate was measured",
			w.Bandwidth)}
	case documented:
		low := writes / writesASecond
		return Time{Low: &low, Basis: fmt.Sprintf("Amazon S3 takes %d writes a second of one prefix; no rate was measured",
			writesASecond)}
	}
	return Time{Basis: "no rate was measured, and the service's limits are not known"}
}

// from says what makes a range of it.
func (w *Work) from() []string {
	from := []string{
		"an object costs one request more for each kind of thing that it carries, which a listing does not tell",
		"services charge less where much is used; the high end is the first step of the list, the low end the last",
		"a GB is 2^30 bytes at the low end and 10^9 at the high end",
	}
	if slices.ContainsFunc(w.Moves, func(m Move) bool { return !m.ServerSide && m.Entries > m.Markers }) {
		from = append(from, "what is streamed passes through this machine: the high end is over the internet, the low end a "+
			"machine within the source's or the destination's region")
	}
	if w.rereads() {
		from = append(from, "each object is read once at the low end; at the high end again to prove its copy, and once "+
			"more for each time that it may not be held, or may have parts of several sizes")
	}
	if slices.ContainsFunc(w.Moves, func(m Move) bool { return m.KMS }) {
		from = append(from, "how many objects are under KMS, and share a bucket key, is not known before they are read")
	}
	return from
}

// notCounted is what is in no estimate.
func notCounted() []string {
	return []string{
		"requests to a state in a bucket, and those of planning",
		"one request a second while it copies, to see whether tags may still be read",
		"requests that are repeated, further passes, and copies that are removed again",
		"taxes, free allowances, discounts of a contract, and the monitoring of INTELLIGENT_TIERING",
	}
}

package cost

import (
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/regions/prices"
)

// Work is what is to be done, as far as it is charged. An estimate follows from it and prices.
type Work struct {
	// Rules is the version of how an estimate follows from work: what was estimated by an earlier
	// one is checked by that.
	Rules    int       `json:"rules,omitempty"`
	At       time.Time `json:"at"`
	Readback bool      `json:"readback,omitempty"`     // all is read again at both ends
	Restore  string    `json:"restore_tier,omitempty"` // of archived versions; empty: none is restored
	// Bandwidth is how many bytes a second may be read and written; 0: nobody said.
	Bandwidth int64  `json:"bandwidth,omitempty"`
	Moves     []Move `json:"moves"`
}

// Rules is the version of the rules that estimates are made by. Those without a version counted
// that each object is read once, and called a sum low 0 of which no part has a price.
const Rules = 2

// rereads tells whether what may be read more than once is counted so.
func (w *Work) rereads() bool { return w.Rules >= Rules }

// Move is one location's part of it.
type Move struct {
	Source      End  `json:"source"`
	Destination End  `json:"destination"`
	ServerSide  bool `json:"server_side,omitempty"` // the service copies by itself
	// Some tells that the service copies some by itself: at the high end it copies none.
	Some      bool `json:"some_server_side,omitempty"`
	Versioned bool `json:"versioned,omitempty"` // the source has version IDs
	KMS       bool `json:"kms,omitempty"`       // some may be under KMS, at either end
	Reread    bool `json:"reread,omitempty"`    // the service's copies may have to be read to be proven
	Looks     bool `json:"looks,omitempty"`     // each write looks first what is there
	Redirects bool `json:"redirects,omitempty"` // each version is asked for one
	AnyClass  bool `json:"any_class,omitempty"` // the destination chooses the storage class
	Tally     `json:"tally"`
}

// End is a region of a provider. Service is its type where the built-in prices are of that
// service, and empty for any other.
type End struct {
	Provider string `json:"provider"`
	Region   string `json:"region"`
	Service  string `json:"service,omitempty"`
}

func (e End) String() string { return e.Provider + ":" + e.Region }

const (
	// pageEntries is how many entries a page of a listing has, and one deletion of many.
	pageEntries = 1000
	// What a move costs however small it is: reading and making settings, reserving and
	// probing, and listing unfinished uploads (help topic limits, "Resources": 117 at most).
	fixedLow, fixedHigh = 3, 117
	// Listings of the source: against the plan, before the gate, and after the erase; again
	// for each pass, for tags, and where pages meet.
	sourceLow, sourceHigh = 2, 10
	// Of the destination: at the gate and after the erase; before that where it has entries.
	destinationLow, destinationHigh = 2, 8
	// extra is how many requests at most an object takes for what it carries besides its
	// content (help topic how-it-works, "A copy"), and for its tags before the erase.
	extraSource, extraDestination = 5, 5
)

// requests are what one move asks of both ends.
func (b *builder) requests(w *Work, m *Move) {
	pages := (m.Entries + pageEntries - 1) / pageEntries
	b.add(prices.Put, m.Source, prices.Standard, sourceLow*pages, times(sourceHigh, pages)+fixedHigh)
	b.add(prices.Put, m.Destination, prices.Standard, destinationLow*pages, times(destinationHigh, pages)+fixedHigh)
	b.add(prices.Get, m.Source, prices.Standard, fixedLow, fixedHigh+2*pages)
	b.add(prices.Get, m.Destination, prices.Standard, fixedLow, fixedHigh+2*pages)
	deletions := pages
	if !m.Versioned {
		deletions = m.Entries // each on the condition of its ETag
	}
	b.add(prices.Delete, m.Source, "", pages, add(times(3, deletions), fixedHigh))
	b.add(prices.Delete, m.Destination, "", m.Markers, m.Markers+fixedHigh)
	for _, c := range m.Classes {
		b.copies(w, m, c)
	}
}

// copies are the requests about the versions of one class.
func (b *builder) copies(w *Work, m *Move, c Class) {
	whole := c.Versions - c.Multipart
	to := c.Class
	if m.AnyClass {
		to = prices.Standard
	}
	puts := add(whole, add(c.Parts, 2*c.Multipart))
	most := puts
	if w.rereads() {
		// Parts that turn out not to be of one size are sent again; the first upload is aborted.
		most = add(puts, add(c.Parts, c.Multipart))
		b.add(prices.Delete, m.Destination, "", 0, c.Multipart)
	}
	b.add(prices.Put, m.Destination, to, puts, most)
	low, high := whole+3*c.Multipart, add(whole+3*c.Multipart, c.Parts)
	if w.rereads() {
		high = add(high, add(c.Versions, c.Parts)) // of what is too large to be held
	}
	if m.ServerSide {
		// The service reads the source; whether it charges that as a request is not said.
		low = 3 * c.Multipart
	}
	atSource, atDestination := times(extraSource, c.Versions), times(extraDestination, c.Versions)
	if m.Redirects {
		atSource += c.Versions
	}
	if m.Looks {
		atDestination += c.Versions
	}
	if !m.Versioned {
		atSource += c.Versions // a look before each deletion, where conditions are not honoured
	}
	readsLow, readsHigh := b.readBack(w, m, c)
	b.add(prices.Get, m.Source, c.Class, low+readsLow, add(high, atSource+readsHigh))
	b.add(prices.Get, m.Destination, to, readsLow, atDestination+readsHigh)
	if m.KMS {
		b.add(prices.KMS, m.Source, "", 0, add(high, readsHigh))
		b.add(prices.KMS, m.Destination, "", 0, add(most, readsHigh))
	}
}

// readBack is how many requests it takes at each end to read the versions of a class again.
func (b *builder) readBack(w *Work, m *Move, c Class) (low, high int64) {
	switch all := add(c.Versions, c.Parts); {
	case w.Readback:
		return c.Versions, all
	case m.Reread, w.rereads():
		return 0, all
	}
	return 0, 0
}

// again is how many bytes of a class are read more than once to copy it, at most: those of parts
// that turn out not to be of one size, and of what is too large to be held and has to be hashed
// before it is sent.
func (w *Work) again(m *Move, c Class) int64 {
	if !w.rereads() || m.ServerSide {
		return 0
	}
	return add(c.MultipartBytes, c.Large)
}

// back is how many bytes of a class are read at both ends to prove its copies.
func (w *Work) back(m *Move, c Class) (low, high int64) {
	switch {
	case w.Readback:
		return c.Bytes, c.Bytes
	case m.Reread, w.rereads() && !m.ServerSide:
		return 0, c.Bytes
	case w.rereads():
		return 0, c.MultipartBytes
	}
	return 0, 0
}

// bytes are those of a move that leave a region, and that reading is charged for.
func (b *builder) bytes(w *Work, m *Move) {
	for _, c := range m.Classes {
		lowAgain, again := w.back(m, c) // at each end
		atSource := add(again, w.again(m, c))
		if m.ServerSide {
			b.add(prices.Transfer, m.Source, m.Destination.Region, c.Bytes, c.Bytes)
			b.add(prices.Transfer, m.Source, prices.Internet, 0, atSource)
		} else {
			b.streamed(m, c.Bytes)
			b.add(prices.Transfer, m.Source, prices.Internet, 0, add(c.Bytes, atSource))
		}
		b.add(prices.Transfer, m.Destination, prices.Internet, 0, again)
		is := objectstore.ClassOf(c.Class)
		switch {
		case is.Retrieved:
			b.add(prices.Retrieval, m.Source, c.Class, add(c.Bytes, lowAgain), add(c.Bytes, atSource))
			if !m.AnyClass {
				b.add(prices.Retrieval, m.Destination, c.Class, lowAgain, again)
			}
		case is.Archived && w.Restore != "":
			b.add(prices.Restore, m.Source, c.Class+"/"+w.Restore, 0, c.Versions)
			b.add(prices.Retrieval, m.Source, c.Class+"/"+w.Restore, 0, c.Bytes)
		}
	}
}

// streamed is the least that bytes cost on the way through a machine: one that stands in
// either region, if both are of one service.
func (b *builder) streamed(m *Move, bytes int64) {
	k := prices.Key{Provider: m.Source.Provider, Region: m.Source.Region, Item: prices.Transfer,
		Of: m.Destination.Region}
	if m.Source.Service == "" || m.Source.Service != m.Destination.Service {
		return
	}
	if _, ok := b.find(k, m.Source.Service); ok {
		b.add(prices.Transfer, m.Source, m.Destination.Region, bytes, 0)
	}
}

// stored is a month of a move's storage at an end, in the source's classes or in the default.
func (b *builder) stored(m *Move, at End, anyClass bool) {
	for _, c := range m.Classes {
		class, bytes, is := c.Class, c.Billed, objectstore.ClassOf(c.Class)
		if anyClass {
			class, bytes, is = prices.Standard, c.Bytes, objectstore.Class{}
		}
		bytes = add(bytes, times(is.OverheadBytes, c.Versions))
		b.add(prices.Storage, at, class, bytes, bytes)
		if n := times(is.StandardBytes, c.Versions); n > 0 {
			b.add(prices.Storage, at, prices.Standard, n, n)
		}
	}
}

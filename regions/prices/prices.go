package prices

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed prices.csv
var embedded []byte

// File is what places in the table that is built in are named by.
const File = "prices.csv (built in)"

// What there are prices of.
const (
	Put       = "put"       // PUT, COPY, POST and LIST, by storage class
	Get       = "get"       // GET, HEAD and all others, by storage class
	Delete    = "delete"    // DELETE, single or of many
	Storage   = "storage"   // by storage class
	Retrieval = "retrieval" // by storage class, or class/tier of what is restored
	Restore   = "restore"   // requests for that, by class/tier
	Transfer  = "transfer"  // out of a region, to another one, any other one, or the internet
	KMS       = "kms"       // requests for encryption and decryption
)

// Internet and Anywhere are what Transfer goes to that is no region.
const (
	Internet = "internet"
	Anywhere = "*" // any other region of the service; as a region: any of the provider
)

// Standard is the storage class that services leave unsaid.
const Standard = "STANDARD"

// units are what each item is priced by, and whether that is of something.
func units(item string) (unit string, of, ok bool) {
	switch item {
	case Put, Get, Restore:
		return "1000 requests", true, true
	case Delete:
		return "1000 requests", false, true
	case KMS:
		return "10000 requests", false, true
	case Storage:
		return "GB-month", true, true
	case Retrieval, Transfer:
		return "GB", true, true
	}
	return "", false, false
}

// Items lists what there can be prices of, in order.
func Items() []string { return []string{Put, Get, Delete, Storage, Retrieval, Restore, Transfer, KMS} }

// Key is what a price is of. Provider is the type of a service in the built-in table, and a
// configured provider's name in the user's own.
type Key struct {
	Provider string `json:"provider"`
	Region   string `json:"region"`
	Item     string `json:"item"`
	Of       string `json:"of,omitempty"` // a storage class, class/tier, or where to
}

func (k Key) String() string {
	text := k.Item
	if k.Of != "" {
		text += " " + k.Of
	}
	return text + " at " + k.Provider + ":" + k.Region
}

// Row is one price.
type Row struct {
	Key
	Unit string `json:"unit"`
	// Price is that of the first of what is used in a month; Lowest of the cheapest step of
	// the list, the same where there are none.
	Price    Price  `json:"price"`
	Lowest   Price  `json:"lowest"`
	Currency string `json:"currency"`
	// Confidence says whether the row was read in its source, or recalled.
	Confidence string `json:"confidence,omitempty"`
	Source     string `json:"source"`
	AsOf       string `json:"as_of,omitempty"`

	Own bool `json:"own,omitempty"` // it is the user's

	File string `json:"-"`
	Line int    `json:"-"`
}

// Place is where the row is written.
func (r Row) Place() string { return fmt.Sprintf("%s:%d", r.File, r.Line) }

// Table finds prices.
type Table struct {
	own, builtIn map[Key]Row
}

// Load returns the table that is built into the program.
func Load() (*Table, error) {
	rows, err := Parse(File, embedded)
	if err != nil {
		return nil, fmt.Errorf("read prices: %w", err)
	}
	return &Table{builtIn: indexed(rows)}, nil
}

// With is the table with rows of the user's own before it.
func (t *Table) With(own []Row) *Table { return &Table{own: indexed(own), builtIn: t.builtIn} }

// Of is a table of rows alone, such as those that an estimate names.
func Of(rows []Row) *Table {
	t := &Table{own: make(map[Key]Row), builtIn: make(map[Key]Row)}
	for _, r := range rows {
		if r.Own {
			t.own[r.Key] = r
		} else {
			t.builtIn[r.Key] = r
		}
	}
	return t
}

func indexed(rows []Row) map[Key]Row {
	m := make(map[Key]Row, len(rows))
	for _, r := range rows {
		m[r.Key] = r
	}
	return m
}

// Find finds a price: the user's own for the provider's name, else the built-in one for its
// service, which is empty for one that the table does not know. The row's own key says which
// it is. False: there is none, so what it costs is not known.
func (t *Table) Find(k Key, service string) (Row, bool) {
	if r, ok := look(t.own, k); ok {
		return r, true
	}
	if service == "" {
		return Row{}, false
	}
	k.Provider = service
	return look(t.builtIn, k)
}

// look prefers what is said of this very thing.
func look(rows map[Key]Row, k Key) (Row, bool) {
	for _, region := range []string{k.Region, Anywhere} {
		one := k
		one.Region = region
		if r, ok := rows[one]; ok {
			return r, true
		}
		if one.Of = Anywhere; k.Item == Transfer && k.Of != Internet && k.Of != k.Region {
			if r, ok := rows[one]; ok {
				return r, true
			}
		}
	}
	return Row{}, false
}

// Rows lists the built-in rows, by region, item and what they are of.
func (t *Table) Rows() []Row {
	var rows []Row
	for _, r := range t.builtIn {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b Row) int { return strings.Compare(a.String(), b.String()) })
	return rows
}

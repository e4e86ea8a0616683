package prices

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Error is a fault of a file of prices, at a line and column that begin with 1.
type Error struct {
	File         string
	Line, Column int
	Err          error
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d:%d: %v", e.File, e.Line, e.Column, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// MaxSize is how large a file of prices can be, in bytes.
const MaxSize = 4 << 20

// maxField bounds a field, which messages repeat.
const maxField = 512

// columns are those that a header can have, in any order; the first ones it must have.
func columns() []string {
	return []string{"provider", "region", "item", "of", "unit", "price", "currency", "lowest", "confidence", "source",
		"as_of"}
}

const requiredColumns = 7

var currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)

// IsCurrency tells whether a text can be a currency: three capital letters (ISO 4217).
func IsCurrency(text string) bool { return currencyCode.MatchString(text) }

// Provider is one that a file can have prices of.
type Provider struct {
	Name string
	Has  func(region string) bool // nil: any region
}

// Parse reads a file of prices, which name is of. What is wrong with it is an *Error. The
// providers are those that it can have prices of; none: any.
func Parse(name string, data []byte, providers ...Provider) ([]Row, error) {
	p := &parser{name: name, providers: providers}
	if len(data) > MaxSize {
		return nil, p.fault(1, 1, "the file has more than %d bytes", MaxSize)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, p.fault(1, 1, "the file is not in UTF-8")
	}
	p.csv = csv.NewReader(bytes.NewReader(data))
	p.csv.ReuseRecord = true
	if err := p.header(); err != nil {
		return nil, err
	}
	var rows []Row
	seen := make(map[Key]int)
	for {
		fields, err := p.csv.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, p.malformed(err)
		}
		r, err := p.row(fields)
		if err != nil {
			return nil, err
		}
		if before, twice := seen[r.Key]; twice {
			return nil, p.fault(r.Line, 1, "a second price of %s; line %d has the first", r.Key, before)
		}
		seen[r.Key] = r.Line
		rows = append(rows, r)
	}
}

type parser struct {
	name      string
	providers []Provider
	csv       *csv.Reader
	index     map[string]int // of a column
}

func (p *parser) fault(line, column int, format string, args ...any) error {
	return &Error{File: p.name, Line: line, Column: column, Err: fmt.Errorf(format, args...)}
}

// malformed gives an error of the csv package its place.
func (p *parser) malformed(err error) error {
	if e := (*csv.ParseError)(nil); errors.As(err, &e) {
		return &Error{File: p.name, Line: e.Line, Column: max(e.Column, 1), Err: e.Err}
	}
	return &Error{File: p.name, Line: 1, Column: 1, Err: err}
}

func (p *parser) header() error {
	want := columns()
	names, err := p.csv.Read()
	if errors.Is(err, io.EOF) {
		return p.fault(1, 1, "the file is empty; it begins with %s", strings.Join(want[:requiredColumns], ","))
	}
	if err != nil {
		return p.malformed(err)
	}
	p.index = make(map[string]int, len(names))
	for i, name := range names {
		line, column := p.csv.FieldPos(i)
		if !slices.Contains(want, name) {
			return p.fault(line, column, "column %q is not known; there are %s", short(name), strings.Join(want, ", "))
		}
		if _, twice := p.index[name]; twice {
			return p.fault(line, column, "column %s is there twice", name)
		}
		p.index[name] = i
	}
	for _, name := range want[:requiredColumns] {
		if _, ok := p.index[name]; !ok {
			return p.fault(1, 1, "column %s is missing", name)
		}
	}
	return nil
}

// row reads a row, whose fields are as many as the header's.
func (p *parser) row(fields []string) (r Row, err error) {
	get := func(name string) string {
		i, ok := p.index[name]
		if !ok || err != nil {
			return ""
		}
		value := fields[i]
		if len(value) > maxField || strings.TrimSpace(value) != value {
			err = p.at(name, "%s %q: longer than %d bytes, or with space at an end", name, short(value), maxField)
		}
		return strings.Clone(value)
	}
	r = Row{Key: Key{Provider: get("provider"), Region: get("region"), Item: get("item"), Of: get("of")},
		Unit: get("unit"), Currency: get("currency"), Confidence: get("confidence"), Source: get("source"),
		AsOf: get("as_of"), Own: p.name != File, File: p.name}
	price, lowest := get("price"), get("lowest")
	if err != nil {
		return r, err
	}
	r.Line, _ = p.csv.FieldPos(0)
	if r.Source == "" {
		r.Source = r.Place()
	}
	if err := p.check(r); err != nil {
		return r, err
	}
	if r.Price, err = ParsePrice(price); err != nil {
		return r, p.at("price", "price %q: %w", short(price), err)
	}
	if r.Lowest = r.Price; lowest == "" {
		return r, nil
	}
	if r.Lowest, err = ParsePrice(lowest); err != nil {
		return r, p.at("lowest", "lowest %q: %w", short(lowest), err)
	}
	if r.Lowest > r.Price {
		return r, p.at("lowest", "lowest %s is more than the price, %s", lowest, price)
	}
	return r, nil
}

func (p *parser) check(r Row) error {
	unit, of, known := units(r.Item)
	switch {
	case r.Provider == "":
		return p.at("provider", "provider is empty")
	case len(p.providers) > 0 && !slices.Contains(p.names(), r.Provider):
		return p.at("provider", "provider %q: the configuration has %s", short(r.Provider), strings.Join(p.names(), ", "))
	case r.Region == "":
		return p.at("region", "region is empty; * is any of the provider")
	case r.Region != Anywhere && !p.has(r.Region, r.Provider):
		return p.at("region", "region %q: provider %s has no such region; * is any of it", short(r.Region), r.Provider)
	case !known:
		return p.at("item", "item %q is not known; one of %s", short(r.Item), strings.Join(Items(), ", "))
	case of && r.Of == "":
		return p.at("of", "of is empty: %s", wants(r.Item))
	case r.Of == Anywhere && r.Item != Transfer:
		return p.at("of", "of *: %s", wants(r.Item))
	case r.Item == Transfer && r.Of != Internet && r.Of != Anywhere && !p.has(r.Of, p.names()...):
		return p.at("of", "of %q: no provider of the configuration has such a region; %s", short(r.Of), wants(r.Item))
	case of && r.Item != Transfer && !isClass(r.Item, r.Of):
		return p.at("of", "of %q is not known: %s; classes are %s, tiers %s", short(r.Of), wants(r.Item),
			strings.Join(classes(), ", "), strings.Join(tiers(), ", "))
	case !of && r.Of != "":
		return p.at("of", "of %q: a price of %s is of nothing more", short(r.Of), r.Item)
	case r.Unit != unit:
		return p.at("unit", "unit %q: prices of %s are by %s", short(r.Unit), r.Item, unit)
	case !IsCurrency(r.Currency):
		return p.at("currency", "currency %q: want three capital letters (ISO 4217)", short(r.Currency))
	case r.AsOf != "" && !isDate(r.AsOf):
		return p.at("as_of", "as_of %q: want YYYY-MM-DD or YYYY-MM", short(r.AsOf))
	}
	return nil
}

func (p *parser) names() (names []string) {
	for _, one := range p.providers {
		names = append(names, one.Name)
	}
	return names
}

// has tells whether one of these providers has a region, or whether that is not known.
func (p *parser) has(region string, names ...string) bool {
	return len(p.providers) == 0 || slices.ContainsFunc(p.providers, func(one Provider) bool {
		return slices.Contains(names, one.Name) && (one.Has == nil || one.Has(region))
	})
}

// isClass tells whether an item is priced by a storage class, or by class and tier, of this name.
func isClass(item, of string) bool {
	class, tier, restored := strings.Cut(of, "/")
	if restored != (item == Restore) && item != Retrieval || restored && !slices.Contains(tiers(), tier) {
		return false
	}
	return slices.Contains(classes(), class)
}

// classes are the storage classes of the S3 API (Amazon S3 API Reference, "StorageClass"), and
// those that services which speak it have of their own.
func classes() []string {
	return []string{Standard, "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE",
		"REDUCED_REDUNDANCY", "EXPRESS_ONEZONE", "OUTPOSTS", "SNOW", "FSX_OPENZFS", "FSX_ONTAP",
		"EXPRESS", "HIGH_PERF", "NEARLINE", "COLDLINE", "ARCHIVE", "IA", "COLD", "COLD_ARCHIVE",
		"DEEP_COLD_ARCHIVE", "MAZ_STANDARD", "MAZ_STANDARD_IA", "WARM"}
}

// tiers are those of restores.
func tiers() []string { return []string{"Expedited", "Standard", "Bulk"} }

// wants says what an item is a price of.
func wants(item string) string {
	switch item {
	case Transfer:
		return "want the region that bytes go to, internet, or * for any other region"
	case Restore:
		return "want class/tier, such as GLACIER/Bulk"
	case Retrieval:
		return "want a storage class, or class/tier of what is restored, such as GLACIER/Bulk"
	}
	return "want a storage class, such as STANDARD"
}

func isDate(text string) bool {
	_, day := time.Parse(time.DateOnly, text)
	_, month := time.Parse("2006-01", text)
	return day == nil || month == nil
}

// at is a fault of a field of the row that was read last.
func (p *parser) at(name, format string, args ...any) error {
	line, column := p.csv.FieldPos(p.index[name])
	return p.fault(line, column, format, args...)
}

// short is as much of a text as a message repeats.
func short(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

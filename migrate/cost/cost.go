// Package cost estimates what a plan costs: requests, bytes across regions, retrieval, early
// deletion, keys, and storage before and after. It is always a range, and what has no price is
// unknown, never nothing.
package cost

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/residency/residency/regions/prices"
)

// Schema is that of an Estimate.
const Schema = "residency/estimate/1"

// EarlyDeletion is the one item of an estimate that is priced as another: as storage.
const EarlyDeletion = "early-deletion"

// Estimate is what a plan is expected to cost, once.
type Estimate struct {
	Schema   string    `json:"schema"`
	At       time.Time `json:"at"`
	Currency string    `json:"currency,omitempty"` // of all amounts; empty: nothing has a price
	Sum
	// Before and After are what a month of storage costs at the source, and at the destination.
	Before Sum  `json:"storage_a_month_before"`
	After  Sum  `json:"storage_a_month_after"`
	Time   Time `json:"time"`
	// From says where the ranges come from, NotCounted what is in none of them.
	From       []string `json:"ranges_from"`
	NotCounted []string `json:"not_counted"`
}

// Sum is a low and a high end, and what they are the sum of.
type Sum struct {
	Low     *Amount  `json:"low"`     // of all that has a price; nil: nothing has
	High    *Amount  `json:"high"`    // nil: unknown, for something has no price
	Unknown []string `json:"unknown"` // what that is
	Lines   []Line   `json:"parts"`
}

// Line is one part of a sum.
type Line struct {
	Item string `json:"item"`
	At   string `json:"at"` // provider:region
	Of   string `json:"of,omitempty"`
	Unit string `json:"unit"` // requests, bytes, or KiB-days
	// LowQuantity and HighQuantity are how much of it there can be.
	LowQuantity  int64       `json:"low_quantity"`
	HighQuantity int64       `json:"high_quantity"`
	Low          *Amount     `json:"low"` // nil: it has no price
	High         *Amount     `json:"high"`
	Price        *prices.Row `json:"price"`
}

func (l Line) String() string {
	text := l.Item
	if l.Of != "" {
		text += " " + l.Of
	}
	return text + " at " + l.At
}

// Time is how long it takes, in seconds; nil: that is not known.
type Time struct {
	Low   *int64 `json:"low_seconds"`
	High  *int64 `json:"high_seconds"`
	Basis string `json:"basis"`
}

// ErrCurrency reports prices that cannot be added.
var ErrCurrency = errors.New("prices are in more than one currency")

// CurrencyError names two such prices.
type CurrencyError struct{ One, Other prices.Row }

func (e *CurrencyError) Error() string {
	return fmt.Sprintf("%v: %s is in %s (%s), %s in %s (%s)", ErrCurrency, e.One.Key, e.One.Currency, e.One.Place(),
		e.Other.Key, e.Other.Currency, e.Other.Place())
}

func (e *CurrencyError) Unwrap() error { return ErrCurrency }

// Remedy implements remedy.Remedier.
func (e *CurrencyError) Remedy() string {
	return "give all of these prices in one currency, in the file of prices"
}

// Check tells why a limit does not admit the estimate, empty if it does. ErrCurrency: they are
// of different currencies.
func (e *Estimate) Check(l Limit) (why string, err error) {
	if l.Currency != "" && e.Currency != "" && l.Currency != e.Currency {
		return "", fmt.Errorf("%w: the limit is in %s, prices are in %s", ErrCurrency, l.Currency, e.Currency)
	}
	switch {
	case e.Low != nil && *e.Low > l.Amount:
		return fmt.Sprintf("the estimate is at least %s %s, the limit %s", e.Low.exact(), e.Currency, l), nil
	case e.High == nil:
		return fmt.Sprintf("whether the limit, %s, is kept cannot be told: no price is known of %s", l,
			Several(e.Unknown)), nil
	case *e.High > l.Amount:
		return fmt.Sprintf("the estimate is up to %s %s, the limit %s", e.High.Shown(true), e.Currency, l), nil
	}
	return "", nil
}

// Several names some things, and how many more there are.
func Several(all []string) string {
	const most = 4
	if len(all) <= most+1 {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s, and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

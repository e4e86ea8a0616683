// Package regions knows where cloud regions are, under whose law they stand
// and who runs them, and decides whether a place may hold a customer's data.
//
// # What is promised
//
// A [Catalog] answers from tables built into the program; nothing is fetched.
// Every row names its source and the date on which the row was entered or last
// checked. Where the source is an older snapshot, or memory, the row says so. A
// region, country or operator that the tables do not know is reported as
// unknown, never replaced by a default.
//
// [Catalog.Resolve] turns what a user typed into one destination or refuses.
// It never returns a place in the United States, nor one whose country is not
// known.
//
// A Catalog and a [Policy] never change once made; any number of goroutines
// may use them at once, and what their methods return belongs to the caller.
//
// # What is not promised
//
// The tables are data, not legal advice, and they age: see [Catalog.Stale].
// Where the bytes are and whose law reaches the operator are two questions
// with two answers, so [Catalog.Exposures] lists both and joins neither to a
// verdict. That an exposure is missing from the list is no evidence that there
// is none.
//
// Some texts carry marks: [V] was read in a source, [R] is recalled and was not
// read again, "contested" means that lawyers or courts disagree.
package regions

package receipt

import (
	"errors"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
)

// Causes of a copy's own, besides those that package objectstore has.
var (
	ErrForeign = remedy.New("the destination holds something else under this key",
		"move away what is in the way at the destination (--log-keys shows the keys); the same command then resumes. As "+
			"long as nothing is erased, migrate --abort ID removes what the plan wrote, and a new plan can use another "+
			"destination.bucket")
	ErrNoKey = remedy.New("it is encrypted under a KMS key; name a key of the destination's region with "+
		"destination.kms_key in the configuration", "set destination.kms_key; as long as nothing is erased, migrate "+
		"--abort ID removes what the plan wrote, and a new plan uses that key")
)

// Class is a stable code of why something failed, by which its kind of error is known
// again from a file. Codes are never given another meaning.
type Class string

// classes are the codes with the kinds of errors that they stand for. The first that
// an error is decides.
func classes() []struct {
	Class
	kind error
} {
	return []struct {
		Class
		kind error
	}{
		{"foreign", ErrForeign}, {"no-kms-key", ErrNoKey}, {"customer-key", objectstore.ErrCustomerKey},
		{"source-closed", objectstore.ErrSourceClosed}, {"denied", objectstore.ErrDenied},
		{"archived", objectstore.ErrArchived}, {"redirected", objectstore.ErrElsewhere},
		{"not-offered", objectstore.ErrNotOffered}, {"rejected", objectstore.ErrRejected},
		{"locked", objectstore.ErrLocked}, {"throttled", objectstore.ErrThrottled}, {"corrupt", objectstore.ErrCorrupt},
		{"temporary", objectstore.ErrPassing}, {"not-found", objectstore.ErrNotFound},
		{"precondition", objectstore.ErrPrecondition},
	}
}

// Cause is why an entry failed, as far as it decides what can be done: the class of the
// error and, where access was denied, what is missing where. Receipts that do not say have
// none.
type Cause struct {
	Class     Class  `json:"class,omitempty"`
	Operation string `json:"operation,omitempty"` // S3's name
	Needs     string `json:"needs,omitempty"`     // permissions, with a comma and a space between
	Place     string `json:"place,omitempty"`     // provider:bucket
}

// CauseOf finds an error's cause; nil if it has no class.
func CauseOf(err error) *Cause {
	for _, c := range classes() {
		if !errors.Is(err, c.kind) {
			continue
		}
		cause := &Cause{Class: c.Class}
		if answer := (*objectstore.Error)(nil); errors.Is(c.kind, objectstore.ErrDenied) && errors.As(err, &answer) {
			cause.Operation, cause.Needs, cause.Place = answer.Op, strings.Join(answer.Needs, ", "), answer.Bucket
		}
		return cause
	}
	return nil
}

// Err is an error of the cause's kind, with its remedy; nil where the cause does not say.
func (c *Cause) Err() error {
	if c == nil {
		return nil
	}
	for _, known := range classes() {
		if known.Class != c.Class {
			continue
		}
		if !errors.Is(known.kind, objectstore.ErrDenied) {
			return known.kind
		}
		answer := &objectstore.Error{Op: c.Operation, Bucket: c.Place, Kind: known.kind}
		if c.Needs != "" {
			answer.Needs = strings.Split(c.Needs, ", ")
		}
		return answer
	}
	return nil
}

// Package state keeps what a migration must not forget: plan, manifest,
// receipts, erasures, certificate. A [Home] is where they lie; every file in it
// is written whole or not at all.
package state

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/remedy"
)

// What callers decide on.
var (
	ErrNotFound = errors.New("not in the state")
	ErrExists   = errors.New("already in the state")
	ErrLeased   = remedy.New("another run holds the lease",
		"wait for the other run to end. A run that was killed keeps its lease until the time named; where none is named, "+
			"it has none as soon as its process has ended. Then run the same command again")
	ErrDamaged = remedy.New("damaged state file",
		"restore the state from a copy; or move it away and run the same command again, which examines both ends from "+
			"scratch")
)

// Home stores named files. Names are slash-separated and relative; a name that
// could leave the home is refused. Methods may be called concurrently.
type Home interface {
	// Get returns a file's bytes, ErrNotFound if there is none.
	Get(ctx context.Context, name string) ([]byte, error)
	// Put writes a file durably, replacing one of that name.
	Put(ctx context.Context, name string, data []byte) error
	// PutIfAbsent writes a file durably, ErrExists if there is one.
	PutIfAbsent(ctx context.Context, name string, data []byte) error
	// List returns the names that begin with prefix, in byte order.
	List(ctx context.Context, prefix string) ([]string, error)
	// Remove takes files away that do not matter any more: it need not be durable,
	// and a file that is not there is no error.
	Remove(ctx context.Context, names ...string) error
	// Lease takes the only right to work on the plan named. The returned
	// context ends when the right is lost; release gives it back. ErrLeased if
	// somebody else has it.
	Lease(ctx context.Context, plan string) (leased context.Context, release func() error, err error)
	// String says where the home is, as --state takes it.
	String() string
}

var errName = errors.New("want plain segments between slashes")

// CheckName refuses a name that is empty, absolute, or has "." or ".." or an
// empty segment.
func CheckName(name string) error {
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsAny(segment, "\\\x00:") {
			return fmt.Errorf("state name %q: %w", name, errName)
		}
	}
	return nil
}

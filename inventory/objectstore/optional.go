package objectstore

import "context"

// What follows is offered by some stores only. Callers ask a store with a type
// assertion, and the endpoint behind it may still answer ErrNotOffered.

// Grant gives somebody a permission on one version of an object. Exactly one of
// ID and URI is set.
type Grant struct {
	Permission string // READ, WRITE, READ_ACP, WRITE_ACP or FULL_CONTROL
	ID         string // of an account, known within one provider only
	URI        string // of a group that every provider knows
}

// Granter reads the access control lists of objects. A version's owner is the
// first result; the list has the owner's own grant too.
type Granter interface {
	Grants(ctx context.Context, ref Ref) (owner string, grants []Grant, err error)
}

// Tiers of restores, by how long they take and what they cost (Amazon S3 User
// Guide, "Understanding archive retrieval options").
const (
	Expedited = "Expedited"
	Standard  = "Standard"
	Bulk      = "Bulk"
)

// Restorer asks for copies of archived versions that can be read for some days.
type Restorer interface {
	// Restore returns true if such a copy is there already; it then stays for so
	// many days more. Asking again while one is being made is no error.
	Restore(ctx context.Context, ref Ref, tier string, days int) (ready bool, err error)
}

package objectstore

import "context"

// What follows is offered by some stores only. Callers ask a store with a type
// assertion, and the endpoint behind it may still answer ErrNotOffered.

// PartLister tells what has arrived of an unfinished upload.
type PartLister interface {
	// Parts returns the parts in ascending order of their numbers; ErrNotFound if
	// there is no such upload.
	Parts(ctx context.Context, bucket, key, uploadID string) ([]Part, error)
}

// Grant gives somebody a permission on one version of an object. Exactly one of
// ID and URI is set.
type Grant struct {
	Permission string // READ, WRITE, READ_ACP, WRITE_ACP or FULL_CONTROL
	ID         string // of an account, known within one provider only
	URI        string // of a group that every provider knows
}

// Granter reads access control lists, of objects and of buckets themselves. The
// owner is the first result; the list has the owner's own grant too.
type Granter interface {
	Grants(ctx context.Context, ref Ref) (owner string, grants []Grant, err error)
	BucketGrants(ctx context.Context, bucket string) (owner string, grants []Grant, err error)
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
	// many days more. Asking again while one is being made is no error. With no days
	// the version itself comes back, as out of the archive access tiers of
	// INTELLIGENT_TIERING, which know none.
	Restore(ctx context.Context, ref Ref, tier string, days int) (ready bool, err error)
}

// Limits are how large things may be at a service, in bytes where nothing else
// is said.
type Limits struct {
	Single int64 // the most that one PUT sends or one copy copies
	Part   int64
	Parts  int   // of one object, a number
	Object int64 // the largest that there can be
	Key    int
	Batch  int // the most deletions of one request, a number
}

// Limited stores say what their service takes. The zero value of a limit is
// none.
type Limited interface{ Limits() Limits }

// LimitsOf returns what a store says, or nothing.
func LimitsOf(store any) Limits {
	if l, ok := store.(Limited); ok {
		return l.Limits()
	}
	return Limits{}
}

// KeyChecker is a store whose service takes not every key that is short enough. The error
// says what is wrong with keys like this one, and holds nothing of the key.
type KeyChecker interface{ CheckKey(key string) error }

// MarkerPutter is a store that deletes what is current of a key, as PutMarker does, on the
// condition that it is the version that was seen: ErrPrecondition if it is another one, or if
// there is none.
type MarkerPutter interface {
	PutMarkerOn(ctx context.Context, bucket, key string, current Guard) (Written, error)
}

// ObjectChecker is a store whose service has no place for some of what objects carry. The error
// says what it would refuse of one, and holds nothing of its key.
type ObjectChecker interface{ CheckObject(o NewObject) error }

// PartSize is how large parts must be for an object to fit into so many as
// there may be, at least the size wanted; 0 if it does not fit.
func (l Limits) PartSize(object, wanted int64) int64 {
	size := wanted
	if l.Parts > 0 {
		size = max(size, (object+int64(l.Parts)-1)/int64(l.Parts))
	}
	if l.Part > 0 && size > l.Part {
		return 0
	}
	return size
}

// Addressed stores say exactly who answers: names of providers and regions are
// only what the configuration calls them.
type Addressed interface {
	// URL is where requests go to.
	URL() string
	// Account owns the buckets; empty if that is not known.
	Account(ctx context.Context) string
}

// MFADeleter tells whether a bucket deletes no version for good without a code of
// its root user's device (MFA delete).
type MFADeleter interface {
	MFADelete(ctx context.Context, bucket string) (bool, error)
}

// OwnerCheck says whether requests about buckets name the account that must own
// them, so that somebody else's bucket under an expected name is refused.
type OwnerCheck struct {
	Account  string `json:"account,omitempty"` // that every request names; empty: none is named
	By       string `json:"by,omitempty"`      // who says so
	Reason   string `json:"reason,omitempty"`  // why none is named
	Required bool   `json:"required,omitempty"`
}

func (c OwnerCheck) String() string {
	if c.Account == "" {
		return "not checked, because " + c.Reason
	}
	return "every request names " + c.Account + ", by " + c.By
}

// OwnerChecker is a store that can have the owners of buckets checked.
type OwnerChecker interface {
	OwnerCheck(ctx context.Context) OwnerCheck
}

// Caller is as whom a store is spoken to.
type Caller struct {
	ARN    string `json:"arn,omitempty"`    // as the service names it; empty: not determined
	Reason string `json:"reason,omitempty"` // why it was not
}

func (c Caller) String() string {
	if c.ARN == "" {
		return "not determined, because " + c.Reason
	}
	return c.ARN
}

// Identifier is a store that can tell as whom it is spoken to.
type Identifier interface {
	Caller(ctx context.Context) Caller
}

// Annotator counts what S3 calls annotations: things attached to a version that
// a copy of its bytes and headers does not have.
type Annotator interface {
	Annotations(ctx context.Context, ref Ref) (int, error)
}

// Encrypter is a store whose writes can ask for an encryption other than the bucket's own.
// Encrypt is for all that are made from then on: AES256 or KMS, there under a key, if one
// is named. Objects that name a key of their own are not concerned.
type Encrypter interface{ Encrypt(algorithm, key string) }

// Unguarder is a store whose service may take no writes under conditions. After Unguard
// each write under a Guard looks first what is current (HEAD) and is sent without a
// condition: what others write between the two is not seen.
type Unguarder interface{ Unguard() }

// UploadLister is a store that may not list unfinished uploads. Then its listings of them
// are empty, whatever there is, and ListsUploads is false once one was refused.
type UploadLister interface{ ListsUploads() bool }

// PartSizer tells how large the parts of a multipart object are without a request for
// each, and the checksum of the whole, which is zero where none is told. The error is
// ErrNotOffered where the service does not tell of this one's parts; its checksum may be
// told all the same.
type PartSizer interface {
	PartSizes(ctx context.Context, ref Ref) (sizes []int64, whole Checksum, err error)
}

// Numbered is a store whose service takes no version ID that it could not have given.
type Numbered interface {
	// AbsentVersion is an ID that the service takes, and that no version has.
	AbsentVersion() string
}

// AbsentVersion is an ID by which a store can be asked about a version that is not there.
func AbsentVersion(store any) string {
	if n, ok := store.(Numbered); ok {
		return n.AbsentVersion()
	}
	return NullVersion
}

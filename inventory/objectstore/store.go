package objectstore

import (
	"context"
	"io"
	"iter"
	"time"
)

// NullVersion is the version ID of an object written while its bucket had no
// versioning, or had it suspended. Such a version can be replaced in place.
const NullVersion = "null"

// Version is one entry as a listing shows it.
type Version struct {
	Key          string
	VersionID    string // NullVersion where the bucket assigns none
	ETag         string // without quotes; empty for a delete marker
	Size         int64  // bytes
	Modified     time.Time
	Marker       bool // a delete marker
	Latest       bool
	Kind         Kind
	StorageClass string
	Content      *Content // nil: what the ETag says, as S3 makes them; see Sum and Parts
	Restore      *Restore // nil: none was asked for; apart, for a long history is held whole
}

// Kind is what an object is, where a listing tells. The zero value is of one that can be copied, or of
// which that is not told.
type Kind uint8

// Objects that no copy elsewhere can be ("Understanding block blobs, append blobs, and page blobs").
const (
	PageBlob Kind = iota + 1
	AppendBlob
	OtherBlob
)

// String says what Info.Incomplete does; empty for what can be copied.
func (k Kind) String() string {
	return [...]string{PageBlob: "page blob", AppendBlob: "append blob", OtherBlob: "blob of an unknown kind"}[k]
}

// Restore is about a copy of an archived version that can be read for a while.
type Restore struct {
	Ongoing bool      // it was asked for, and is not there yet
	Until   time.Time // when it goes; zero while it is not there
}

// Readable tells whether the copy can be read at a time.
func (r *Restore) Readable(now time.Time) bool { return r != nil && !r.Ongoing && r.Until.After(now) }

// Upload is one unfinished multipart upload.
type Upload struct {
	Key       string
	UploadID  string
	Initiated time.Time
}

// Bucket is one bucket as the listing of an account shows it.
type Bucket struct {
	Name    string
	Region  string // empty if the endpoint did not tell
	Created time.Time
}

// Lister lists what buckets hold.
type Lister interface {
	// Versions yields every entry whose key begins with prefix and sorts after
	// the key after, in byte order of keys; within a key, newest first. If the
	// endpoint's order is not byte order it yields an error wrapping ErrOrder
	// and ends: a listing is whole or it has failed. An entry that the endpoint
	// lists under another key than its own, which is then not known, comes with an
	// error wrapping ErrUnlistable, at no certain place; behind it the listing goes
	// on for whoever can do without such entries (see Listable).
	Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[Version, error]
	// Uploads yields unfinished multipart uploads whose key begins with prefix. It
	// does with keys that the endpoint does not list as they are as Versions does.
	Uploads(ctx context.Context, bucket, prefix string) iter.Seq2[Upload, error]
}

// Ref names one version of an object. An empty VersionID means the current one.
type Ref struct {
	Bucket, Key, VersionID string
	ETag                   string // if set, the read fails with ErrPrecondition when it differs
	// CustomerKey names the key of a version under SSE-C that is to be copied;
	// reads find it out by themselves.
	CustomerKey string
}

// Checksum is one that the store keeps for an object.
type Checksum struct {
	Algorithm string `json:"algorithm"` // SHA256, CRC64NVME, CRC32, CRC32C, SHA1
	Value     string `json:"value"`     // base64, with "-parts" appended when composite
	Composite bool   `json:"composite,omitempty"`
}

// Tag is one of an object's or bucket's tags.
type Tag struct{ Key, Value string }

// Attributes is what an object carries besides its bytes.
type Attributes struct {
	ContentType        string
	CacheControl       string
	ContentDisposition string
	ContentEncoding    string
	ContentLanguage    string
	Expires            string // as the header stands
	WebsiteRedirect    string
	Metadata           map[string]string
	Tags               []Tag // sorted by key; filled only by those who ask for tags
	StorageClass       string
	Lock               Lock
	// Grants is the object's access control list, sorted; filled only by those
	// who ask for it, and empty where nobody but the owner has access.
	Grants []Grant
}

// Lock is what keeps a version from being deleted. Its zero value is none.
type Lock struct {
	Mode  string // GOVERNANCE or COMPLIANCE; empty: no retention
	Until time.Time
	Hold  bool
	Event EventHold
}

// EventHold keeps a version until it is released, and for so long after that. Its zero
// value is none.
type EventHold struct {
	On          bool
	Days, Years int // one of them, or neither
}

// At returns what is in force at a time: a retention that has ended neither protects nor can be
// set anew.
func (l Lock) At(now time.Time) Lock {
	if l.Mode == "" || !l.Until.After(now) {
		return Lock{Hold: l.Hold, Event: l.Event}
	}
	return l
}

// Same tells whether two locks are equal, retention to the second.
func (l Lock) Same(o Lock) bool {
	return l.Mode == o.Mode && l.Hold == o.Hold && l.Event == o.Event &&
		l.Until.Truncate(time.Second).Equal(o.Until.Truncate(time.Second))
}

// CustomerKey is how Encrypted names SSE-C, whose key only the customer has.
const CustomerKey = "SSE-C"

// Info describes one version, as GET and HEAD answer.
type Info struct {
	Attributes
	VersionID string
	ETag      string
	Size      int64 // of the whole object in bytes
	Length    int64 // of this answer's body in bytes: the part's when a part was asked for
	PartCount int   // of a multipart object, when a part was asked for; else 0
	TagCount  int
	Checksum  Checksum // zero if none is stored
	Sum       Checksum // what the service says of the bytes of the whole besides; zero if nothing
	KeyID     string   // of SSE-KMS, else empty
	Encrypted string   // the algorithm of server-side encryption, empty if not told
	Modified  time.Time
	Answered  time.Time // the endpoint's clock at its answer, in whole seconds; zero if not told
	// ArchiveStatus is the archive access tier that a version in INTELLIGENT_TIERING is
	// in, empty where it can be read.
	ArchiveStatus string
	// Restoring tells that an archived version is on its way back.
	Restoring bool
	// CustomerKey names the key that opened a version under SSE-C, by the key's
	// MD5 in base64. The key itself stays in the store.
	CustomerKey string
	// Incomplete says, in the answer's own terms, what the answer leaves out or was
	// altered in on its way; empty if it says nothing of the kind.
	Incomplete string
}

// Object is an open version; the caller closes Body.
type Object struct {
	Info
	Body io.ReadCloser
}

// Reader reads versions. Bodies come as stored, never decompressed.
type Reader interface {
	// Open starts reading a version; part > 0 asks for that part only.
	Open(ctx context.Context, ref Ref, part int) (*Object, error)
	// Stat describes a version, or one part of it.
	Stat(ctx context.Context, ref Ref, part int) (Info, error)
	// Tags returns the version's tags sorted by key.
	Tags(ctx context.Context, ref Ref) ([]Tag, error)
	// Lock returns the version's retention and legal hold. What Open and Stat
	// say of it is left out by some servers, and by S3 without the permission.
	Lock(ctx context.Context, ref Ref) (Lock, error)
}

// Guard is the condition under which a write may happen. The zero value
// demands nothing.
type Guard struct {
	Absent bool // no current version may exist
	// ETag and VersionID are those of the version that must be current. A service
	// compares the one or the other.
	ETag, VersionID string
}

// Current is the condition that a version that was seen is still current.
func (i Info) Current() Guard { return Guard{ETag: i.ETag, VersionID: i.VersionID} }

// Current is the condition that nothing has been written since.
func (w Written) Current() Guard { return Guard{ETag: w.ETag, VersionID: w.VersionID} }

// Body is bytes to be sent, with what is known of them beforehand.
type Body struct {
	io.Reader          // an io.Seeker where the bytes are in memory
	Size      int64    // bytes
	SHA256    string   // hex; empty: not known before sending
	MD5       string   // hex; empty: not known before sending
	Checksum  Checksum // to be checked and kept by the store; zero: none
	// CustomerKey names the key of the upload that a part goes to; see Info.
	CustomerKey string
}

// Written is what the store answered to a write.
type Written struct {
	VersionID string
	ETag      string
	Checksum  Checksum
	Sum       Checksum // what the service says of the bytes besides; zero if nothing
	Encrypted string   // the algorithm of server-side encryption, empty if not told
	// Answered is the endpoint's clock at its answer, in whole seconds; zero if not told.
	Answered time.Time
}

// Part is one part of a multipart upload.
type Part struct {
	Number   int
	Size     int64
	ETag     string
	Checksum Checksum
}

// NewObject says what is to be written.
type NewObject struct {
	Bucket, Key string
	Attributes
	Guard Guard
	// KMSKey encrypts the object under a KMS key of the destination; empty: as
	// the bucket's default says.
	KMSKey string
	// CustomerKey encrypts the object under SSE-C with the key of that name; see
	// Info.
	CustomerKey string
	// Explicit has a copy carry these attributes, in place of its source's.
	Explicit bool
	// Claimed has the service refuse a copy whose bytes do not have that checksum, and Size is how many
	// they are; of services that copy some versions alone (see [SomeCopier]).
	Claimed Checksum
	Size    int64
	// Algorithm and Composite choose the checksum that a multipart upload keeps.
	Algorithm string
	Composite bool
}

// Writer writes versions. No method retries by itself: a request whose answer
// was lost may have been done, and only its caller knows how to look.
type Writer interface {
	Put(ctx context.Context, o NewObject, body Body) (Written, error)
	PutMarker(ctx context.Context, bucket, key string) (Written, error)

	CreateUpload(ctx context.Context, o NewObject) (uploadID string, err error)
	UploadPart(ctx context.Context, bucket, key, uploadID string, number int, body Body) (Part, error)
	CompleteUpload(ctx context.Context, o NewObject, uploadID string, parts []Part, full Checksum) (Written, error)
	AbortUpload(ctx context.Context, bucket, key, uploadID string) error

	// Copy copies within the endpoint, all attributes included, pinned to the
	// source's version and ETag. Sources above 5 GiB are refused by S3. Where CopiesSome is
	// true, see there what it takes.
	Copy(ctx context.Context, source Ref, o NewObject) (Written, error)
	// CopyPart copies a byte range of the source into a part.
	CopyPart(ctx context.Context, source Ref, first, last int64, bucket, key, uploadID string, number int) (Part, error)
}

// Deletion names one entry to be deleted for good.
type Deletion struct {
	Key, VersionID string
	ETag           string // for deletions guarded by it
	// Current is the ETag of a version that was its key's current one when it was listed last; empty: it was not, or
	// that is not known. Stores whose service deletes such a version in two steps begin with the first; others do not
	// look at it.
	Current string
}

// Eraser deletes single versions for good.
type Eraser interface {
	// Delete deletes versions by version ID in one request, up to 1,000 or what the
	// store's Limits say. The result has one error, or nil, per deletion in the order given.
	Delete(ctx context.Context, bucket string, entries []Deletion) ([]error, error)
	// DeleteIf deletes one version on the condition that its ETag is the given
	// one; ErrPrecondition if it is not. Without a version ID it is for buckets
	// without versions: where there are some, which gets a delete marker instead,
	// that marker is taken away again and the error is ErrNotOffered. That is also
	// what a service answers which compares nothing where a version is named.
	DeleteIf(ctx context.Context, bucket string, entry Deletion) error
	AbortUpload(ctx context.Context, bucket, key, uploadID string) error
}

// Versioning is a bucket's versioning state.
type Versioning string

// The three states of S3.
const (
	Unversioned Versioning = "unversioned"
	Enabled     Versioning = "enabled"
	Suspended   Versioning = "suspended"
)

// Conditioned is the ID by which a conditional deletion names a version. Amazon
// compares what is current, and where a version is named nothing at all (Amazon S3
// User Guide, "How to perform conditional deletes"): in a bucket without versions
// none is.
func (v Versioning) Conditioned(id string) string {
	if v == Unversioned && id == NullVersion {
		return ""
	}
	return id
}

// Administrator manages buckets.
type Administrator interface {
	// Buckets lists buckets. Those that were found come with the error of what could not be
	// looked at.
	Buckets(ctx context.Context) ([]Bucket, error)
	// BucketRegion returns the region of a bucket, ErrNotFound if there is none.
	BucketRegion(ctx context.Context, bucket string) (string, error)
	Versioning(ctx context.Context, bucket string) (Versioning, error)
	BucketTags(ctx context.Context, bucket string) ([]Tag, error)
	// CreateBucket creates a bucket in this store's region, with object lock if
	// asked for, which cannot be had later everywhere; ErrExists if it is there.
	CreateBucket(ctx context.Context, bucket string, lock bool) error
	SetVersioning(ctx context.Context, bucket string, v Versioning) error
	SetBucketTags(ctx context.Context, bucket string, tags []Tag) error
	DeleteBucket(ctx context.Context, bucket string) error
}

// Store is one region of a provider, seen with one set of credentials. Its
// methods may be called concurrently.
type Store interface {
	Lister
	Reader
	Writer
	Eraser
	Administrator
	Configurer
	// Endpoint identifies who answers: two stores with equal Endpoint see each
	// other's buckets and, where CopySource does not say otherwise, can copy between
	// them server-side.
	Endpoint() string
}

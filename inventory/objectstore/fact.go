package objectstore

import (
	"context"
	"iter"
	"time"
)

// Fact is what a service says of a bucket besides what it holds: where else its bytes are,
// how long they outlive a deletion, who can have them back.
type Fact struct {
	Rule string `json:"rule"` // a stable name: secondary-copy, soft-delete, …
	Text string `json:"text"` // one sentence, without a full stop
	// Regions are the codes of other regions that hold the bucket's bytes. They count for
	// every policy as the bucket's own does.
	Regions []string `json:"regions,omitempty"`
	// Later tells that what they hold is a second copy, which follows the bucket some time later and
	// which no listing shows.
	Later bool `json:"follows_later,omitempty"`
	// Keeps is for how long the service keeps what is deleted; 0: this fact is about something
	// else. Forever tells that nobody knows an end.
	Keeps   time.Duration `json:"keeps_ns,omitempty"`
	Forever bool          `json:"keeps_without_end,omitempty"`
	// Buckets are others that the service copies what is in the bucket to, by itself.
	Buckets []string `json:"copied_to_buckets,omitempty"`
	// Locks tells that whatever is written to the bucket cannot be deleted for a time, or until
	// somebody lifts a hold; Expires that some of it is deleted, or moved to another class, by
	// itself after a time.
	Locks   bool `json:"locks,omitempty"`
	Expires bool `json:"expires,omitempty"`
	// Folders tells that keys are paths, whose folders are there besides, with access rights of their own.
	Folders bool `json:"folders,omitempty"`
	// Unproven tells that the region which the bucket is shown in is somebody's word, and not
	// the service's.
	Unproven bool `json:"region_unproven,omitempty"`
	// Declared tells that the endpoint is one that the configuration names, whose place is its
	// word as well, as that of any service which is not one of the large clouds'.
	Declared bool `json:"endpoint_declared,omitempty"`
}

// Factual is a store whose service has such facts. An error is about what could not be
// looked at: the facts that come with it are those that could.
type Factual interface {
	Facts(ctx context.Context, bucket string) ([]Fact, error)
}

// Placed is a store that tells those of its Facts which say where else a bucket is kept. It takes
// no more permission than to ask for the bucket's region.
type Placed interface {
	PlaceFacts(ctx context.Context, bucket string) ([]Fact, error)
}

// Replicating is a store that tells those of its Facts which say where its service copies what is
// written to a bucket. That takes a permission of its own.
type Replicating interface {
	ReplicationFacts(ctx context.Context, bucket string) ([]Fact, error)
}

// Deleted is an entry that was deleted, and that somebody can have back.
type Deleted struct {
	Version
	Until time.Time // when the service removes it; zero: not told
}

// DeletedLister is a store whose service keeps what is deleted for a time. Nothing of it is in
// a listing of versions.
type DeletedLister interface {
	// Deleted yields what is kept of keys that begin with prefix, in no certain order. Where
	// nothing is kept it yields nothing.
	Deleted(ctx context.Context, bucket, prefix string) iter.Seq2[Deleted, error]
}

// KeptOf yields what a store's service keeps of deletions, but for what this program had written
// for itself. Of a service that keeps nothing it yields nothing.
func KeptOf(ctx context.Context, store any, bucket, prefix string) iter.Seq2[Deleted, error] {
	return func(yield func(Deleted, error) bool) {
		lister, ok := store.(DeletedLister)
		if !ok {
			return
		}
		for d, err := range lister.Deleted(ctx, bucket, prefix) {
			if err == nil && (MayBeProbe(d.Version) || IsLease(d.Key)) {
				continue
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// Kept counts entries that were deleted and are kept. Its zero value has none.
type Kept struct {
	Entries, Bytes int64

	last   time.Time
	untold bool
}

// Add counts one.
func (k *Kept) Add(d Deleted) {
	k.Entries++
	k.Bytes += d.Size
	k.untold = k.untold || d.Until.IsZero()
	if d.Until.After(k.last) {
		k.last = d.Until.UTC()
	}
}

// Until is when the last of them goes; nil if there are none, or that is not told of all.
func (k *Kept) Until() *time.Time {
	if k.Entries == 0 || k.untold {
		return nil
	}
	last := k.last
	return &last
}

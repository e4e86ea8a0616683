package evidence

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// question is a claim and how it is asked. ask returns what was seen, and whether
// that is what is expected; its error is why nothing was.
type question struct {
	claim Claim
	ask   func(ctx context.Context) (observed string, as bool, err error)
}

type asking = func(ctx context.Context) (observed string, as bool, err error)

func about(id, claim, source, expected string, ask asking) question {
	return question{Claim{ID: id, Claim: claim, Source: source, Expected: expected}, ask}
}

const (
	guide      = "Amazon S3 User Guide, "
	reference  = "Amazon S3 API Reference, "
	deletions  = guide + `"How to perform conditional deletes"`
	writes     = guide + `"How to prevent object overwrites with conditional writes"`
	recordings = "recordings of other projects on the real service (localstack #13894, ministack #1475)"
)

// questions are all claims, in the order in which they are asked: the first ones
// make the buckets.
func (c *Collector) questions() []question {
	list := []question{
		about("caller", "STS tells whose the credentials are",
			"AWS STS API Reference, GetCallerIdentity", "an ARN", c.caller),
		about("bucket", "a bucket is made in the region that is asked",
			reference+"CreateBucket", "done", c.make(c.Near, c.plain, false)),
		about("bucket-versions", "a bucket is given versioning before anything is in it",
			reference+"PutBucketVersioning", "done", c.makeVersioned),
		about("bucket-later", "a bucket without versioning",
			reference+"CreateBucket", "done", c.make(c.Near, c.later, false)),
		about("bucket-locked", "a bucket is made with object lock",
			reference+"CreateBucket", "done", c.make(c.Near, c.locked, true)),
	}
	if c.Far != nil {
		list = append(list, about("bucket-away", "a bucket is made in another region",
			reference+"CreateBucket", "done", c.make(*c.Far, c.away, false)))
	}
	list = append(list, c.aboutDeletions()...)
	list = append(list, c.aboutWrites()...)
	list = append(list, c.aboutHistories()...)
	list = append(list, c.aboutBuckets()...)
	return append(list, c.aboutCopies()...)
}

func (c *Collector) caller(ctx context.Context) (string, bool, error) {
	who := c.Near.Store.Caller(ctx)
	return who.String(), who.ARN != "", nil
}

// make makes a bucket of our own.
func (c *Collector) make(at Region, name func() string, lock bool) asking {
	return func(ctx context.Context) (string, bool, error) {
		c.made = append(c.made, made{at, name()})
		return outcome(at.Store.CreateBucket(ctx, name(), lock), nil)
	}
}

func (c *Collector) makeVersioned(ctx context.Context) (string, bool, error) {
	if observed, as, err := c.make(c.Near, c.kept, false)(ctx); err != nil || !as {
		return observed, as, err
	}
	return outcome(c.Near.Store.SetVersioning(ctx, c.kept(), objectstore.Enabled), nil)
}

// outcome tells what came of a request that was to end so; nil: well.
func outcome(err, want error) (string, bool, error) {
	switch {
	case err == nil:
		return "done", want == nil, nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), objectstore.Outage(err):
		return "", false, err
	}
	return err.Error(), want != nil && errors.Is(err, want), nil
}

// coded is outcome for an answer of this code.
func coded(err error, status int, code string) (string, bool, error) {
	observed, _, unasked := outcome(err, nil)
	var answer *objectstore.Error
	return observed, errors.As(err, &answer) && answer.Status == status && (code == "" || answer.Code == code), unasked
}

const probe = "probe"

// put writes an object of our own.
func put(ctx context.Context, s Store, o objectstore.NewObject) (objectstore.Written, error) {
	return s.Put(ctx, o, body(objectstore.Body{}))
}

// body adds what is written to what is said of it.
func body(b objectstore.Body) objectstore.Body {
	b.Reader, b.Size = strings.NewReader(probe), int64(len(probe))
	return b
}

func object(bucket, key string) objectstore.NewObject {
	return objectstore.NewObject{Bucket: bucket, Key: key}
}

// deleting asks for a deletion of what is put for it.
func (c *Collector) deleting(
	bucket func() string, key string, d func(objectstore.Written) objectstore.Deletion,
	judge func(error) (string, bool, error),
) asking {
	return func(ctx context.Context) (string, bool, error) {
		s := c.Near.Store
		w, err := put(ctx, s, object(bucket(), key))
		if err != nil {
			return "", false, fmt.Errorf("%w: %w", errUnasked, err)
		}
		deletion := d(w)
		deletion.Key = key
		return judge(s.DeleteIf(ctx, bucket(), deletion))
	}
}

func (c *Collector) aboutDeletions() []question {
	precondition := func(err error) (string, bool, error) { return coded(err, 412, "PreconditionFailed") }
	refused := func(err error) (string, bool, error) { return coded(err, 501, "NotImplemented") }
	return []question{
		about("delete-if-other", "a bucket without versions compares a deletion's ETag",
			deletions, "412 PreconditionFailed",
			c.deleting(c.plain, "delete-if-other", func(objectstore.Written) objectstore.Deletion {
				return objectstore.Deletion{ETag: objectstore.ImpossibleETag}
			}, precondition)),
		about("delete-if-same", "and deletes what has it", deletions, "done",
			c.deleting(c.plain, "delete-if-same", func(w objectstore.Written) objectstore.Deletion {
				return objectstore.Deletion{ETag: w.ETag}
			}, func(err error) (string, bool, error) { return outcome(err, nil) })),
		about("delete-if-absent", "a condition on what is not there",
			recordings, "404 NoSuchKey", func(ctx context.Context) (string, bool, error) {
				absent := objectstore.Deletion{Key: "nobody-has-this", ETag: objectstore.ImpossibleETag}
				return coded(c.Near.Store.DeleteIf(ctx, c.plain(), absent), 404, "")
			}),
		about("delete-if-version", "a condition beside a version's ID", recordings, "501 NotImplemented",
			c.deleting(c.kept, "delete-if-version", func(w objectstore.Written) objectstore.Deletion {
				return objectstore.Deletion{VersionID: w.VersionID, ETag: w.ETag}
			}, refused)),
		about("delete-if-null", "a condition beside the ID null, in a bucket without versions",
			recordings, "501 NotImplemented",
			c.deleting(c.plain, "delete-if-null", func(w objectstore.Written) objectstore.Deletion {
				return objectstore.Deletion{VersionID: objectstore.NullVersion, ETag: w.ETag}
			}, refused)),
		about("delete-several-if-other", "DeleteObjects compares an entry's ETag",
			reference+"DeleteObjects, ObjectIdentifier", "PreconditionFailed of the entry",
			func(ctx context.Context) (string, bool, error) {
				const key = "delete-several"
				if _, err := put(ctx, c.Near.Store, object(c.plain(), key)); err != nil {
					return "", false, fmt.Errorf("%w: %w", errUnasked, err)
				}
				results, err := c.Near.Store.Delete(ctx, c.plain(),
					[]objectstore.Deletion{{Key: key, ETag: objectstore.ImpossibleETag}})
				if err != nil {
					return outcome(err, objectstore.ErrPrecondition)
				}
				return outcome(results[0], objectstore.ErrPrecondition)
			}),
	}
}

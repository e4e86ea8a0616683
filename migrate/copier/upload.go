package copier

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
)

// Unfinished is an upload that was begun.
type Unfinished struct {
	ID string
	// Shape is a digest of what it was begun for: the entry, everything that the
	// object is to carry, and how it is cut.
	Shape string
}

// Uploads remembers uploads from one attempt, and from one run, to the next. Its
// methods may be called concurrently.
type Uploads interface {
	Unfinished(e manifest.Entry) (Unfinished, bool)
	// Begun is told of an upload before the first part is sent.
	Begun(ctx context.Context, e manifest.Entry, u Unfinished) error
	// Ended is told that an upload is no more.
	Ended(e manifest.Entry)
}

// upload is one that is under way.
type upload struct {
	id     string
	entry  manifest.Entry
	target objectstore.NewObject
	there  map[int]objectstore.Part // parts that had arrived before
	told   atomic.Bool              // the destination has answered with a part's checksum
	taken  atomic.Bool              // some of them were taken without a look at their bytes
}

// shape ties an upload to what it is for. The condition is the completion's.
func shape(e manifest.Entry, target objectstore.NewObject, cut int64) (string, error) {
	target.Guard = objectstore.Guard{}
	text, err := json.Marshal(struct {
		Version, ETag string
		Size, Cut     int64
		Target        objectstore.NewObject
	}{e.VersionID, e.ETag, e.Size, cut, target})
	if err != nil {
		return "", fmt.Errorf("describe an upload: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// uploader sends objects in parts, and goes on with uploads that were begun before.
type uploader struct{ *ends }

const abortTime = 5 * time.Second

// begin starts an upload, or goes on with the one that was begun for the very
// same, in place of those of runs that died. cut says how the object is cut. With
// the error that it ends in, undo aborts the upload, unless another attempt or
// run can go on with it; with none it does nothing.
func (c *uploader) begin(
	ctx context.Context, e manifest.Entry, target objectstore.NewObject, cut int64,
) (u *upload, undo func(error) error, err error) {
	u = &upload{entry: e, target: target}
	is, err := shape(e, target, cut)
	if err != nil {
		return nil, nil, err
	}
	if err := c.resume(ctx, u, is); err != nil {
		return nil, nil, err
	}
	if err := c.abandon(ctx, u); err != nil {
		return nil, nil, err
	}
	undo = func(err error) error { return c.undo(ctx, u, err) }
	if u.id != "" {
		return u, undo, nil
	}
	if u.id, err = c.destination.CreateUpload(ctx, target); err != nil {
		return nil, nil, err
	}
	if c.remembers(u) {
		if err := c.Uploads.Begun(ctx, e, Unfinished{u.id, is}); err != nil {
			return nil, nil, c.abort(ctx, u, err)
		}
	}
	return u, undo, nil
}

// remembers tells whether an upload can be gone on with. What is under SSE-C
// cannot be held against anything.
func (c *uploader) remembers(u *upload) bool {
	_, lists := c.destination.(objectstore.PartLister)
	return c.Uploads != nil && lists && u.target.CustomerKey == ""
}

// resume finds the upload that was begun for the very same, if there is one, and
// what has arrived of it.
func (c *uploader) resume(ctx context.Context, u *upload, shape string) error {
	if !c.remembers(u) {
		return nil
	}
	known, ok := c.Uploads.Unfinished(u.entry)
	if !ok {
		return nil
	}
	if known.Shape == shape {
		parts, err := c.destination.(objectstore.PartLister).Parts(ctx, c.to, u.target.Key, known.ID)
		switch {
		case err == nil:
			u.id, u.there = known.ID, make(map[int]objectstore.Part, len(parts))
			for _, p := range parts {
				u.there[p.Number] = p
			}
			return nil
		case !errors.Is(err, objectstore.ErrNotFound) && !errors.Is(err, objectstore.ErrNotOffered):
			return err
		}
	}
	c.Uploads.Ended(u.entry)
	return nil
}

// abandon aborts other unfinished uploads of this key at the destination: only a
// run of this plan that died can have left them, for its keys are nobody else's.
func (c *uploader) abandon(ctx context.Context, u *upload) error {
	for x, err := range c.destination.Uploads(ctx, c.to, u.target.Key) {
		if err != nil {
			return err
		}
		if x.Key != u.target.Key || x.UploadID == c.Mark || x.UploadID == u.id {
			continue
		}
		if err := c.destination.AbortUpload(ctx, c.to, x.Key, x.UploadID); err != nil {
			return err
		}
	}
	return nil
}

// errUnfit reports parts that had arrived before and do not make the object.
var errUnfit = errors.New("the parts that an earlier upload left do not make up this object")

// undo ends an upload that failed.
func (c *uploader) undo(ctx context.Context, u *upload, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, objectstore.ErrNotFound) && !errors.Is(err, ErrDrift) {
		if c.Uploads != nil {
			c.Uploads.Ended(u.entry)
		}
		return err
	}
	if c.remembers(u) && (ctx.Err() != nil || c.continuable(err)) {
		return err
	}
	return c.abort(ctx, u, err)
}

// continuable tells whether what failed can be gone on with.
func (c *uploader) continuable(err error) bool {
	for _, end := range []error{errUnfit, errUneven, errIncomplete, objectstore.ErrCorrupt} {
		if errors.Is(err, end) {
			return false
		}
	}
	return objectstore.Hopeless(err) || worthwhile(err, 1) && !objectstore.Permanent(err)
}

// abort ends an upload. The context may have ended; the abort must still be
// tried, though not for long: the next run abandons what is left of this one.
func (c *uploader) abort(ctx context.Context, u *upload, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
	defer cancel()
	if c.Uploads != nil {
		c.Uploads.Ended(u.entry)
	}
	return errors.Join(err, c.destination.AbortUpload(ctx, u.target.Bucket, u.target.Key, u.id))
}

// arrived returns a part that had arrived before, if its bytes are these: by the
// checksum that the upload keeps, else by an ETag that is their MD5.
func (c *uploader) arrived(
	u *upload, number int, size int64, ours objectstore.Checksum, md5 func() string,
) (objectstore.Part, bool) {
	part, ok := u.there[number]
	if !ok || part.Size != size {
		return part, false
	}
	if ours.Algorithm != "" && part.Checksum.Algorithm == ours.Algorithm {
		ok = part.Checksum.Value == ours.Value
	} else {
		part.Checksum = ours
		ok = part.ETag == md5()
	}
	if ok {
		c.Copied(size)
	}
	return part, ok
}

func md5Of(data []byte) func() string {
	return func() string {
		sum := md5.Sum(data)
		return hex.EncodeToString(sum[:])
	}
}

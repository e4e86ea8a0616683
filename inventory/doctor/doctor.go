// Package doctor finds out, before anything is at stake, what endpoints can do
// and what credentials are allowed to. It asks about keys that do not exist and
// leaves nothing behind.
package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Outcome is what a check came to.
type Outcome string

// Only Failed is in the way; NotOffered has a consequence that is named.
const (
	OK         Outcome = "ok"
	Failed     Outcome = "failed"
	NotOffered Outcome = "not offered"
	NotKnown   Outcome = "not known"
)

// Check is one thing that was found out.
type Check struct {
	Place   string  `json:"place"` // provider:region or provider:bucket
	What    string  `json:"check"`
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail,omitempty"` // why, and what follows
	Rate    *Rate   `json:"rate,omitempty"`   // of StreamRate
}

// Store is what is examined.
type Store = objectstore.Store

// Doctor examines stores.
type Doctor struct {
	Now    func() time.Time
	Cache  Cache // of what endpoints can do; nil: none
	Checks []Check
}

func (d *Doctor) note(place, what string, outcome Outcome, detail string) {
	d.Checks = append(d.Checks, Check{Place: place, What: what, Outcome: outcome, Detail: detail})
}

// judge notes a check whose error is its answer.
func (d *Doctor) judge(place, what string, err error) bool {
	switch {
	case err == nil:
		d.note(place, what, OK, "")
	case errors.Is(err, objectstore.ErrNotOffered):
		d.note(place, what, NotOffered, err.Error())
	default:
		d.note(place, what, Failed, err.Error())
	}
	return err == nil
}

// maxSkew is how far apart clocks may be: S3 refuses requests that are 15
// minutes off (Amazon S3 API Reference, "Error responses",
// RequestTimeTooSkewed).
const maxSkew = 5 * time.Minute

// Region examines one region: credentials, clock, and whether its buckets are
// where the configuration says.
func (d *Doctor) Region(ctx context.Context, provider, region string, store Store) {
	place := at(provider, region)
	buckets, err := store.Buckets(ctx)
	var answer *objectstore.Error
	if errors.As(err, &answer) && (answer.Code == "AuthorizationHeaderMalformed" || answer.Code == "PermanentRedirect") {
		d.note(place, "is where the configuration says", Failed, err.Error()+"; the endpoint belongs to another region")
		return
	}
	if !d.judge(place, "credentials, list buckets", err) {
		return
	}
	if there, err := clock(ctx, store); d.judge(place, "clock", err) {
		skew := d.Now().Sub(there).Round(time.Second)
		c := &d.Checks[len(d.Checks)-1]
		if c.Detail = fmt.Sprintf("%s apart", skew.Abs()); skew.Abs() > maxSkew {
			c.Outcome = Failed
			c.Detail += "; set this machine's clock"
		}
	}
	for _, b := range buckets {
		found, err := store.BucketRegion(ctx, b.Name)
		switch {
		case err != nil:
			continue // each bucket that matters is examined by itself
		case found == "":
			d.note(place, "is where the configuration says", NotKnown, "the endpoint does not say where its buckets are")
		case found != region && b.Region == "":
			d.note(place, "is where the configuration says", Failed, "the endpoint says that it is "+found)
		default:
			d.note(place, "is where the configuration says", OK, "")
		}
		return
	}
	d.note(place, "is where the configuration says", NotKnown, "it has no bucket to ask about")
}

// at names a region of a provider, or the provider where one address is asked for all.
func at(provider, region string) string {
	if region == "" {
		return provider
	}
	return provider + ":" + region
}

// name is a key that nobody has.
func name() string { return ".residency-doctor-" + strings.ToLower(rand.Text()) }

// Source examines a bucket that is to be moved away from.
func (d *Doctor) Source(ctx context.Context, provider, bucket string, store Store) {
	place := provider + ":" + bucket
	v, readable := d.readable(ctx, place, bucket, store)
	if !readable {
		return
	}
	key := name()
	_, err := store.Stat(ctx, objectstore.Ref{Bucket: bucket, Key: key}, 0)
	if errors.Is(err, objectstore.ErrNotFound) {
		err = nil
	}
	d.judge(place, "read objects", err)
	_, err = store.Tags(ctx, objectstore.Ref{Bucket: bucket, Key: key})
	d.judge(place, "read tags", ignore(err, objectstore.ErrNotFound))
	_, err = store.Lock(ctx, objectstore.Ref{Bucket: bucket, Key: key})
	// A bucket without locks rejects the question.
	d.judge(place, "read retention and legal hold", ignore(err, objectstore.ErrNotFound, objectstore.ErrRejected))
	// The version of a key that does not exist: there is nothing to delete.
	absent := objectstore.AbsentVersion(store)
	results, err := store.Delete(ctx, bucket, []objectstore.Deletion{{Key: key, VersionID: absent}})
	if err == nil {
		err = results[0]
	}
	if err != nil && !errors.Is(err, objectstore.ErrDenied) && !errors.Is(err, objectstore.ErrCredentials) {
		err = nil // it was allowed, and there was nothing
	}
	if d.judge(place, "delete versions", err) && v != "" {
		// Where nothing is, some say that it is deleted, whatever the condition.
		asked := unmet(ctx, bucket, key, v.Conditioned(objectstore.NullVersion), store)
		if errors.Is(asked, objectstore.ErrRejected) && absent != objectstore.NullVersion {
			d.note(place, VersionsCompared, OK, "no version there is without an ID, by which it is deleted")
		} else {
			d.judgeCondition(place, ConditionalDeletesOf(v), asked, NotKnown)
		}
	}
	d.settings(ctx, place, bucket, store)
	d.facts(ctx, place, bucket, store)
}

// settings notes which of a bucket's settings are not there.
func (d *Doctor) settings(ctx context.Context, place, bucket string, store Store) {
	var absent []string
	for _, s := range objectstore.Settings() {
		_, err := store.Setting(ctx, bucket, s)
		switch {
		case errors.Is(err, objectstore.ErrNotOffered):
			absent = append(absent, string(s))
		case err != nil:
			d.note(place, "read its "+string(s), Failed, err.Error())
		}
	}
	switch len(absent) {
	case 0:
		d.note(place, "settings", OK, "")
	case len(objectstore.Settings()):
		d.note(place, "settings", NotOffered, "none that could be carried but versioning and tags")
	default:
		d.note(place, "settings", NotOffered, strings.Join(absent, ", "))
	}
}

// ignore drops an error that is an answer: the key does not exist.
func ignore(err error, answers ...error) error {
	for _, a := range answers {
		if errors.Is(err, a) {
			return nil
		}
	}
	return err
}

// clock is the endpoint's, of one that tells it.
func clock(ctx context.Context, store Store) (time.Time, error) {
	if timed, ok := store.(objectstore.Timed); ok {
		return timed.Time(ctx)
	}
	return time.Time{}, objectstore.ErrNotOffered
}

// encodesKeys tells whether listings come with keys that can be read as they are.
func encodesKeys(ctx context.Context, store Store, bucket string) (bool, error) {
	if encoder, ok := store.(objectstore.KeyEncoder); ok {
		return encoder.EncodesKeys(ctx, bucket)
	}
	for _, err := range store.Versions(ctx, bucket, "", "") {
		return err == nil, err
	}
	return true, nil
}

// readable examines what listing needs. It returns the bucket's versioning, empty if
// that is not told, and whether listing is possible.
func (d *Doctor) readable(
	ctx context.Context, place, bucket string, store Store,
) (v objectstore.Versioning, readable bool) {
	encodes, err := encodesKeys(ctx, store, bucket)
	if !d.judge(place, "list versions", err) {
		return "", false
	}
	if encodes {
		d.note(place, EscapedKeys, OK, "")
	} else {
		d.note(place, EscapedKeys, NotOffered, otherwise(EscapedKeys))
	}
	for _, err := range store.Uploads(ctx, bucket, "") {
		if err != nil {
			d.note(place, "list unfinished uploads", Failed, err.Error())
			return "", true
		}
		break
	}
	d.note(place, "list unfinished uploads", OK, "")
	v, err = store.Versioning(ctx, bucket)
	if d.judge(place, "versioning", err) {
		d.Checks[len(d.Checks)-1].Detail = string(v)
	}
	return v, true
}

// Destination examines a bucket that is to be moved to. Where there is none,
// only using it will tell.
func (d *Doctor) Destination(ctx context.Context, provider, bucket string, store Store) {
	place := provider + ":" + bucket
	if _, err := store.BucketRegion(ctx, bucket); errors.Is(err, objectstore.ErrNotFound) {
		d.note(place, "write objects", NotKnown, "the bucket does not exist yet; migrate creates it")
		return
	} else if err != nil {
		d.judge(place, "see the bucket", err)
		return
	}
	v, readable := d.readable(ctx, place, bucket, store)
	if !readable {
		return
	}
	d.facts(ctx, place, bucket, store)
	key := name()
	upload, err := store.CreateUpload(ctx, objectstore.NewObject{Bucket: bucket, Key: key})
	if !d.judge(place, "write objects", err) {
		return
	}
	d.judge(place, "abort uploads", store.AbortUpload(ctx, bucket, key, upload))
	if err := d.endpoint(ctx, place, bucket, v, store); err != nil {
		d.note(place, "what the endpoint supports", Failed, err.Error())
		return
	}
	d.rate(ctx, place, bucket, store)
}

// refuses writes what an endpoint that checks must refuse, and takes it away
// again where it does not.
func (d *Doctor) refuses(
	ctx context.Context, place, bucket string, store Store, what string, want error, body objectstore.Body,
) {
	key := name()
	body.Reader, body.Size = strings.NewReader("probe"), 5
	written, err := store.Put(ctx, objectstore.NewObject{Bucket: bucket, Key: key}, body)
	switch {
	case errors.Is(err, want), errors.Is(err, objectstore.ErrNotFound):
		d.note(place, what, OK, "")
		return
	case err != nil:
		d.note(place, what, Failed, err.Error())
		return
	}
	results, err := store.Delete(ctx, bucket, []objectstore.Deletion{{Key: key, VersionID: written.VersionID}})
	if err == nil {
		err = results[0]
	}
	if err != nil {
		d.note(place, what, Failed, fmt.Sprintf("it was written, and could not be removed again (%s): %v", key, err))
		return
	}
	d.note(place, what, NotOffered, otherwise(what))
}

package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
)

// meddle is what people do to the destination's buckets between a plan and its
// run, or during it: they make one of the name that was planned, or give the one
// that is there settings of their own.
func (w *world) meddle() {
	ctx, d, store := context.Background(), w.fate, w.destination.Region(eu)
	bucket := w.target(pick(d, w.places...).bucket)
	w.meddled++
	lock := d.one(0.2) && w.options.aborts == 0
	if err := store.CreateBucket(ctx, bucket, lock); err == nil {
		w.say("  people made the bucket %s, lock %t", bucket, lock)
		w.makers[bucket] = nobody
		if d.one(0.6) {
			must(store.SetVersioning(ctx, bucket, objectstore.Enabled))
		}
		if lock && d.one(0.5) {
			must(store.SetSetting(ctx, bucket, objectstore.ObjectLock,
				[]byte(`{"ObjectLockEnabled":"Enabled","Rule":{"DefaultRetention":{"Mode":"GOVERNANCE","Days":1}}}`)))
		}
		if w.dressed(bucket); d.one(0.4) {
			return
		}
	}
	defer w.dressed(bucket)
	switch d.below(4) {
	case 0:
		who := pick(d, "acme", "globex")
		w.say("  people tagged the bucket %s: %s", bucket, who)
		must(store.SetBucketTags(ctx, bucket, []objectstore.Tag{{Key: "customer", Value: who}}))
	case 1:
		w.say("  people gave the bucket %s a policy", bucket)
		must(store.SetSetting(ctx, bucket, objectstore.Policy,
			fmt.Appendf(nil,
				`{"Version":"2012-10-17","Statement":[{
					"Sid":"Own","Effect":"Deny","Principal":"*","Action":["s3:DeleteObject"],
					"Resource":["arn:aws:s3:::%s/never/*"]}]}`, bucket)))
	case 2:
		w.say("  people suspended versioning of the bucket %s", bucket)
		_ = store.SetVersioning(ctx, bucket, objectstore.Suspended) // not where objects are locked
		w.suspended[bucket] = w.step
	case 3:
		w.say("  people gave the bucket %s an encryption", bucket)
		must(store.SetSetting(ctx, bucket, objectstore.Encryption,
			[]byte(`{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}`)))
	}
}

// nobody made a bucket that people made and left as new ones are: a plan that has
// asked for it cannot tell.
const nobody = "nobody"

// several plans have asked for a bucket at the same moment; none of them can tell
// who made it, as long as it is as new ones are.
const several = "several"

// dressed: people have given a bucket what shows that it is theirs, unless a plan
// had taken it for its own before.
func (w *world) dressed(bucket string) {
	if w.makers[bucket] == nobody && !w.bare(bucket) && !slices.ContainsFunc(w.operators,
		func(op *operator) bool { return op.took(bucket) }) {
		w.makers[bucket] = "people"
	}
}

// took tells whether the plan has on record that the bucket is its own.
func (w *operator) took(bucket string) bool {
	var record struct {
		Buckets []struct {
			Bucket string
			Made   bool
		}
	}
	if w.plan == nil || json.Unmarshal(w.durable(w.plan.ID+"/buckets.json"), &record) != nil {
		return false
	}
	for _, b := range record.Buckets {
		if b.Bucket == bucket && b.Made {
			return true
		}
	}
	return false
}

// bare tells whether a bucket is as new ones are: whoever asks for it at the same
// moment cannot tell who made it.
func (w *world) bare(bucket string) bool {
	ctx, store := context.Background(), w.destination.Region(eu)
	versioning, err := store.Versioning(ctx, bucket)
	if err != nil {
		return false
	}
	tags, err := store.BucketTags(ctx, bucket)
	must(err)
	policy, err := store.Setting(ctx, bucket, objectstore.Policy)
	must(err)
	lock, err := store.Setting(ctx, bucket, objectstore.ObjectLock)
	must(err)
	return versioning == objectstore.Unversioned && len(tags)+len(policy)+len(lock)+len(w.destination.Keys(bucket)) == 0
}

// configures: a plan gives settings to no bucket but the one that it made.
func (s store) configures(bucket, what string) {
	o := s.world.oracle
	if s.side != destination || bucket == stateBucket {
		return
	}
	by := s.world.makers[bucket]
	if by != s.operator.plan.ID && by != nobody && (s.world.bare(bucket) || s.operator.took(bucket)) {
		s.world.makers[bucket], by = several, several
	}
	if by != s.operator.plan.ID && by != nobody && by != several {
		o.violate("L8", "process %d set %s of the bucket %s, which %s made", s.number, what, bucket, by)
	}
}

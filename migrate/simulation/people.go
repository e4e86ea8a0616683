package simulation

import (
	"context"
	"crypto/md5"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
)

// keys that people use; some begin like others.
func keyNames() []string {
	return []string{"a", "a/b", "ab", "b", "c/1", "c/2", "d", "e ü", "z"}
}

// populate makes the source's buckets and their histories.
func (w *world) populate() {
	ctx, d := context.Background(), w.dice
	store := w.source.Region(us)
	for i := range d.between(1, 2) {
		p := place{bucket: fmt.Sprintf("bucket-%d", i), versioning: pick(d, objectstore.Enabled, objectstore.Enabled,
			objectstore.Unversioned, objectstore.Suspended, objectstore.Suspended)}
		if d.one(0.2) || w.options.customers {
			p.prefix = "c/"
		}
		if w.options.locks {
			p.versioning = objectstore.Enabled
		}
		if p.versioning == objectstore.Suspended && w.options.source.TrailingMarkers {
			p.versioning = objectstore.Enabled // its service has no such thing
		}
		must(store.CreateBucket(ctx, p.bucket, w.options.locks))
		if d.one(0.3) { // null versions below the others
			w.edits(p.bucket, d.between(0, 3))
		}
		if w.options.relapse {
			w.edits(p.bucket, w.fate.between(1, 4))
		}
		if p.versioning != objectstore.Unversioned {
			must(store.SetVersioning(ctx, p.bucket, objectstore.Enabled))
			w.edits(p.bucket, d.between(1, 12))
		}
		if p.versioning == objectstore.Suspended {
			must(store.SetVersioning(ctx, p.bucket, objectstore.Suspended))
		}
		w.edits(p.bucket, d.between(0, 5))
		if w.options.fence && w.luck.one(0.5) {
			must(store.SetSetting(ctx, p.bucket, objectstore.Policy, w.policy(p.bucket)))
		}
		if d.one(0.3) {
			must(store.SetBucketTags(ctx, p.bucket, []objectstore.Tag{{Key: "customer", Value: "acme"}}))
		}
		w.places = append(w.places, p)
	}
	if w.options.foreignFirst && !w.options.coupling.oneBucket {
		for _, p := range w.places {
			if d.one(0.7) {
				must(w.destination.Region(eu).CreateBucket(ctx, w.target(p.bucket), false))
				w.makers[w.target(p.bucket)] = "people"
				if p.versioning != objectstore.Unversioned && d.one(0.8) {
					must(w.destination.Region(eu).SetVersioning(ctx, w.target(p.bucket), objectstore.Enabled))
				}
				w.intrude(p)
			}
		}
	}
}

func (w *world) edits(bucket string, n int) {
	for range n {
		w.edit(bucket)
	}
}

// edit is one change that people make at the source.
func (w *world) edit(bucket string) {
	ctx, d := context.Background(), w.dice
	store := w.source.Region(us)
	key := pick(d, keyNames()...)
	defer w.oracle.look()
	w.say("  people at %s/%s:", bucket, key)
	what := d.below(10)
	if what < 2 && bucket == w.vanished {
		return // a marker without a version ID is like one that has vanished, and shows that it has not
	}
	switch what {
	case 0, 1:
		_, _ = store.PutMarker(ctx, bucket, key) // in a bucket without versions this deletes
	case 2:
		if history := w.source.History(bucket, key); len(history) > 0 {
			_, err := store.Delete(ctx, bucket, []objectstore.Deletion{{Key: key, VersionID: history[d.below(len(history))].ID}})
			must(err)
		}
	case 3:
		id, err := store.CreateUpload(ctx, objectstore.NewObject{Bucket: bucket, Key: key})
		if w.denied(err) {
			return
		}
		w.begun[id] = w.step
		w.say("    began an upload")
	case 4:
		w.upload(bucket, key)
	default:
		w.put(store, bucket, key)
	}
}

// retract deletes the newest version of a key whose copy is at the destination: what lies beneath it is
// current then, and has to be there.
func (w *world) retract() {
	type newest struct{ bucket, key, id string }
	var all []newest
	for _, p := range w.places {
		for _, key := range w.source.Keys(p.bucket) {
			h := w.source.History(p.bucket, key)
			if n := len(h) - 1; n > 0 && len(w.destination.History(w.target(p.bucket), key)) > n &&
				strings.HasPrefix(key, p.prefix) {
				all = append(all, newest{p.bucket, key, h[n].ID})
			}
		}
	}
	if len(all) == 0 {
		return
	}
	w.retracted++
	w.writes++
	defer w.oracle.look()
	x := pick(w.whim, all...)
	w.say("  people took back the newest of %s/%s:", x.bucket, x.key)
	_, err := w.source.Region(us).Delete(context.Background(), x.bucket,
		[]objectstore.Deletion{{Key: x.key, VersionID: x.id}})
	must(err)
}

// replace writes over a null version, which its ID does not tell; false if
// there is none.
func (w *world) replace(bucket string) bool {
	var keys, markers []string
	for _, key := range w.source.Keys(bucket) {
		h := w.source.History(bucket, key)
		switch newest := h[len(h)-1]; {
		case newest.ID != objectstore.NullVersion:
		case newest.Marker:
			markers = append(markers, key)
		default:
			keys = append(keys, key)
		}
	}
	if len(markers) > 0 && (len(keys) == 0 || w.dice.one(0.6)) {
		keys = markers
	}
	if len(keys) == 0 {
		return false
	}
	defer w.oracle.look()
	key := pick(w.dice, keys...)
	w.say("  people at %s/%s:", bucket, key)
	w.put(w.source.Region(us), bucket, key)
	return true
}

// overwrite writes over a null version by one of the same size.
func (w *world) overwrite(bucket string) {
	var current []*memstore.Version
	var keys []string
	for _, key := range w.source.Keys(bucket) {
		h := w.source.History(bucket, key)
		if newest := h[len(h)-1]; newest.ID == objectstore.NullVersion && newest.Size() > 0 {
			keys, current = append(keys, key), append(current, newest)
		}
	}
	if len(keys) == 0 {
		return
	}
	w.writes++
	defer w.oracle.look()
	i := w.fate.below(len(keys))
	w.bodies++
	body := strings.Repeat(fmt.Sprintf("%04d", w.bodies), int(current[i].Size())/4+1)[:current[i].Size()]
	w.say("  people at %s/%s:", bucket, keys[i])
	_, err := w.source.Region(us).Put(context.Background(), objectstore.NewObject{Bucket: bucket, Key: keys[i],
		Attributes: current[i].Attributes}, text(body))
	w.denied(err)
}

// text is a new body. Few are equal, and some are.
func (w *world) text() string {
	d := w.dice
	w.bodies++
	switch d.below(12) {
	case 0:
		return ""
	case 1, 2:
		return "often the same"
	case 3:
		return strings.Repeat(fmt.Sprintf("%04d", w.bodies), d.between(1000, 3000))
	}
	return fmt.Sprintf("body %04d", w.bodies)[:9] // of equal size
}

func (w *world) attributes() objectstore.Attributes {
	d := w.dice
	a := objectstore.Attributes{ContentType: pick(d, "", "text/plain")}
	if d.one(0.3) {
		a.Metadata = map[string]string{"owner": fmt.Sprint(d.below(9))}
	}
	if d.one(0.2) {
		a.CacheControl = "no-store"
	}
	if d.one(0.3) {
		a.Tags = []objectstore.Tag{{Key: "class", Value: fmt.Sprint(d.below(9))}}
	}
	return a
}

func (w *world) put(store *memstore.Store, bucket, key string) {
	text := w.text()
	body := objectstore.Body{Reader: strings.NewReader(text), Size: int64(len(text))}
	if w.dice.one(0.2) {
		body.Checksum = objectstore.Checksum{Algorithm: "SHA256"}
	}
	body.Checksum = objectstore.Checksum{}
	o := objectstore.NewObject{Bucket: bucket, Key: key, Attributes: w.attributes()}
	if w.options.locks && w.origin(bucket) == bucket {
		o.Lock = w.lock()
	}
	_, err := store.Put(context.Background(), o, body)
	w.denied(err)
}

// upload sends an object in parts.
func (w *world) upload(bucket, key string) {
	ctx, d := context.Background(), w.dice
	store := w.source.Region(us)
	o := objectstore.NewObject{Bucket: bucket, Key: key, Attributes: w.attributes()}
	if d.one(0.3) {
		o.Algorithm, o.Composite = "CRC32C", true
	}
	id, err := store.CreateUpload(ctx, o)
	if w.denied(err) {
		return
	}
	var parts []objectstore.Part
	for n := range d.between(1, 3) {
		w.bodies++
		text := fmt.Sprintf("part %d %04d;", n, w.bodies)
		p, err := store.UploadPart(ctx, bucket, key, id, n+1, objectstore.Body{Reader: strings.NewReader(text),
			Size: int64(len(text)), MD5: fmt.Sprintf("%x", md5.Sum([]byte(text)))})
		must(err)
		parts = append(parts, p)
	}
	_, err = store.CompleteUpload(ctx, o, id, parts, objectstore.Checksum{})
	must(err)
}

// intrude is one change that people make at the destination.
func (w *world) intrude(p place) {
	ctx, d := context.Background(), w.dice
	store, bucket := w.destination.Region(eu), w.target(p.bucket)
	if _, err := store.BucketRegion(ctx, bucket); err != nil || w.options.coupling.oneBucket {
		return
	}
	w.foreign++
	key := pick(d, append(keyNames(), "other", p.prefix+"z")...)
	defer w.oracle.look()
	w.say("  people at %s/%s:", bucket, key)
	history := w.destination.History(bucket, key)
	switch {
	case d.one(0.4) && len(history) > 0:
		_, err := store.Delete(ctx, bucket, []objectstore.Deletion{{Key: key, VersionID: history[d.below(len(history))].ID}})
		must(err)
	case d.one(0.2):
		_, _ = store.PutMarker(ctx, bucket, key)
	default:
		w.put(store, bucket, key)
	}
}

package simulation

import (
	"bytes"
	"context"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
)

// dated is longer than the date of a write tells nothing of it.
const dated = 3 * time.Second

// bares takes from a copy what it carries besides its bytes: its tags, or, where there are no
// versions, all, as a tool does that writes the same bytes anew.
func (w *world) bares() {
	if w.options.coupling.oneBucket {
		return
	}
	type copied struct {
		bucket, key string
		version     *memstore.Version
		anew        bool
	}
	var all []copied
	for _, p := range w.places {
		bucket := w.target(p.bucket)
		for _, key := range w.destination.Keys(bucket) {
			history := w.destination.History(bucket, key)
			for _, v := range history {
				if _, ours := w.oracle.copies[v]; !ours || v.Marker || own(key) {
					continue
				}
				anew := len(history) == 1 && v.ID == objectstore.NullVersion && len(v.Parts) == 0
				// Of what a service copied by itself no receipt knows tags.
				tagged := len(v.Tags) > 0 && !w.options.oneService
				if tagged || anew && len(v.Tags)+len(v.Metadata)+len(v.CacheControl) > 0 {
					all = append(all, copied{bucket, key, v, anew})
				}
			}
		}
	}
	if len(all) == 0 {
		return
	}
	w.barings++
	w.foreign++
	defer w.oracle.look()
	c := pick(w.loss, all...)
	if c.anew && (len(c.version.Tags) == 0 || w.options.oneService || w.loss.one(0.7)) {
		time.Sleep(dated)
		w.say("  people wrote %s/%s anew, with nothing but its bytes", c.bucket, c.key)
		w.anew(c.bucket, c.key)
		return
	}
	w.say("  people took the tags of %s/%s@%s", c.bucket, c.key, c.version.ID)
	w.destination.Untag(c.version)
	w.oracle.untagged[at(c.bucket, c.key)] = w.step
	w.oracle.bared(c.bucket, c.key)
}

// anew writes an object's bytes once more.
func (w *world) anew(bucket, key string) {
	ctx, store := context.Background(), w.destination.Region(eu)
	o, err := store.Open(ctx, objectstore.Ref{Bucket: bucket, Key: key}, 0)
	must(err)
	data, err := readAll(o)
	must(err)
	_, err = store.Put(ctx, objectstore.NewObject{Bucket: bucket, Key: key},
		objectstore.Body{Reader: bytes.NewReader(data), Size: int64(len(data))})
	w.denied(err)
}

// bared: people took what a copy carries. Of what was erased before, or had vanished, they took it themselves.
func (o *oracle) bared(bucket, key string) {
	k := at(bucket, key)
	o.spoiled[k] = max(o.world.step, 1)
	for _, r := range o.source[at(o.world.origin(bucket), key)] {
		if (r.erased || r.vanished) && !r.freed && !o.held(r) {
			r.freed = true
		}
	}
}

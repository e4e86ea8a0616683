package simulation

import (
	"context"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// vanish: another server answers for one of the sources, or its disk is not there. Nobody
// wanted that to be gone, and what is at the destination by then must stay.
func (w *world) vanish() {
	ctx, store := context.Background(), w.source.Region(us)
	p := pick(w.bar, w.places...)
	for _, records := range w.oracle.source {
		for _, r := range records {
			if r.bucket == p.bucket && strings.HasPrefix(r.key, p.prefix) && !r.gone && !w.oracle.held(r) {
				return
			}
		}
	}
	w.say("  all of %s/%s has vanished", p.bucket, p.prefix)
	w.vanished, w.oracle.vanishing = p.bucket, true
	for _, key := range w.source.Keys(p.bucket) {
		if !strings.HasPrefix(key, p.prefix) {
			continue
		}
		for _, v := range w.source.History(p.bucket, key) {
			_, err := store.Delete(ctx, p.bucket, []objectstore.Deletion{{Key: key, VersionID: v.ID}})
			must(err)
		}
	}
	w.oracle.look()
	w.oracle.vanishing = false
}

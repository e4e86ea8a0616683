package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// durable returns what a state file would have in it after a loss of power.
func (w *operator) durable(name string) []byte {
	if w.options.bucketState {
		o, err := w.destination.Region(eu).Open(context.Background(), objectstore.Ref{Bucket: stateBucket,
			Key: w.prefix() + name}, 0)
		if err != nil {
			return nil
		}
		data, _ := readAll(o)
		return data
	}
	data, err := w.disk.read(w.path()+"/"+name, true)
	if err != nil {
		return nil
	}
	return data
}

// durableNames lists the state files that would be there after a loss of power.
func (w *operator) durableNames() (names []string) {
	if w.options.bucketState {
		for _, key := range w.destination.Keys(stateBucket) {
			if name, ok := strings.CutPrefix(key, w.prefix()); ok {
				names = append(names, name)
			}
		}
		return names
	}
	w.disk.walk(w.path(), true, func(name string) {
		if !strings.Contains(name, "/.") {
			names = append(names, strings.TrimPrefix(name, w.path()+"/"))
		}
	})
	return names
}

// entryName names an entry of the source in the evidence.
type entryName struct {
	bucket, key, id string
	size            int64
}

// proof is what one receipts file says.
type proof struct {
	verified map[entryName]bool
	bad      int
}

// segments lists the durable files of one kind of the plan's last pass: each
// pass stands for itself.
func (w *operator) segments(kind string) (names []string) {
	if w.plan == nil {
		return nil
	}
	dirs := w.passDirs()
	for _, name := range w.durableNames() {
		if strings.HasPrefix(name, dirs[len(dirs)-1]+kind+"/") {
			names = append(names, name)
		}
	}
	return names
}

// passDirs are where the files of the plan's passes lie: its own directory, and
// one for each further pass that was not undone by an abort.
func (w *operator) passDirs() []string {
	dirs := []string{w.plan.ID + "/"}
	for {
		dir := fmt.Sprintf("%s/pass-%d/", w.plan.ID, len(dirs)+1)
		var pass struct{ Undone bool }
		if data := w.durable(dir + "pass.json"); data == nil || json.Unmarshal(data, &pass) == nil && pass.Undone {
			return dirs
		}
		dirs = append(dirs, dir)
	}
}

// evidence counts what is not verified, by receipts file.
func (w *operator) evidence() map[string]int {
	bad := make(map[string]int)
	for _, name := range w.segments("receipts") {
		bad[name] = w.proof(name).bad
	}
	return bad
}

// proof reads a receipts file; equal bytes are read once.
func (w *operator) proof(name string) *proof {
	data := w.durable(name)
	if p, ok := w.proofs[string(data)]; ok {
		return p
	}
	p := &proof{verified: make(map[entryName]bool)}
	bucket := w.bucketOf(name, receipt.Schema, data)
	for r, err := range state.Decode[receipt.Receipt](name, receipt.Schema, data) {
		if err != nil {
			p.bad++
			break
		}
		if r.Within && !w.within[entryName{bucket: w.target(bucket), key: string(r.Key), id: r.DestinationVersionID}] {
			w.oracle.violate("L7", "a receipt says of %s that its bytes went within the service, which has not copied it",
				at(bucket, string(r.Key)))
		}
		if r.Verdict == receipt.Verified {
			p.verified[entryName{bucket, string(r.Key), r.VersionID, r.Size}] = true
		} else {
			p.bad++
		}
	}
	w.proofs[string(data)] = p
	return p
}

// bucketOf is the source bucket that a file of a segment is about.
func (w *operator) bucketOf(name, schema string, data []byte) string {
	h, err := state.DecodeHeader(name, schema, data)
	if err != nil || h.Move >= len(w.plan.Moves) {
		return ""
	}
	return w.plan.Moves[h.Move].Bucket
}

// verified tells whether a durable receipt of the plan says so of an entry.
func (o *oracle) verified(r *record) bool {
	want := entryName{r.bucket, r.key, r.version.ID, r.version.Size()}
	w := o.operator()
	for _, name := range w.segments("receipts") {
		if w.proof(name).verified[want] {
			return true
		}
	}
	return false
}

// honest: the erasures may not say of an entry that it was erased while it is
// at the source, unless the source itself said so.
func (o *oracle) honest() {
	w := o.world.operator
	if w.lasting[notDone] {
		return
	}
	for _, name := range w.segments("erasures") {
		data := w.durable(name)
		bucket := w.bucketOf(name, receipt.ErasureSchema, data)
		for x, err := range state.Decode[receipt.Erasure](name, receipt.ErasureSchema, data) {
			if err != nil {
				break
			}
			records := o.source[at(bucket, string(x.Key))]
			// Null versions share one ID: the one that was erased can have a successor.
			if slices.ContainsFunc(records, func(r *record) bool { return r.erased && r.version.ID == x.VersionID }) {
				continue
			}
			for _, r := range records {
				if x.Outcome == receipt.Erased && r.version.ID == x.VersionID && r.planned && !r.gone && !w.pretended[r.version] {
					o.violate("L5", "the erasures say that %s/%s@%s was erased, and it is at the source", bucket, x.Key, x.VersionID)
				}
			}
		}
	}
}

// plans marks what the manifest of the operator's last pass has, and returns it in
// its order.
func (o *oracle) plans(w *operator) (entries []*record) {
	o.marked = w
	for _, records := range o.source {
		for _, r := range records {
			r.planned = false
		}
	}
	for _, name := range w.segments("manifest") {
		data := w.durable(name)
		bucket := w.bucketOf(name, manifest.Schema, data)
		for e, err := range state.Decode[manifest.Entry](name, manifest.Schema, data) {
			if err != nil {
				break
			}
			if !w.moves(bucket, string(e.Key)) {
				o.violate("L3", "the plan of %s has %s/%s, which is not its own", w.customer, bucket, e.Key)
			}
			if r := o.find(bucket, e); r != nil {
				r.planned = true
				entries = append(entries, r)
			}
		}
	}
	return entries
}

// find is the version that an entry of a manifest means: of null versions, the
// one that was there at the time it names, or one with the same bytes that has
// since taken its place and is equal in all, to that one or to what was copied.
func (o *oracle) find(bucket string, e manifest.Entry) *record {
	records := o.source[at(bucket, string(e.Key))]
	at := -1
	for i, r := range records {
		v := r.version
		if v.ID == e.VersionID && v.Marker == e.Marker && v.ETag == e.ETag && v.Size() == e.Size && v.Had(e.Modified) {
			at = i
		}
	}
	if at < 0 {
		return nil
	}
	for _, r := range slices.Backward(records[at+1:]) {
		if r.version.ID == e.VersionID && r.version.ETag == e.ETag && (same(records[at].version, r.version) || o.held(r)) {
			return r
		}
	}
	return records[at]
}

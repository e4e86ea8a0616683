package simulation

import (
	"context"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// durable returns what a state file would have in it after a loss of power.
func (w *world) durable(name string) []byte {
	if w.options.bucketState {
		o, err := w.destination.Region(eu).Open(context.Background(), objectstore.Ref{Bucket: stateBucket, Key: statePrefix + name}, 0)
		if err != nil {
			return nil
		}
		data, _ := readAll(o)
		return data
	}
	data, err := w.disk.read(statePath+"/"+name, true)
	if err != nil {
		return nil
	}
	return data
}

// durableNames lists the state files that would be there after a loss of power.
func (w *world) durableNames() (names []string) {
	if w.options.bucketState {
		for _, key := range w.destination.Keys(stateBucket) {
			names = append(names, strings.TrimPrefix(key, statePrefix))
		}
		return names
	}
	w.disk.walk(statePath, true, func(name string) {
		if !strings.Contains(name, "/.") {
			names = append(names, strings.TrimPrefix(name, statePath+"/"))
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

// evidence reads all receipts of the plan that is being carried out and counts
// what is not verified, by file.
func (w *world) evidence() map[string]int {
	bad := make(map[string]int)
	for _, name := range w.durableNames() {
		if w.plan != nil && strings.HasPrefix(name, w.plan.ID+"/") && strings.Contains(name, "receipts/") {
			bad[name] = w.proof(name).bad
		}
	}
	return bad
}

// proof reads a receipts file; equal bytes are read once.
func (w *world) proof(name string) *proof {
	data := w.durable(name)
	bucket := w.bucketOf(name, "receipts")
	known := bucket + "\x00" + string(data)
	if p, ok := w.proofs[known]; ok {
		return p
	}
	p := &proof{verified: make(map[entryName]bool)}
	for r, err := range state.Decode[receipt.Receipt](name, receipt.Schema, data) {
		if err != nil {
			p.bad++
			break
		}
		if r.Verdict == receipt.Verified {
			p.verified[entryName{bucket, string(r.Key), r.VersionID, r.Size}] = true
		} else {
			p.bad++
		}
	}
	w.proofs[known] = p
	return p
}

// bucketOf is the source bucket that a file of a segment is about.
func (w *world) bucketOf(name, kind string) string {
	for _, s := range w.plan.Segments {
		if strings.HasSuffix(name, "/"+s.File(kind)) {
			return w.plan.Moves[s.Move].Bucket
		}
	}
	return ""
}

// verified tells whether a durable receipt of the plan says so of an entry.
func (o *oracle) verified(r *record) bool {
	w := o.world
	want := entryName{r.bucket, r.key, r.version.ID, r.version.Size()}
	for _, name := range w.durableNames() {
		if w.plan != nil && strings.HasPrefix(name, w.plan.ID+"/") && strings.Contains(name, "receipts/") && w.proof(name).verified[want] {
			return true
		}
	}
	return false
}

// honest: the erasures may not say of an entry that it was erased while it is
// at the source, unless the source itself said so.
func (o *oracle) honest() {
	w := o.world
	if w.plan == nil || w.lasting[notDone] {
		return
	}
	for _, name := range w.durableNames() {
		if !strings.HasPrefix(name, w.plan.ID+"/") || !strings.Contains(name, "erasures/") {
			continue
		}
		bucket := w.bucketOf(name, "erasures")
		for x, err := range state.Decode[receipt.Erasure](name, receipt.ErasureSchema, w.durable(name)) {
			if err != nil {
				break
			}
			for _, r := range o.source[at(bucket, string(x.Key))] {
				if x.Outcome == receipt.Erased && r.version.ID == x.VersionID && r.planned && !r.gone {
					o.violate("L5", "the erasures say that %s/%s@%s was erased, and it is at the source", bucket, x.Key, x.VersionID)
				}
			}
		}
	}
}

// plans marks what the plan's manifest has, and returns it in its order.
func (o *oracle) plans() (entries []*record) {
	w := o.world
	for _, name := range w.durableNames() {
		if !strings.HasPrefix(name, w.plan.ID+"/") || !strings.Contains(name, "manifest/") {
			continue
		}
		bucket := w.bucketOf(name, "manifest")
		for e, err := range state.Decode[manifest.Entry](name, manifest.Schema, w.durable(name)) {
			if err != nil {
				break
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
// one that was there at the time it names.
func (o *oracle) find(bucket string, e manifest.Entry) *record {
	records := o.source[at(bucket, string(e.Key))]
	for _, r := range slices.Backward(records) {
		v := r.version
		if v.ID == e.VersionID && v.Marker == e.Marker && v.ETag == e.ETag && v.Size() == e.Size && v.Modified.Equal(e.Modified) {
			return r
		}
	}
	return nil
}

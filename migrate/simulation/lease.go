package simulation

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
)

// holding says who took a lease last.
type holding struct {
	bucket  string
	process *process
	by      string // whose plan
	version *memstore.Version
	until   time.Time
}

const leaseName = "/lease.json"

// isLease tells whether an object at the destination is a lease: of a plan in
// the state's bucket, or of what a plan reserves.
func isLease(bucket, key string) bool {
	return strings.HasSuffix(key, leaseName) && (bucket == stateBucket || own(key))
}

// lease tells whether the request is about what a plan reserves.
func (r *request) lease() bool { return strings.Contains(r.name, ".residency-reservation-") }

// leases is told of a lease that was written or removed: nobody may take one
// that has not ended.
func (o *oracle) leases(c change) {
	name := at(c.Bucket, c.Key)
	if c.Removed {
		if o.leased[name].version == c.Version {
			delete(o.leased, name) // given back
		}
		return
	}
	if c.actor == nil || c.Shown {
		return
	}
	var record struct{ Expires time.Time }
	body, err := o.world.destination.Region(eu).Open(context.Background(), objectstore.Ref{Bucket: c.Bucket, Key: c.Key,
		VersionID: c.Version.ID}, 0)
	must(err)
	data, err := readAll(body)
	must(err)
	if err := json.Unmarshal(data, &record); err != nil {
		o.violate("lease", "%s: %v", name, err)
		return
	}
	// What a plan reserves, the next process of the same state takes over at once.
	heir := c.Bucket != stateBucket && c.actor.operator.author() == o.leased[name].by
	if h := o.leased[name]; h.process != nil && h.process != c.actor && !heir && o.world.Now().Before(h.until) {
		o.violate("lease", "process %d took the lease that process %d has until %v", c.actor.number, h.process.number,
			h.until)
	}
	if o.leased[name] = (holding{c.Bucket, c.actor, c.actor.operator.author(), c.Version,
		record.Expires}); record.Expires.IsZero() {
		delete(o.leased, name)
	}
}

// mayChange: only who has the plan's lease, or had it when nobody took it since,
// may ask for a change at either end; and nobody may write customers' keys, or
// erase their originals, where another operator's plan has reserved them.
func (o *oracle) mayChange(r *request) {
	switch r.kind {
	case kindWrite, kindCopy, kindChange, kindDelete, kindErase:
	default:
		return
	}
	if r.bucket == stateBucket {
		return
	}
	has := o.world.disk.locks(r.process)
	for _, h := range o.leased {
		has = has || h.bucket == stateBucket && h.process == r.process
		if h.bucket == o.world.target(o.world.origin(r.bucket)) &&
			h.process.operator.customer == r.process.operator.customer && h.by != r.process.operator.author() &&
			r.kind != kindChange && !own(r.name) && o.world.Now().Before(h.until) {
			o.violate("reservation", "process %d asked to %s, which process %d has reserved until %v", r.process.number, r.name,
				h.process.number, h.until)
		}
	}
	if !has {
		o.violate("lease", "process %d, without the lease, asked to %s", r.process.number, r.name)
	}
}

package simulation

import (
	"encoding/json"
	"strings"
	"time"
)

// holding says who took the lease in the state's bucket last.
type holding struct {
	process *process
	until   time.Time
}

const leaseName = "/lease.json"

// leases is told of a lease that a process wrote in the state's bucket: it may
// not take one that has not ended.
func (o *oracle) leases(c change) {
	var record struct{ Expires time.Time }
	name := strings.TrimPrefix(c.Key, statePrefix)
	if err := json.Unmarshal(o.world.durable(name), &record); err != nil {
		o.violate("lease", "%s: %v", name, err)
		return
	}
	if h := o.leased[name]; h.process != nil && h.process != c.actor && o.world.Now().Before(h.until) {
		o.violate("lease", "process %d took the lease that process %d has until %v", c.actor.number, h.process.number, h.until)
	}
	if o.leased[name] = (holding{c.actor, record.Expires}); record.Expires.IsZero() {
		delete(o.leased, name)
	}
}

// mayChange: only who has the lease, or had it when nobody took it since, may
// ask for a change at either end.
func (o *oracle) mayChange(r *request) {
	switch r.kind {
	case kindWrite, kindCopy, kindChange, kindDelete, kindErase:
	default:
		return
	}
	if r.state {
		return
	}
	has := o.world.disk.locks(r.process)
	for _, h := range o.leased {
		has = has || h.process == r.process
	}
	if !has {
		o.violate("lease", "process %d, without the lease, asked to %s", r.process.number, r.name)
	}
}

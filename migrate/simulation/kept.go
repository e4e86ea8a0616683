package simulation

import (
	"errors"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate/state"
)

// soon is how long after a copy was written its verdict must be in the state: a
// second, and the requests that come between, one of them a look at tags, at up to a
// second each.
const soon = 17 * time.Second

// steady makes a world in which nothing happens but crashes, and time passes: what
// was proven before one need not be read again.
func (o options) steady(d *dice) options {
	return options{
		source: o.source, destination: o.destination, oneService: o.oneService, verify: o.verify, passes: o.passes,
		workers: 1, memory: o.memory,
		nothingElse: true, bucketState: true, latency: 1000, segmentEntries: 10, crashes: d.between(3, 7),
	}
}

// kept: a process may not read again what another of the same plan had copied long
// before it ended. One that was asked to stop, or may write no more for its lease is over,
// goes on for a while.
func (o *oracle) kept(p *process, at objectstore.Ref) {
	if !o.world.options.nothingElse || p.phase() != "copying" {
		return
	}
	var read *memstore.Version
	equal := 0
	history := o.world.source.History(at.Bucket, at.Key)
	for i, v := range history {
		if v.ID == at.VersionID || at.VersionID == "" && i == len(history)-1 {
			read = v
		}
	}
	for _, v := range history {
		if read != nil && same(read, v) {
			equal++
		}
	}
	if equal != 1 { // which of several was copied cannot be told
		return
	}
	for _, v := range o.world.destination.History(o.world.target(at.Bucket), at.Key) {
		if a, ours := o.copies[v]; ours && a.process != p && !a.process.stopped &&
			!errors.Is(a.process.err, state.ErrLeaseLost) && a.by == p.operator.author() && same(read, v) &&
			a.process.last.Sub(a.at) > soon {
			o.violate("kept", "%s is read again, which process %d had copied %v before it ended", ref(at), a.process.number,
				a.process.last.Sub(a.at))
		}
	}
}

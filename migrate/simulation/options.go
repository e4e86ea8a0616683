package simulation

import (
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
)

// options are what kind of world a seed is.
type options struct {
	source, destination memstore.Traits
	oneService          bool // both ends are one: copies are made by the service
	bucketState         bool // the state lies in the destination's object store
	verify              string
	passes              int
	keepSource          bool // erase is a command of its own
	workers             int
	segmentEntries      int
	memory              int64 // bytes of bodies in memory
	latency             int   // ms at most between two requests
	faultRate           float64
	faults              int // at most
	crashes             int // at most
	outages             int // at most
	writes              int // of people at the source while the process runs, at most
	writeRate           float64
	foreign             int // changes by people at the destination, at most
	foreignFirst        bool
	losesState          bool
	aborts              int // at most
	seconds             int // second processes at the same time, at most
	locks               bool
	fence               bool
	rivals              int // operators beside the first
	restores            int // of an old state, at most
	coupling            coupling
	meddles             int  // of people with the destination's buckets, at most
	overwrites          bool // null versions are written over while the source is erased, by bodies of the same size
	severs              int  // how often a process loses sight of its state alone
	relapse             bool // processes end while they erase, and people write before the next
	vanishes            bool // after one has, a source answers that nothing is there
	stumbles            bool // a process ends before what it wrote has a durable name, and a later one while it erases
	// deletions at the source are acknowledged and not done, and nobody else is there to be blamed
	undeletes   bool
	nothingElse bool // happens but crashes
	customers   bool // a second one has data in the same buckets
	veils       int  // how often the permission to read tags at the source is lost, at most
	blinds      bool // that happens while a process copies, which ends before it has looked again
	countsTags  bool // the source says of itself that its answers tell of tags
	rewinds     bool // the state of a run that copies comes back once a later one has begun to erase
	noRules     bool // no service has rules that deny writes
	retracts    int  // of people who delete what is newest at the source, at most
	some        bool // the one service copies some versions by itself alone
	barings     int  // of people who take from a copy what it carries, and leave its bytes, at most
	bars        int  // how often deletions of several entries at the source are denied for a while, at most
}

func newOptions(d, luck, fate, habit, veil, bar *dice) options {
	o := options{
		source: traits(d, habit), destination: traits(d, habit), oneService: d.one(0.15), bucketState: d.one(0.3),
		verify:     pick(d, "auto", "auto", "readback"),
		keepSource: d.one(0.2), workers: pick(d, 1, 1, 1, 2, 4), segmentEntries: d.between(2, 10), memory: 256 << 20,
		latency: pick(d, 0, 0, 3, 40, 1000),
	}
	if d.one(0.1) {
		o.memory = 8 << 10
	}
	o.passes = pick(d, 0, 1, 3)
	if o.oneService {
		o.destination = o.source
	}
	if d.one(0.8) {
		o.faults, o.faultRate = d.between(1, 12), pick(d, 0.02, 0.05, 0.2)
	}
	if d.one(0.25) {
		o.outages = d.between(1, 2)
	}
	if d.one(0.6) {
		o.crashes = d.between(1, 5)
	}
	if d.one(0.4) {
		o.writes, o.writeRate = d.between(1, 6), pick(d, 0.01, 0.03, 0.1)
	}
	if d.one(0.4) {
		o.foreign, o.foreignFirst = d.between(1, 3), d.one(0.3)
	}
	o.losesState = d.one(0.05)
	if luck.one(0.25) {
		o.aborts = luck.between(1, 3)
		o.keepSource = o.keepSource || luck.one(0.7)
		if o.writes == 0 && luck.one(0.5) {
			o.writes, o.writeRate = luck.between(1, 6), 0.03
		}
	}
	if luck.one(0.4) {
		o.seconds = luck.between(1, 3)
		o.bucketState = o.bucketState || luck.one(0.5)
	}
	// A copy under a lock cannot be taken back: an abort stops there.
	o.locks = luck.one(0.2) && o.aborts == 0
	if luck.one(0.2) {
		o.fence, o.source.IgnoresPolicy = true, luck.one(0.3)
		if o.oneService {
			o.destination = o.source
		}
		if o.writes == 0 && luck.one(0.7) {
			o.writes, o.writeRate = luck.between(1, 6), 0.05
		}
	}
	if fate.one(0.15) {
		o.rivals, o.losesState = fate.between(1, 2), false
	}
	if fate.one(0.16) {
		o.restores, o.losesState = 1, false
	}
	if fate.one(0.1) {
		o.meddles = fate.between(1, 3)
	}
	if o.overwrites = fate.one(0.2); o.overwrites && fate.one(0.7) {
		o.source.UnguardedDelete = true
	}
	// versitygw 1.8 does both.
	o.source.Promotes, o.source.GoneInvalid = fate.one(0.2), fate.one(0.2)
	o.destination.Promotes, o.destination.GoneInvalid = fate.one(0.2), fate.one(0.2)
	if o.oneService {
		o.destination = o.source
	}
	if fate.one(0.08) {
		o.severs, o.bucketState, o.losesState = fate.between(1, 2), true, false
	}
	if o.customers = fate.one(0.08); o.customers {
		o.rivals = max(o.rivals, 1)
	}
	if fate.one(0.1) {
		o.customers = false
		o.coupling, o.rivals, o.restores = newCoupling(fate), 0, 0
		if o.coupling.oneBucket {
			o.oneService, o.meddles = false, 0
		}
	}
	if o.relapse = fate.one(0.08) && o.coupling == (coupling{}); o.relapse {
		o.passes = max(o.passes, 1)
	}
	if o.undeletes = fate.one(0.05); o.undeletes {
		o.writes, o.rivals, o.restores, o.meddles, o.foreign, o.aborts = 0, 0, 0, 0, 0, 0
		o.coupling, o.relapse, o.customers, o.overwrites, o.keepSource, o.locks = coupling{}, false, false, false, false,
			false
		o.faults, o.faultRate = max(o.faults, 2), max(o.faultRate, 0.02)
	}
	o.stumbles = habit.one(0.08) && !o.bucketState
	o.veiled(veil)
	if bar.one(0.06) {
		o.bars = bar.between(1, 2)
	}
	if o.rewinds = bar.one(0.06); o.rewinds {
		o.restores, o.losesState, o.keepSource, o.undeletes, o.aborts, o.rivals = 1, false, false, false, 0, 0
		o.coupling, o.customers, o.locks = coupling{}, false, false
		o.relapse, o.crashes, o.passes = true, max(o.crashes, 4), max(o.passes, 1)
	}
	if o.vanishes = bar.one(0.05) && !o.rewinds && !o.undeletes && !o.locks && o.coupling == (coupling{}); o.vanishes {
		o.relapse, o.keepSource, o.crashes, o.passes = true, false, max(o.crashes, 4), max(o.passes, 1)
	}
	if fate.one(0.15) {
		return o.steady(fate)
	}
	return o
}

func traits(d, habit *dice) memstore.Traits {
	t := memstore.Traits{
		OpaqueETags: d.one(0.15), NoChecksums: d.one(0.2), NoDefaultChecksum: d.one(0.3), NoBodyHash: d.one(0.2),
		UnguardedDelete:  d.one(0.25),
		ComparesVersions: habit.one(0.5), GoneFailsDelete: d.one(0.5), MarkerIsPresence: d.one(0.4),
		PageSize: d.between(1, 5),
	}
	if d.one(0.15) {
		t.NoBodyHash, t.NoChecksums = true, true
	}
	if d.one(0.3) {
		t.Lacks = []objectstore.Setting{objectstore.Replication, objectstore.Website}
	}
	return t
}

// kinds makes ends of services that are not like S3: without delete markers, without
// rules that deny writes, or with conditions that name versions.
func (o *options) kinds(d *dice) {
	o.noRules = d.one(0.15)
	o.source.GuardsByID, o.destination.GuardsByID = d.one(0.15), d.one(0.15)
	if d.one(0.1) { // what has markers cannot move to where there are none
		o.source.NoMarkers, o.destination.NoMarkers = true, true
	}
	if o.oneService {
		o.destination = o.source
	}
}

// others makes ends of services that have no delete markers and show which keys are deleted, or
// that keep for a time what is deleted. steps tells which of the sources delete in two steps.
func (o *options) others(d, steps *dice) {
	if d.one(0.1) {
		o.source.TrailingMarkers, o.source.NoMarkers, o.destination.NoMarkers = true, false, false
		if o.source.TwoSteps = steps.one(0.3); o.source.TwoSteps {
			o.source.UnguardedDelete = false // the service has no conditions that it ignores
		}
	}
	if d.one(0.07) || o.source.TrailingMarkers && d.one(0.5) {
		o.destination.TrailingMarkers, o.destination.NoMarkers = true, false
	}
	for _, end := range []*memstore.Traits{&o.source, &o.destination} {
		if d.one(0.1) {
			end.Sum, end.OpaqueETags, end.NoChecksums = pick(d, "CRC32C", "CRC64NVME"), true, false
		}
	}
	if d.one(0.05) {
		o.source.Keeps = time.Duration(d.between(1, 48)) * time.Hour
	}
	if o.oneService {
		o.destination = o.source
	}
}

// whims has people take back what they wrote last, where the destination makes nothing current by
// itself. Elsewhere it is a deletion like others.
func (o *options) whims(d *dice) {
	if o.destination.TrailingMarkers && d.one(0.4) && !o.undeletes && !o.nothingElse {
		o.retracts = d.between(1, 2)
		o.passes = max(o.passes, 1)
	}
}

// copies has a service that is both ends copy some versions by itself alone.
func (o *options) copies(d *dice) { o.some = o.oneService && d.one(0.5) }

// bares has people take from copies what they carry besides their bytes, most often between the
// copy and the erase.
func (o *options) bares(d *dice) {
	if d.one(0.08) && !o.undeletes && !o.nothingElse {
		o.barings = d.between(1, 2)
		o.keepSource = o.keepSource || d.one(0.7) && !o.rewinds
	}
}

// veiled says what the source tells of tags, and to whom.
func (o *options) veiled(d *dice) {
	if d.one(0.1) {
		o.source.UncountedTags = true
	} else {
		o.countsTags = d.one(0.3)
	}
	if d.one(0.15) && !o.undeletes {
		o.veils = d.between(1, 2)
		if o.blinds = d.one(0.5); o.blinds {
			o.source.UncountedTags, o.countsTags = false, true
		}
	}
	if o.oneService {
		o.destination = o.source
	}
}

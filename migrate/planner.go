package migrate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/engine"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/state"
)

// Stores finds the store of a provider's region.
type Stores func(provider, region string) objectstore.Store

// Request says what is to be planned.
type Request struct {
	Customer    string
	Destination Region
	Verify      string // "auto" or "readback"
	// Inventory is a scan of this customer's places.
	Inventory *inventory.Inventory
	Exposures []inventory.Exposure // at the destination
	Stores    Stores
	// Country is where a provider's region is, empty if that is not known; nil
	// knows none.
	Country func(provider, region string) string
	// BucketName names the destination of a source bucket.
	BucketName func(bucket, sourceRegion string) string
	// Claims say whose data is, or would be moved, where; TagKey is the bucket tag
	// that says it too, empty for none.
	Claims       Claims
	TagKey       string
	KMSKey       string // of the destination's region, for what is under a KMS key at the source; may be empty
	AnyClass     bool   // the storage class is left to the destination, and not compared
	CustomerKeys bool   // keys of SSE-C are at hand
	// ExcludeUnlistable leaves at the source what it does not list as it is; else
	// that blocks.
	ExcludeUnlistable bool
	// WithoutSettings leaves behind what cannot be read of the source buckets' settings;
	// else that blocks.
	WithoutSettings bool
	Restore         string // the tier at which archived versions are to be restored; empty: they block
	Now             time.Time
	Progress        *engine.Progress
	// SegmentEntries is how many entries a segment has at most, but for one
	// key's history; 0: the default.
	SegmentEntries int
	// Spool keeps the manifest until its digest is known; nil: a temporary
	// directory.
	Spool state.Home
}

// Make lists the source, writes the manifest and the plan to home, and returns
// the plan. Nothing is copied before it is whole: the last page can hold a
// blocker, and a plan that is refused has changed nothing. Memory does not grow
// with the number of objects, only with the longest history. ErrNothing if all
// data is at the destination already.
func Make(ctx context.Context, home state.Home, r Request) (_ *Plan, err error) {
	if err := r.Destination.admissible(); err != nil {
		return nil, err
	}
	if r.Spool == nil {
		spool, err := os.MkdirTemp("", "residency-plan-*")
		if err != nil {
			return nil, fmt.Errorf("make room for the manifest: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(spool)) }()
		r.Spool = state.NewScratch(spool)
	}
	var restore *Restore
	if r.Restore != "" {
		restore = &Restore{Tier: r.Restore, Days: restoreDays}
	}
	r.Destination = r.Stores.located(ctx, r.Destination)
	p := &planner{Request: r, spool: r.Spool, plan: &Plan{
		Schema: PlanSchema, Created: r.Now.UTC(), Customer: r.Customer, Destination: r.Destination, Verify: r.Verify, KMSKey: r.KMSKey, AnyClass: r.AnyClass, Restore: restore, CustomerKeys: r.CustomerKeys, CustomerTag: r.TagKey, ExcludeUnlistable: r.ExcludeUnlistable, WithoutSettings: r.WithoutSettings,
		Blockers: []Issue{}, Warnings: []Issue{}, Exposures: r.Exposures, Parity: []Parity{},
	}}
	if r.AnyClass {
		p.warn(Issue{Rule: "storage-class", Location: p.plan.Destination.Provider + " " + p.plan.Destination.Code, Text: "storage classes are not sent and not compared, because destination.storage_class accepts any"})
	}
	if err := p.collect(ctx); err != nil {
		return nil, err
	}
	p.owners(ctx)
	if err := p.settle(ctx, home); err != nil {
		return nil, err
	}
	if err := p.store(ctx, home); err != nil {
		return nil, err
	}
	return p.plan, nil
}

type planner struct {
	Request
	plan    *Plan
	spool   state.Home
	uploads []Upload
	first   manifest.Entry // version of the move at hand
	// annotator is the move's source, as long as it seems to have annotations.
	annotator objectstore.Annotator
	held      []heldLine // of the segment being filled
}

func (p *planner) block(i Issue) { p.plan.Blockers = append(p.plan.Blockers, i) }
func (p *planner) warn(i Issue)  { p.plan.Warnings = append(p.plan.Warnings, i) }

func (p *planner) collect(ctx context.Context) error {
	r := p.Request
	for _, c := range r.Inventory.Coverage {
		if !c.Looked {
			where := c.Provider + " " + c.Region
			if c.Bucket != "" {
				where = c.Provider + ":" + c.Bucket
			}
			p.block(Issue{Rule: "not-looked-at", Location: where, Text: "could not be looked at, and may hold data of this customer: " + c.Reason,
				Remedy: "give access, or take the region out of the configuration"})
		}
	}
	var moves []Move
	for _, place := range r.Inventory.Places {
		if place.Customer != r.Customer || place.Provider == r.Destination.Provider && place.Region == r.Destination.Code {
			continue
		}
		// What has no name to go to blocks, and no service could be asked about it.
		if m := p.move(ctx, place); objectstore.CheckBucketName(m.Destination) == nil {
			moves = append(moves, m)
		}
	}
	p.clashes(moves)
	if err := p.claimed(ctx, moves); err != nil {
		return err
	}
	writer := manifest.NewWriter(func(ctx context.Context, name string, data []byte) error { return p.spool.Put(ctx, name, data) })
	writer.Stored = p.storeHeld
	writer.Entries = r.SegmentEntries
	for _, m := range moves {
		// A move of nothing has no number: the next one takes its place.
		i := len(p.plan.Moves)
		p.plan.Moves = append(p.plan.Moves, m)
		if err := p.add(ctx, i, writer); err != nil {
			return err
		}
	}
	var err error
	if p.plan.Segments, err = writer.Close(ctx); err != nil {
		return err
	}
	switch {
	case len(p.plan.Moves)+len(p.plan.Blockers) > 0:
	case len(moves) > 0:
		return fmt.Errorf("%w: the places of %s outside of %s hold nothing", ErrNothing, r.Customer, r.Destination)
	default:
		return fmt.Errorf("%w: all data of %s is in %s already", ErrNothing, r.Customer, r.Destination)
	}
	p.advise()
	return p.saveUploads(ctx)
}

// add plans one move, and takes it away again if there is nothing to move.
func (p *planner) add(ctx context.Context, index int, writer *manifest.Writer) error {
	if err := writer.Begin(ctx, index); err != nil {
		return err
	}
	m := &p.plan.Moves[index]
	source := p.Stores(m.Source.Provider, m.Source.Code)
	if err := p.list(ctx, index, source, writer); err != nil {
		return err
	}
	if m.Totals.Entries+m.Totals.Uploads+m.Unlistable == 0 {
		p.plan.Moves = p.plan.Moves[:index]
		return nil
	}
	p.plan.Totals.add(m.Totals)
	return p.configuration(ctx, source, m)
}

// saveUploads writes the list of unfinished uploads beside the manifest.
func (p *planner) saveUploads(ctx context.Context) error {
	if len(p.uploads) == 0 {
		return nil
	}
	list, data, err := encodeUploads(p.uploads)
	if err != nil {
		return err
	}
	p.plan.Uploads = list
	return p.spool.Put(ctx, uploadsFile, data)
}

func (p *planner) move(ctx context.Context, place inventory.Place) Move {
	m := Move{
		Source: p.Stores.located(ctx, Region{Provider: place.Provider, Code: place.Region, Country: place.Country, Operator: place.Operator, OperatorCountry: place.OperatorIn}),
		Bucket: place.Bucket, Prefix: place.Prefix, Versioning: place.Versioning,
		Destination: p.BucketName(place.Bucket, place.Region), Way: Streamed,
	}
	source, destination := p.Stores(place.Provider, place.Region), p.Stores(p.Destination.Provider, p.Destination.Code)
	if source.Endpoint() == destination.Endpoint() {
		m.Way = ServerSide
	}
	if err := objectstore.CheckBucketName(m.Destination); err != nil {
		p.block(Issue{Rule: "bucket-name", Location: m.From().String(), Text: "the destination's name cannot be had: " + err.Error(), Remedy: "set destination.bucket in the configuration"})
	}
	if len(place.Others) > 0 {
		p.block(Issue{Rule: "shared-bucket", Location: m.From().String(), Text: fmt.Sprintf("the location also holds data of others, under %d prefixes of the configuration", len(place.Others)),
			Remedy: "name this customer's own prefixes in the configuration"})
	}
	return m
}

// clashes finds moves whose keys could meet at the destination.
func (p *planner) clashes(moves []Move) {
	for i, a := range moves {
		for _, b := range moves[:i] {
			if p.plan.To(a).Overlaps(p.plan.To(b)) {
				p.block(Issue{Rule: ruleClash, Location: a.From().String(), Text: fmt.Sprintf("would share %s with %s", p.plan.To(a), b.From()), Remedy: "set destination.bucket in the configuration so that each has its own"})
			}
		}
	}
}

// list writes one move's entries to the manifest, beside the destination's
// listing.
func (p *planner) list(ctx context.Context, index int, source objectstore.Store, writer *manifest.Writer) error {
	m := &p.plan.Moves[index]
	beside, err := p.beside(ctx, m)
	if err != nil {
		return err
	}
	defer beside.stop()
	o := p.obstacles(m)
	p.first = manifest.Entry{}
	see := func(v objectstore.Version) manifest.Entry {
		p.frozen(v, o)
		o.fits.see(v)
		o.charged.see(v)
		if objectstore.IsProbe(v) {
			note(&o.probes, v.Key)
		}
		return manifest.FromVersion(v)
	}
	listing := objectstore.Listable(source.Versions(ctx, m.Bucket, m.Prefix, ""), func(v objectstore.Version) { note(&o.unlistable, v.Key) })
	var leases []objectstore.Version
	lease := func(v objectstore.Version) {
		if v.Marker || len(leases) == leasesRead {
			note(&o.named, v.Key)
		} else {
			leases = append(leases, v)
		}
	}
	for entries, err := range objectstore.HistoriesOf(apart(listing, lease), see) {
		if err != nil {
			return fmt.Errorf("list %s: %w", m.From(), err)
		}
		for i := range entries {
			m.Totals.count(entries[i])
		}
		if err := p.sample(ctx, source, m, entries, o); err != nil {
			return err
		}
		held, beneath, ok, err := beside.compare(entries)
		if err != nil {
			return fmt.Errorf("list %s: %w", p.plan.To(*m), err)
		}
		if m.Held += int64(held); !ok {
			note(&o.taken, string(entries[0].Key))
		}
		m.replicas += int64(beside.replicas)
		if beneath > 0 {
			note(&o.older, string(entries[0].Key))
		}
		if held > 0 {
			p.held = append(p.held, heldLine{Key: entries[0].Key, Entries: held})
		}
		if err := writer.Add(ctx, entries); err != nil {
			return err
		}
		p.Progress.Entries.Add(int64(len(entries)))
	}
	uploads := objectstore.Listable(source.Uploads(ctx, m.Bucket, m.Prefix), func(u objectstore.Upload) { note(&o.unlistable, u.Key) })
	for u, err := range uploads {
		if err != nil {
			return fmt.Errorf("list unfinished uploads of %s: %w", m.From(), err)
		}
		m.Totals.Uploads++
		if u.Key == objectstore.MarkKey {
			m.marks++
		}
		p.uploads = append(p.uploads, Upload{Move: index, Key: manifest.Key(u.Key), UploadID: u.UploadID, Initiated: u.Initiated.UTC()})
	}
	if err := p.leases(ctx, source, m, leases, o); err != nil {
		return err
	}
	o.report(p)
	p.unlistable(o.unlistable, m)
	if m.replicas > 0 {
		p.warn(Issue{Rule: "replicas", Location: p.plan.To(*m).String(), Count: m.replicas, Text: "entries at the destination have the version IDs of the source, as a replication makes them; whether removals are repeated too is tried before the first deletion, for some seconds, which a replication that lags can outlast; while any rule of the source is on, nothing is erased"})
	}
	return nil
}

// count adds one entry.
func (t *Totals) count(e manifest.Entry) {
	t.Entries++
	if e.Marker {
		t.Markers++
		return
	}
	t.Versions++
	t.Bytes += e.Size
	if strings.Contains(e.ETag, "-") {
		t.Multipart++
	}
	if archived(e.StorageClass) {
		t.Archived++
	}
}

// configuration records what the destination bucket is to be given.
func (p *planner) configuration(ctx context.Context, source objectstore.Store, m *Move) error {
	tags, err := source.BucketTags(ctx, m.Bucket)
	denied := errors.Is(err, objectstore.ErrDenied)
	if err != nil && !denied && !errors.Is(err, objectstore.ErrNotOffered) {
		return fmt.Errorf("tags of %s: %w", m.From(), err)
	}
	outcome := func(setting, outcome, detail string) {
		p.plan.Parity = append(p.plan.Parity, Parity{Bucket: bucketName(*m), Setting: setting, Outcome: outcome, Detail: detail})
	}
	outcome("versioning", carried, string(m.Versioning))
	tags = p.systemTags(m, tags)
	if denied {
		outcome("tags", notRead, "access denied")
		p.unread(bucketName(*m), "tags", true)
	} else if m.Prefix == "" {
		m.Tags = tags
		outcome("tags", carried, fmt.Sprintf("%d", len(tags)))
	} else if len(tags) > 0 {
		outcome("tags", notCarried, "they speak of the whole bucket, and only a prefix of it moves")
	}
	return p.settings(ctx, source, m)
}

// advise names what everybody should know before approving.
func (p *planner) advise() {
	for _, m := range p.plan.Moves {
		at := m.From().String()
		if n := m.Totals.Uploads - m.marks; n > 0 {
			p.warn(Issue{Rule: "unfinished-uploads", Location: at, Count: n, Text: "unfinished multipart uploads cannot be copied; erasing aborts them"})
		}
		if m.marks > 0 {
			p.warn(Issue{Rule: "residency-own", Location: at, Count: m.marks, Text: "another migration has this place for its destination and has not ended; its mark, an unfinished upload of residency's own, is aborted by erasing, and that migration finds its copies gone"})
		}
		if m.Leases > 0 {
			p.warn(Issue{Rule: "residency-own", Location: at, Count: m.Leases, Text: "leases of an earlier migration that was killed, which have ended, are residency's own; they are not moved, and are removed when the run starts"})
		}
		if m.Prefix != "" && !strings.HasSuffix(m.Prefix, "/") {
			p.warn(Issue{Rule: "open-prefix", Location: at, Text: "the prefix does not end in /, so it also holds keys that merely begin like it"})
		}
		if p.Restore != "" && m.Totals.Archived > 0 {
			p.warn(Issue{Rule: "restore", Location: at, Count: m.Totals.Archived, Text: fmt.Sprintf("archived versions are restored first, at tier %s and for %d days, which the source's account pays for; migrate asks for that, and is to be run again when they are there", p.Restore, restoreDays)})
		}
		p.adviseCopies(m)
		if m.Versioning == objectstore.Suspended {
			p.warn(Issue{Rule: "versioning-suspended", Location: at, Text: "versions with ID null get IDs of their own at the destination"})
		}
	}
	if slices.ContainsFunc(p.plan.Moves, func(m Move) bool { return m.Way == Streamed && m.Totals.Versions > 0 }) {
		p.warn(Issue{Rule: "transit", Text: "streamed bytes pass through the memory of the machine that runs migrate; the certificate names it, but where it stands is not determined"})
	}
	if p.plan.Totals.Versions > 0 {
		p.warn(Issue{Rule: "reassigned", Text: "version IDs and last-modified dates are assigned by the destination; receipts record which became which"})
	}
}

// storedAtOnce is how many files are stored at once: each waits for a disk to
// make it durable, or for a bucket to answer.
const storedAtOnce = 8

// store moves the manifest from the spool to its home, then saves the plan. If
// the same plan is there already it stands, with what was observed then: since,
// the destination may have been given copies by it.
func (p *planner) store(ctx context.Context, home state.Home) error {
	// One that could not be read again is not left for others to find.
	if err := errors.Join(p.plan.check(), p.plan.checkHeld()); err != nil {
		return fmt.Errorf("the plan contradicts itself, and was not stored: %w", err)
	}
	there, err := load(ctx, home, p.plan.ID)
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return err
	}
	names, err := p.spool.List(ctx, "")
	if err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(storedAtOnce)
	for _, name := range names {
		if there != nil && strings.HasPrefix(name, "held/") {
			continue
		}
		group.Go(func() error {
			data, err := p.spool.Get(groupCtx, filepath.ToSlash(name))
			if err != nil {
				return err
			}
			return home.Put(groupCtx, p.plan.ID+"/"+name, data)
		})
	}
	if err := errors.Join(group.Wait(), ctx.Err()); err != nil {
		return err
	}
	if there != nil {
		p.plan = there
		return nil
	}
	return p.plan.save(ctx, home)
}

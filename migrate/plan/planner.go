package plan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/state"
)

// Stores finds the store of a provider's region.
type Stores func(provider, region string) objectstore.Store

// Request says what is to be planned.
type Request struct {
	Customer    string
	Destination Region
	Verify      string // "auto" or "readback"
	Scope       Scope  // which of the customer's places are moved
	// Inventory is a scan of this customer's places.
	Inventory *inventory.Inventory
	Exposures []inventory.Exposure // at the destination
	// Safeguards are against them, at the destination.
	Safeguards []inventory.Exposure
	Stores     Stores
	// Country is where a provider's region is, empty if that is not known; nil
	// knows none.
	Country func(provider, region string) string
	// Allows tells whether the customer's policy allows data in a region; nil allows all.
	Allows func(code, country string) bool
	// BucketName names the destination of a source location.
	BucketName func(at objectstore.Location, sourceRegion string) string
	// Map has the names of single locations' destinations, which go before.
	Map map[string]string
	// Claims say whose data is, or would be moved, where; TagKey is the bucket tag
	// that says it too, empty for none.
	Claims       Claims
	TagKey       string
	KMSKey       string // of the destination's region, for what is under a KMS key at the source; may be empty
	Encryption   string // that writes to the destination ask for; empty: none
	AnyClass     bool   // the storage class is left to the destination, and not compared
	CustomerKeys bool   // keys of SSE-C are at hand
	// ExcludeUnlistable leaves at the source what it does not list as it is; else
	// that blocks.
	ExcludeUnlistable bool
	// WithoutSettings leaves behind what cannot be read of the source buckets' settings;
	// else that blocks.
	WithoutSettings bool
	// UnguardedWrites has each write look first what is under its key, in place of a
	// condition, which the destination's service then need not compare; else that blocks.
	UnguardedWrites bool
	// Seen tells what an endpoint was seen to do; nil: nothing is known.
	Seen Seen
	// AskRedirects has each version that a service copies by itself asked for a website
	// redirect, with a request more.
	AskRedirects bool
	// Stream has bytes pass through this machine also where a service could copy by itself.
	Stream bool
	// Charges is told of each entry; nil: nobody is.
	Charges  *Charges
	Restore  string // the tier at which archived versions are to be restored; empty: they block
	Now      time.Time
	Progress *progress.Progress
	// Planner is who plans, as the machine tells.
	Planner *certificate.Actor
	// Locate finds out where the planner's machine stands, if bytes would pass through it; nil:
	// what Planner says is all that is known.
	Locate func(*certificate.Actor)
	// NoTransit are countries that no byte may pass through on a machine that runs this
	// program.
	NoTransit []string
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
	if err := r.Destination.Admissible(); err != nil {
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
	r.Destination = r.Stores.Located(ctx, r.Destination)
	configuration := r.Inventory.Configuration
	d := &draft{Request: r, plan: &Plan{
		Schema: Schema, Created: r.Now.UTC(), Customer: r.Customer, Configuration: &configuration,
		Planner:     r.Planner,
		Destination: r.Destination, Verify: r.Verify,
		KMSKey: r.KMSKey, Encryption: r.Encryption, AnyClass: r.AnyClass, Restore: restore, CustomerKeys: r.CustomerKeys,
		CustomerTag: r.TagKey,
		All:         r.Scope.All, Sources: r.Scope.Sources, OfProvider: r.Scope.Provider,
		ExcludeUnlistable: r.ExcludeUnlistable,
		WithoutSettings:   r.WithoutSettings, AskRedirects: r.AskRedirects, UnguardedWrites: r.UnguardedWrites,
		Stream:   r.Stream,
		Blockers: []Issue{}, Warnings: []Issue{}, Exposures: r.Exposures, Safeguards: r.Safeguards, Parity: []Parity{},
	}}
	samples := &sampler{draft: d}
	p := &planner{draft: d, spool: r.Spool, settings: &settingsReader{d, samples}, destinations: &destinationReader{d},
		samples: samples}
	if r.AnyClass {
		p.warn(Issue{Rule: "storage-class", Location: p.plan.Destination.Provider + " " + p.plan.Destination.Code,
			Text: "storage classes are neither sent nor compared, because destination.storage_class accepts any"})
	}
	if err := p.collect(ctx); err != nil {
		return nil, err
	}
	p.transit()
	p.order()
	p.destinations.owners(ctx)
	if err := p.destinations.conditions(ctx); err != nil {
		return nil, err
	}
	if err := p.destinations.decideID(ctx, home); err != nil {
		return nil, err
	}
	if err := p.store(ctx, home); err != nil {
		return nil, err
	}
	return p.plan, nil
}

// planner lists the source and writes the manifest.
type planner struct {
	*draft
	settings     *settingsReader
	destinations *destinationReader
	samples      *sampler
	spool        state.Home
	uploads      []Upload
	held         []HeldLine // of the segment being filled
}

// draft is a plan in the making, and what was asked for.
type draft struct {
	Request
	plan *Plan
}

func (p *draft) block(i Issue) { p.plan.Blockers = append(p.plan.Blockers, i) }
func (p *draft) warn(i Issue)  { p.plan.Warnings = append(p.plan.Warnings, i) }

func (p *planner) collect(ctx context.Context) error {
	r := p.Request
	p.unclear()
	var moves []Move
	for _, place := range r.Inventory.Places {
		if place.Customer != r.Customer || place.Provider == r.Destination.Provider &&
			place.Region == r.Destination.Code {
			continue
		}
		if place.Error != "" || !r.Scope.Covers(place) {
			continue // what could not be looked at blocks already
		}
		why, scoped := r.Scope.Moves(place, r.Inventory.Policy)
		if !scoped {
			p.plan.Stays = append(p.plan.Stays, Stay{Location: place.Location().String(), Region: place.Region,
				Country: place.Country, Why: why})
			continue
		}
		// What has no name to go to blocks, and no service could be asked about it.
		m := p.move(ctx, place)
		m.Why = why
		p.facts(place, m)
		if objectstore.CheckBucketOf(p.Stores(r.Destination.Provider, r.Destination.Code), m.Destination) == nil {
			moves = append(moves, m)
		}
	}
	if err := p.destinations.claimed(ctx, moves); err != nil {
		return err
	}
	writer := manifest.NewWriter(func(ctx context.Context, name string, data []byte) error {
		return p.spool.Put(ctx, name, data)
	})
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
	p.clashes(p.plan.Moves) // but for those of nothing, such as what was moved before
	var err error
	if p.plan.Segments, err = writer.Close(ctx); err != nil {
		return err
	}
	switch {
	case len(p.plan.Moves)+len(p.plan.Blockers) > 0:
	case len(p.staying()) > 0:
		return remedy.Wrap(fmt.Errorf("%w: %s", ErrNothing, strings.Join(p.staying(), "; ")), "--all moves it too")
	case len(moves) > 0:
		return fmt.Errorf("%w: the locations of %s outside %s are empty", ErrNothing, r.Customer, r.Destination)
	default:
		return fmt.Errorf("%w: all data of %s is already in %s", ErrNothing, r.Customer, r.Destination)
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
	p.plan.Totals.Add(m.Totals)
	if err := p.destinations.oneRegion(ctx, m); err != nil {
		return err
	}
	if err := p.destinations.facts(ctx, m); err != nil {
		return err
	}
	return p.configuration(ctx, source, m)
}

// suspends tells whether the destination can have a move's versioning.
func (p *planner) suspends(m Move) bool {
	destination := p.Stores(p.Destination.Provider, p.Destination.Code)
	return m.Versioning != objectstore.Suspended || !objectstore.CapabilitiesOf(destination).NoMarkers
}

// saveUploads writes the list of unfinished uploads beside the manifest.
func (p *planner) saveUploads(ctx context.Context) error {
	if len(p.uploads) == 0 {
		return nil
	}
	list, data, err := EncodeUploads(p.uploads)
	if err != nil {
		return err
	}
	p.plan.Uploads = list
	return p.spool.Put(ctx, UploadsFile, data)
}

// configuration records what the destination bucket is to be given.
func (p *planner) configuration(ctx context.Context, source objectstore.Store, m *Move) error {
	tags, err := source.BucketTags(ctx, m.Bucket)
	denied := errors.Is(err, objectstore.ErrDenied)
	if err != nil && !denied && !errors.Is(err, objectstore.ErrNotOffered) {
		return fmt.Errorf("tags of %s: %w", m.From(), err)
	}
	outcome := func(setting, outcome, detail string) {
		p.plan.Parity = append(p.plan.Parity,
			Parity{Bucket: BucketName(*m), Setting: setting, Outcome: outcome, Detail: detail})
	}
	if p.suspends(*m) {
		outcome(VersioningRow, carried, string(m.Versioning))
	} else {
		outcome(VersioningRow, notCarried, "the destination's service cannot suspend versioning: it stays enabled")
	}
	tags = p.settings.systemTags(m, tags)
	if denied {
		outcome("tags", notRead, "access denied")
		p.settings.unread(BucketName(*m), "tags", true)
	} else if m.Prefix == "" {
		m.Tags = tags
		outcome("tags", carried, fmt.Sprintf("%d", len(tags)))
	} else if len(tags) > 0 {
		outcome("tags", notCarried, "applies to the whole bucket, but only a prefix is being moved")
	}
	return p.settings.settings(ctx, source, m)
}

// advise names what everybody should know before approving.
func (p *planner) advise() {
	for _, m := range p.plan.Moves {
		at := m.From().String()
		if n := m.Totals.Uploads - m.marks; n > 0 {
			p.warn(Issue{Rule: "unfinished-uploads", Location: at, Count: n,
				Text: "unfinished multipart uploads cannot be copied; erasing aborts them"})
		}
		if m.marks > 0 {
			p.warn(Issue{Rule: "residency-own", Location: at, Count: m.marks,
				Text: "this location is the destination of another migration that has not ended; erasing aborts its " +
					"mark, an unfinished upload made by residency, and that migration will find its copies gone"})
		}
		if m.Leases > 0 {
			p.warn(Issue{Rule: "residency-own", Location: at, Count: m.Leases,
				Text: "expired leases of an earlier migration that was killed are residency's own; they are not " +
					"moved, and are removed when the run starts"})
		}
		if m.Prefix != "" && !strings.HasSuffix(m.Prefix, "/") {
			p.warn(Issue{Rule: "open-prefix", Location: at,
				Text: "the prefix does not end in /, so it also matches keys that merely begin with it"})
		}
		if p.Restore != "" && m.Totals.Archived > 0 {
			p.warn(Issue{Rule: "restore", Location: at, Count: m.Totals.Archived,
				Text: fmt.Sprintf("archived versions are restored first, at tier %s for %d days, at the cost of the "+
					"source's account; migrate requests this; run it again when they are available", p.Restore,
					restoreDays)})
		}
		p.samples.adviseCopies(m)
		p.adviseMixed(m)
		if m.Versioning == objectstore.Suspended {
			p.warn(Issue{Rule: "versioning-suspended", Location: at,
				Text: "versions with ID null get version IDs at the destination"})
		}
	}
	if p.plan.Streams() {
		p.warn(Issue{Rule: "transit",
			Text: "streamed bytes pass through the memory of the machine that runs migrate; the certificate names it, " +
				"and its country if that is declared or its cloud's metadata tells"})
	}
	if p.plan.Totals.Versions > 0 {
		p.warn(Issue{Rule: "reassigned",
			Text: "the destination assigns version IDs and last-modified dates; receipts record which became which"})
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
	return p.plan.Save(ctx, home)
}

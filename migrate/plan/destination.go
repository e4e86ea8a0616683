package plan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/parity"
)

// Adds is what a bucket does by itself to all that is written to it, in the
// words of its settings.
type Adds struct {
	ObjectLock json.RawMessage `json:"object_lock,omitempty"`
	Encryption json.RawMessage `json:"encryption,omitempty"`
}

// Equal tells whether two buckets do the same.
func (a Adds) Equal(o Adds) bool {
	return EqualJSON(a.ObjectLock, o.ObjectLock) && EqualJSON(a.Encryption, o.Encryption)
}

// Located adds to a region who answers for it.
func (s Stores) Located(ctx context.Context, r Region) Region {
	if at, ok := s(r.Provider, r.Code).(objectstore.Addressed); ok {
		r.Endpoint, r.Account = at.URL(), at.Account(ctx)
	}
	return r
}

// destinationReader looks at the destinations.
type destinationReader struct{ *draft }

// claimed finds moves out of, and into, what is another customer's.
func (p *destinationReader) claimed(ctx context.Context, moves []Move) error {
	for _, m := range moves {
		from, to := m.From(), p.plan.To(m)
		met, err := p.Claims.Destination(ctx, p.Customer, to, p.Stores(to.Provider, p.Destination.Code))
		if err != nil {
			return err
		}
		if met != nil {
			p.block(Issue{Rule: "destination-claimed", Location: from.String(),
				Text: fmt.Sprintf("would be written to %s, which %s", to, met), Remedy: ownBucket})
		}
		met, err = p.Claims.Source(ctx, p.Customer, from, p.Stores(from.Provider, m.Source.Code))
		if err != nil {
			return err
		}
		// Those of the same provider stand in the inventory.
		if met != nil && met.Claim.Location.Provider != from.Provider {
			p.block(Issue{Rule: "source-claimed", Location: from.String(), Text: "the source " + met.String(), Remedy: ownPlace})
		}
	}
	return nil
}

// tagged finds a bucket that its tag says to be another customer's.
func (l *Look) tagged(ctx context.Context, store objectstore.Store, p *Plan, m Move) error {
	if p.CustomerTag == "" {
		return nil
	}
	tags, err := store.BucketTags(ctx, m.Destination)
	switch {
	case errors.Is(err, objectstore.ErrNotOffered):
		return nil
	case errors.Is(err, objectstore.ErrDenied):
		l.denied("tags, which may name its customer,")
		return nil
	case err != nil:
		return fmt.Errorf("tags of %s: %w", l.at, err)
	}
	for _, t := range tags {
		if t.Key == p.CustomerTag && t.Value != "" && t.Value != p.Customer {
			text := fmt.Sprintf("the bucket is tagged %s=%s: it belongs to another customer", t.Key, t.Value)
			l.block("destination-claimed", text, ownBucket)
		}
	}
	return nil
}

const (
	ownBucket = "set destination.bucket in the configuration"
	ownPlace  = "name each customer's data by prefixes of its own, through one provider"
)

// Look is what there is to say about a destination bucket that is there.
type Look struct {
	at       string
	region   string // that the bucket is in
	Blockers []Issue
	warnings []Issue
	Adds     Adds
	settings map[objectstore.Setting][]byte // those that could be read; nil: none
	refuses  bool                           // the service's buckets take no SSE-C unless they say so
}

func (l *Look) block(rule, text, remedy string) {
	l.Blockers = append(l.Blockers, Issue{Rule: rule, Location: l.at, Region: l.region, Text: text, Remedy: remedy})
}

func (l *Look) warn(rule, text string) {
	l.warnings = append(l.warnings, Issue{Rule: rule, Location: l.at, Region: l.region, Text: text})
}

func (l *Look) denied(what string) {
	l.block("destination-not-read", "the bucket exists, and its "+what+" could not be read (access denied)",
		"grant access to read it, or "+ownBucket)
}

// LookAt looks at a destination bucket that is there already for what would
// delete, copy on, lock or weaken what it is given. One that this plan made has
// what the plan gave it.
func LookAt(
	ctx context.Context, store objectstore.Store, p *Plan, m Move, now time.Time,
) (*Look, error) {
	l := &Look{at: p.To(m).String(), region: p.Destination.Code, settings: make(map[objectstore.Setting][]byte)}
	l.refuses = objectstore.CapabilitiesOf(store).NewBuckets.RefusesCustomerKeys
	if m.Exists {
		if err := l.tagged(ctx, store, p, m); err != nil {
			return nil, err
		}
		versioning, err := store.Versioning(ctx, m.Destination)
		switch {
		case errors.Is(err, objectstore.ErrDenied):
			l.denied("versioning")
		case err != nil:
			return nil, fmt.Errorf("look at %s: %w", l.at, err)
		}
		if err == nil && m.Versioning != objectstore.Unversioned && versioning != objectstore.Enabled {
			l.block("destination-unversioned",
				"the bucket exists with versioning off or suspended; it cannot keep version histories",
				"enable versioning there, or "+ownBucket)
		}
	}
	if err := l.guarded(ctx, store, m); err != nil {
		return nil, err
	}
	read := readSettings(ctx, store, m.Destination)
	for i, name := range objectstore.Settings() {
		value, err := read[i].value, read[i].err
		switch {
		case errors.Is(err, objectstore.ErrNotOffered):
			continue
		case errors.Is(err, objectstore.ErrDenied):
			l.denied(string(name)) // of the plan's own bucket, too: others may have given it one since
			continue
		case err != nil:
			return nil, fmt.Errorf("%s of %s: %w", name, l.at, err)
		}
		l.settings[name] = value
		if err := l.setting(p, m, name, value, now); err != nil {
			return nil, fmt.Errorf("%s of %s: %w", name, l.at, err)
		}
	}
	return l, nil
}

// guarded finds a bucket of others from which nothing that is tried there could be
// removed again.
func (l *Look) guarded(ctx context.Context, store objectstore.Store, m Move) error {
	asked, ok := store.(objectstore.MFADeleter)
	if !m.Exists || !ok {
		return nil
	}
	guarded, err := asked.MFADelete(ctx, m.Destination)
	switch {
	case errors.Is(err, objectstore.ErrDenied), errors.Is(err, objectstore.ErrNotOffered):
		return nil // versioning, which the same answer tells, says so
	case err != nil:
		return fmt.Errorf("MFA delete of %s: %w", l.at, err)
	case guarded:
		l.block("destination-mfa-delete", "MFA delete is on: no version can be deleted there without a code from the root "+
			"user's device, so neither this program's own probes nor copies can be removed", ownBucket)
	}
	return nil
}

// setting says what one setting of the bucket does to what it is given.
func (l *Look) setting(p *Plan, m Move, name objectstore.Setting, value []byte, now time.Time) error {
	wanted := WantedSetting(p.Parity, m, name)
	switch name {
	case objectstore.ObjectLock:
		return l.objectLock(m, value, wanted)
	case objectstore.Encryption:
		l.Adds.Encryption = value
		return l.encryption(p, m, value)
	case objectstore.Ownership:
		if m.Exists && m.ACLs && bytes.Contains(value, []byte("BucketOwnerEnforced")) {
			l.block("destination-acls", "the bucket exists and accepts no ACLs, which are in force at the source",
				ownBucket)
		}
	case objectstore.Replication:
		if value == nil {
			return nil
		}
		targets, err := parity.Targets(value)
		if err == nil && len(targets) > 0 {
			l.block("destination-replicates", "the bucket replicates to "+strings.Join(targets, ", "),
				"turn its replication off, or "+ownBucket)
		}
		return err
	case objectstore.Lifecycle:
		if value == nil || wanted != nil && (!m.Exists || EqualJSON(value, wanted)) {
			return nil
		}
		expiry, err := parity.ParseLifecycle(value, now)
		if err == nil && len(expiry.Rules) > 0 {
			text := "lifecycle rules of the bucket would delete what is written to it: " + strings.Join(expiry.Rules, ", ")
			l.block("destination-expires", text, "disable them, or "+ownBucket)
		}
		if err == nil && len(expiry.Markers) > 0 {
			l.expiresMarkers(m, expiry.Markers)
		}
		return err
	}
	return nil
}

// expiresMarkers names rules that remove delete markers without a version beneath, as
// some histories begin and end with.
func (l *Look) expiresMarkers(m Move, rules []string) {
	text := "lifecycle rules of the bucket remove delete markers that have no version beneath " +
		"(ExpiredObjectDeleteMarker): " + strings.Join(rules, ", ")
	if m.LoneMarkers > 0 {
		l.block("destination-expires", fmt.Sprintf("%s; %d histories that are moved are nothing else", text, m.LoneMarkers),
			"disable them, or "+ownBucket)
		return
	}
	l.warn("destination-expires", text+"; none of these is moved")
}

// encryption names what the bucket encrypts with, and finds one that takes no
// objects under SSE-C, or does not say that it does: before April 2026 a bucket that said
// nothing took them, and whether an older one still does depends on its account (Amazon
// S3 User Guide, "Default SSE-C setting for new buckets FAQ").
func (l *Look) encryption(p *Plan, m Move, value []byte) error {
	if !m.Exists {
		return nil
	}
	if value != nil {
		e, err := parity.ParseEncryption(value)
		if err != nil {
			return err
		}
		if e.Algorithm != "" {
			text := "the bucket encrypts everything written to it with " + e.Algorithm
			if e.KeyID != "" {
				text += " under the key " + e.KeyID
			}
			l.warn("destination-encrypts", text)
		}
	}
	if !p.CustomerKeys {
		return nil
	}
	refused, told, err := parity.CustomerKeys(value)
	switch {
	case err != nil:
		return err
	case refused:
		l.block("destination-refuses-sse-c", "the bucket exists and refuses SSE-C, for which keys are configured",
			"permit it there, or "+ownBucket)
	case !told && l.refuses:
		l.block("destination-sse-c-untold", "the bucket exists, and its encryption setting does not say whether it "+
			"takes SSE-C, for which keys are at hand; the service's buckets refuse it unless they are told to take it",
			"permit it there (put-bucket-encryption, BlockedEncryptionTypes with EncryptionType NONE), or "+
				ownBucket)
	}
	return nil
}

// objectLock names a default retention, which nobody asked for per object.
func (l *Look) objectLock(m Move, value, wanted []byte) error {
	l.Adds.ObjectLock = value
	if value == nil {
		if m.Lock && m.Exists {
			l.block("destination-lock", "the bucket exists without object lock, which the source has", ownBucket)
		}
		return nil
	}
	retention, err := parity.ParseRetention(value)
	if err != nil || retention == (parity.Retention{}) {
		return err
	}
	if !m.Exists {
		if !EqualJSON(value, wanted) {
			l.block("destination-locks", "the bucket now has a default retention: "+retention.String(), ownBucket)
		}
		return nil
	}
	if retention.EventHold != (parity.EventHold{}) {
		l.block("destination-event-hold", "the bucket puts whatever is written to it under an event hold, which keeps it "+
			"until somebody releases each version, and which its source does not have", ownBucket)
		return nil
	}
	l.warn("destination-locks", fmt.Sprintf("the bucket locks everything written to it: every copy will be under %s "+
		"from the moment it is written, and until that ends an abort cannot remove it", retention))
	return nil
}

// lookAtDestinations looks at the buckets that others made, which keep the
// settings that they have.
func (p *destinationReader) lookAtDestinations(ctx context.Context) error {
	store := p.Stores(p.Destination.Provider, p.Destination.Code)
	for i := range p.plan.Moves {
		m := &p.plan.Moves[i]
		if !m.Exists {
			continue
		}
		l, err := LookAt(ctx, store, p.plan, *m, p.Now)
		if err != nil {
			return err
		}
		m.Found = &l.Adds
		for _, issue := range l.Blockers {
			if !slices.ContainsFunc(p.plan.Blockers, issue.same) {
				p.block(issue)
			}
		}
		for _, issue := range l.warnings {
			if !slices.ContainsFunc(p.plan.Warnings, issue.same) {
				p.warn(issue)
			}
		}
		p.keepSettings(*m, l)
	}
	for _, m := range p.plan.Moves {
		p.adviseReading(m)
	}
	return nil
}

func (i Issue) same(o Issue) bool {
	return i.Rule == o.Rule && i.Location == o.Location && i.Text == o.Text
}

// keepSettings takes back that a setting is carried to a bucket of others that
// does not have it.
func (p *destinationReader) keepSettings(m Move, l *Look) {
	var kept []string
	for i := range p.plan.Parity {
		row := &p.plan.Parity[i]
		if row.Bucket != BucketName(m) {
			continue
		}
		switch name := objectstore.Setting(row.Setting); {
		case row.Setting == "tags" && len(m.Tags) > 0:
		case row.Value == nil || EqualJSON(l.settings[name], row.Value):
			continue
		}
		row.Outcome, row.Value, row.Detail = notCarried, nil, "the destination exists and keeps its own"
		kept = append(kept, row.Setting)
	}
	if len(kept) > 0 {
		text := "the bucket exists and is left as it is; these settings of the source bucket are not carried: "
		p.warn(Issue{Rule: "destination-differs", Location: l.at, Region: l.region, Text: text + strings.Join(kept, ", ")})
	}
}

// identify gives the plan its digest. Buckets that a plan made are not counted
// as there only for that plan made once more: what others have planned is told
// what it will find.
func (p *destinationReader) identify(
	ctx context.Context, own map[string]bool, stored func(id string) (bool, error),
) error {
	before := p.plan.clone()
	again := false
	for i := range p.plan.Moves {
		m := &p.plan.Moves[i]
		made, known := own[m.Destination]
		if !m.Exists || !known {
			continue
		}
		ours, err := p.ours(ctx, *m, made)
		if err != nil {
			return err
		}
		if ours {
			m.Exists, again = false, true
		}
	}
	if err := p.lookAtDestinations(ctx); err != nil {
		return err
	}
	p.tellApart()
	if err := p.plan.Seal(); err != nil || !again {
		return err
	}
	if same, err := stored(p.plan.ID); err != nil || same {
		return err
	}
	p.plan = before
	if err := p.lookAtDestinations(ctx); err != nil {
		return err
	}
	p.tellApart()
	return p.plan.Seal()
}

// ours tells whether a run would still take a bucket for the plan's own.
func (p *destinationReader) ours(ctx context.Context, m Move, made bool) (bool, error) {
	store := p.Stores(p.Destination.Provider, p.Destination.Code)
	if !made {
		trace, err := Traces(ctx, store, m)
		return trace == "" && err == nil, err
	}
	m.Exists = false
	l, err := LookAt(ctx, store, p.plan, m, p.Now)
	return err == nil && len(l.Blockers) == 0, err
}

func (p *Plan) clone() *Plan {
	c := *p
	c.Moves, c.Parity = slices.Clone(p.Moves), slices.Clone(p.Parity)
	c.Blockers, c.Warnings = slices.Clone(p.Blockers), slices.Clone(p.Warnings)
	return &c
}

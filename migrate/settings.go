package migrate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/parity"
)

// Outcomes of a setting.
const (
	carried    = "carried"
	rewritten  = "rewritten"
	notMovable = "not movable"
	notCarried = "not carried"
	notOffered = "not offered" // by the destination
	notRead    = "not read"    // at the source: access was denied
)

func bucketName(m Move) string { return m.Source.Provider + ":" + m.Bucket }

// setting is what a bucket answered about one of its settings.
type setting struct {
	value []byte
	err   error
}

// readAtOnce bounds how many settings of a bucket are read at once: one after
// the other, they are what planning a bucket far away waits for.
const readAtOnce = 6

// readSettings asks a bucket for each of objectstore.Settings, in that order.
func readSettings(ctx context.Context, store objectstore.Store, bucket string) []setting {
	names := objectstore.Settings()
	all := make([]setting, len(names))
	var g errgroup.Group
	g.SetLimit(readAtOnce)
	for i, name := range names {
		g.Go(func() error {
			all[i].value, all[i].err = store.Setting(ctx, bucket, name)
			return nil
		})
	}
	_ = g.Wait() // each has its own error
	return all
}

// settings records what becomes of a source bucket's settings.
func (p *planner) settings(ctx context.Context, source objectstore.Store, m *Move) error {
	read := readSettings(ctx, source, m.Bucket)
	var policy []byte
	for i, name := range objectstore.Settings() {
		value, err := read[i].value, read[i].err
		if err == nil && name == objectstore.Policy {
			value, err = parity.Unfenced(value) // an earlier plan's fence is not the bucket's own
		}
		if err == nil && name == objectstore.Policy {
			policy = value
		}
		if name == objectstore.Website && (value != nil || errors.Is(err, objectstore.ErrDenied)) {
			m.Redirects = m.Way == ServerSide
		}
		row := Parity{Bucket: bucketName(*m), Setting: string(name)}
		switch {
		case errors.Is(err, objectstore.ErrNotOffered):
			continue
		case errors.Is(err, objectstore.ErrDenied):
			if name == objectstore.Replication && m.replicas > 0 {
				p.block(Issue{Rule: "replicas", Location: bucketName(*m), Count: m.replicas, Text: "the destination holds replicas (they have the version IDs of the source), and whether the source replicates removals could not be read (access denied)",
					Remedy: "give access to read its replication, or set destination.bucket in the configuration"})
			}
			row.Outcome, row.Detail = notRead, "access denied"
			p.unread(bucketName(*m), string(name), name != objectstore.ObjectLock)
			p.plan.Parity = append(p.plan.Parity, row)
			continue
		case err != nil:
			return fmt.Errorf("%s of %s: %w", name, bucketName(*m), err)
		case value == nil:
			continue
		}
		if err := p.judge(ctx, m, name, value, &row); err != nil {
			return err
		}
		if row.Value != nil {
			if err := p.offered(ctx, m, name, &row); err != nil {
				return err
			}
		}
		p.plan.Parity = append(p.plan.Parity, row)
	}
	if err := p.eraseBars(ctx, source, m, policy); err != nil {
		return err
	}
	if err := p.access(ctx, source, m); err != nil {
		return err
	}
	return p.fresh(m, policy)
}

// unread is what a setting of a source bucket comes to that access is denied to:
// nothing tells whether there is one. It blocks, unless settings that cannot be read
// may be left behind and nothing else hangs on it.
func (p *planner) unread(at, name string, leavable bool) {
	issue := Issue{Rule: "setting-not-read", Location: at, Text: fmt.Sprintf("its %s could not be read (access denied)", name)}
	switch {
	case leavable && p.WithoutSettings:
		issue.Text += " and will not be carried, as --without-settings says"
		issue.Remedy = "set it at the destination"
		p.warn(issue)
		return
	case leavable:
		issue.Text += ", and would not be carried if there is one"
		issue.Remedy = "give access to read it (residency permissions --stage plan), or plan with --without-settings, which leaves it behind"
	default:
		issue.Text += ", so that nothing tells whether versions are locked"
		issue.Remedy = "give access to read it (residency permissions --stage plan)"
	}
	p.block(issue)
}

// judge decides what becomes of one setting.
func (p *planner) judge(ctx context.Context, m *Move, name objectstore.Setting, value []byte, row *Parity) error {
	at := bucketName(*m)
	row.Outcome, row.Value = carried, value
	switch name {
	case objectstore.ObjectLock:
		m.Lock = true
		row.Detail = "default retention is set after the copy"
		retention, err := parity.ParseRetention(value)
		if err != nil {
			return fmt.Errorf("object lock of %s: %w", at, err)
		}
		if retention != (parity.Retention{}) {
			p.warn(Issue{Rule: "source-locks", Location: at, Text: fmt.Sprintf("what was written to it is under %s, unless it was given another lock: it stays until that ends, and the run then ends with exit code 6", retention)})
		}
		return nil
	case objectstore.Replication:
		targets, err := parity.Targets(value)
		if err != nil {
			return err
		}
		row.Outcome, row.Value, row.Detail = notMovable, nil, "copies to "+strings.Join(targets, ", ")
		if slices.Contains(targets, m.Destination) {
			p.block(Issue{Rule: "replicates-to-destination", Location: at, Text: fmt.Sprintf("it replicates into %s, the destination: what is erased at the source could be removed there too", m.Destination),
				Remedy: "turn that replication off, or set destination.bucket in the configuration"})
		}
		for i, target := range targets {
			targets[i] += " (" + p.country(ctx, m.Source.Provider, target) + ")"
		}
		p.warn(Issue{Rule: "replicated", Location: at, Text: fmt.Sprintf("replication has made copies of this data in %s; they are not part of this plan", strings.Join(targets, ", ")), Remedy: "look at them with residency inventory"})
		return nil
	case objectstore.Logging, objectstore.Notifications:
		row.Outcome, row.Value, row.Detail = notMovable, nil, "points to places outside of the bucket; set it at the destination"
		p.warn(Issue{Rule: "outside-target", Location: at, Text: fmt.Sprintf("its %s point to places outside of the bucket and are not carried", name)})
		return nil
	}
	if m.Prefix != "" {
		row.Outcome, row.Value, row.Detail = notCarried, nil, "it speaks of the whole bucket, and only a prefix of it moves"
		return nil
	}
	switch name {
	case objectstore.Encryption:
		return p.judgeEncryption(at, value, row)
	case objectstore.Policy:
		var err error
		if row.Value, err = parity.Rewrite(value, m.Bucket, m.Destination); err != nil {
			return fmt.Errorf("policy of %s: %w", at, err)
		}
		row.Detail = "set after the copy"
		if !bytes.Equal(row.Value, value) {
			row.Outcome, row.Detail = rewritten, "names the destination bucket; set after the copy"
		}
		if parity.Mentions(value, m.Source.Code) {
			row.Detail += "; it still names " + m.Source.Code
		}
	case objectstore.Lifecycle:
		expiry, err := parity.ParseLifecycle(value, p.Now)
		if err != nil {
			return fmt.Errorf("lifecycle of %s: %w", at, err)
		}
		row.Detail = "set after the copy; ages begin anew at the destination"
		if len(expiry.Dated) > 0 {
			p.block(Issue{Rule: "lifecycle-expires", Location: at, Text: "lifecycle rules with a date that has come would delete what was moved: " + strings.Join(expiry.Dated, ", "), Remedy: "remove them from the source bucket"})
		}
		if len(expiry.Rules) > 0 {
			p.warn(Issue{Rule: "lifecycle-ages", Location: at, Text: "lifecycle rules that delete count ages anew from the day of the copy: " + strings.Join(expiry.Rules, ", ")})
		}
	}
	return nil
}

func (p *planner) judgeEncryption(at string, value []byte, row *Parity) error {
	e, err := parity.ParseEncryption(value)
	if err != nil || e.KeyID == "" {
		return err
	}
	if p.KMSKey == "" {
		p.block(Issue{Rule: "kms-key", Location: at, Text: "it is encrypted under a KMS key of its own, which the destination's region does not have", Remedy: "name a key there with destination.kms_key in the configuration"})
		return nil
	}
	row.Outcome, row.Detail = rewritten, "names the key "+p.KMSKey
	row.Value, err = parity.WithKey(value, p.KMSKey)
	return err
}

// country is where a bucket is that a replication copies to, as far as what was
// planned with knows: the destination, what the inventory has found, and each
// region that it has looked at.
func (p *planner) country(ctx context.Context, provider, bucket string) string {
	for _, place := range p.Inventory.Places {
		if place.Bucket == bucket && place.Country != "" {
			return place.Country
		}
	}
	looked := []inventory.Coverage{{Provider: p.Destination.Provider, Region: p.Destination.Code, Looked: true}}
	for _, c := range slices.Concat(looked, p.Inventory.Coverage) {
		if !c.Looked || c.Bucket != "" || c.Provider != provider {
			continue
		}
		region, err := p.Stores(c.Provider, c.Region).BucketRegion(ctx, bucket)
		if err != nil {
			continue // not there, or not to be seen from there
		}
		region = cmp.Or(region, c.Region)
		if country := p.placed(c.Provider, region); country != "" {
			return country
		}
		return "in " + region
	}
	return "country not known"
}

func (p *planner) placed(provider, region string) string {
	if provider == p.Destination.Provider && region == p.Destination.Code {
		return p.Destination.Country
	}
	if p.Country == nil {
		return ""
	}
	return p.Country(provider, region)
}

// has tells whether a move's destination has such a setting at all.
func (p *planner) has(ctx context.Context, m Move, name objectstore.Setting) (bool, error) {
	_, err := p.Stores(p.Destination.Provider, p.Destination.Code).Setting(ctx, m.Destination, name)
	switch {
	case errors.Is(err, objectstore.ErrNotOffered):
		return false, nil
	case err != nil && !errors.Is(err, objectstore.ErrNotFound) && !errors.Is(err, objectstore.ErrDenied):
		return false, fmt.Errorf("%s of %s: %w", name, p.plan.To(m), err)
	}
	return true, nil
}

// offered takes back that a setting is carried where the destination does not
// have such a thing.
func (p *planner) offered(ctx context.Context, m *Move, name objectstore.Setting, row *Parity) error {
	if has, err := p.has(ctx, *m, name); has || err != nil {
		return err
	}
	row.Outcome, row.Value, row.Detail = notOffered, nil, "the destination has no such setting"
	issue := Issue{Rule: "setting-not-offered", Location: bucketName(*m), Text: fmt.Sprintf("its %s cannot be carried: the destination has no such setting", name)}
	if name == objectstore.ObjectLock {
		p.block(issue)
	} else {
		p.warn(issue)
	}
	return nil
}

// wantedSetting is what a move's destination bucket is to be given, or nil.
func wantedSetting(rows []Parity, m Move, name objectstore.Setting) []byte {
	i := slices.IndexFunc(rows, func(x Parity) bool {
		return x.Bucket == bucketName(m) && x.Setting == string(name) && x.Value != nil
	})
	if i < 0 {
		return nil
	}
	return rows[i].Value
}

// early are the settings that a bucket has from the beginning; the others
// could hinder the copy, or delete it.
func early(name objectstore.Setting) bool {
	return name == objectstore.Encryption || name == objectstore.Ownership
}

// apply gives a destination bucket that this plan made the settings of the plan
// that it does not have. What others made is theirs to configure.
func (w *work) apply(ctx context.Context, m Move, first bool) error {
	if m.Exists {
		return nil
	}
	store := w.destination()
	names := slices.DeleteFunc(objectstore.Settings(), func(s objectstore.Setting) bool {
		return early(s) != first || s == objectstore.PublicAccess
	})
	if first {
		if err := w.taking(ctx, m); err != nil {
			return err
		}
	} else {
		names = append(names, objectstore.PublicAccess) // last: it may refuse the policy
	}
	for _, name := range names {
		value := wantedSetting(w.plan.Parity, m, name)
		if value == nil {
			continue
		}
		now, err := store.Setting(ctx, m.Destination, name)
		if err != nil { // denied, too: what is there may be somebody else's
			return fmt.Errorf("%s of %s: %w", name, w.plan.To(m), err)
		}
		if equalJSON(now, value) {
			continue
		}
		if err := store.SetSetting(ctx, m.Destination, name, value); err != nil {
			return fmt.Errorf("%s of %s: %w", name, w.plan.To(m), err)
		}
	}
	return nil
}

// finish sets what could not be set before all copies were proven.
func (w *work) finish(ctx context.Context) error {
	for _, m := range w.plan.Moves {
		if err := w.apply(ctx, m, false); err != nil {
			return err
		}
	}
	return nil
}

// parity reads back every setting that was to be carried.
func (w *work) parity(ctx context.Context) []certificate.Parity {
	var rows []certificate.Parity
	for _, x := range w.plan.Parity {
		row := certificate.Parity{Bucket: x.Bucket, Setting: x.Setting, Outcome: x.Outcome, Detail: x.Detail}
		i := slices.IndexFunc(w.plan.Moves, func(m Move) bool { return bucketName(m) == x.Bucket })
		if x.Value != nil && i >= 0 {
			now, err := w.destination().Setting(ctx, w.plan.Moves[i].Destination, objectstore.Setting(x.Setting))
			switch {
			case err != nil:
				row.Found = "not read: " + err.Error()
			case equalJSON(now, x.Value):
				row.Found = "equal"
			default:
				row.Found = "different"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// equalJSON tells whether two values differ in nothing but the order of
// members.
func equalJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return bytes.Equal(a, b)
	}
	a, errA := json.Marshal(x)
	b, errB := json.Marshal(y)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// opaque tells whether ETags of a move's copies may differ from their sources'.
func (w *work) opaque(m Move) bool {
	return w.plan.KMSKey != "" || w.plan.CustomerKeys || w.plan.kmsDefault(m)
}

// kmsDefault tells whether a move's destination bucket has, or is given,
// default encryption under KMS.
func (p *Plan) kmsDefault(m Move) bool {
	value := wantedSetting(p.Parity, m, objectstore.Encryption)
	if m.Found != nil {
		value = m.Found.Encryption
	}
	if value == nil {
		return false
	}
	e, err := parity.ParseEncryption(value)
	return err == nil && strings.HasPrefix(e.Algorithm, "aws:kms")
}

// retentionDefault is the mode of the retention that, as the plan says, a move's
// destination bucket has, or is given, for whatever is written to it.
func (w *work) retentionDefault(m Move) string {
	value := wantedSetting(w.plan.Parity, m, objectstore.ObjectLock)
	if m.Found != nil {
		value = m.Found.ObjectLock
	}
	if value == nil {
		return ""
	}
	r, err := parity.ParseRetention(value)
	if err != nil {
		return ""
	}
	return r.Mode
}

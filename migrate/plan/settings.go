package plan

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
	"github.com/residency/residency/inventory/objectstore/bucketpolicy"
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

// BucketName names a move's source bucket.
func BucketName(m Move) string { return m.Source.Provider + ":" + m.Bucket }

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

// settingsReader reads what the source's buckets are configured by, and says of each
// setting what becomes of it.
type settingsReader struct {
	*draft
	samples *sampler
}

// settings records what becomes of a source bucket's settings.
func (p *settingsReader) settings(ctx context.Context, source objectstore.Store, m *Move) error {
	read := readSettings(ctx, source, m.Bucket)
	var policy []byte
	for i, name := range objectstore.Settings() {
		value, err := read[i].value, read[i].err
		if err == nil && name == objectstore.Policy {
			value, err = bucketpolicy.WithoutWriteBlocks(value) // an earlier plan's fence is not the bucket's own
		}
		if err == nil && name == objectstore.Policy {
			policy = value
		}
		if name == objectstore.Website && (value != nil || errors.Is(err, objectstore.ErrDenied)) {
			m.Redirects = m.Redirects || m.Way == ServerSide
		}
		row := Parity{Bucket: BucketName(*m), Setting: string(name)}
		switch {
		case errors.Is(err, objectstore.ErrNotOffered):
			continue
		case errors.Is(err, objectstore.ErrDenied):
			if name == objectstore.Replication && m.replicas > 0 {
				p.block(Issue{Rule: "replicas", Location: BucketName(*m), Region: m.Source.Code, Count: m.replicas,
					Text: "the destination holds replicas (they have the version IDs of the source), and whether the source " +
						"replicates removals could not be read (access denied)",
					Remedy: "grant access to read its replication, or set destination.bucket in the configuration"})
			}
			row.Outcome, row.Detail = notRead, "access denied"
			p.unread(BucketName(*m), string(name), name != objectstore.ObjectLock)
			p.plan.Parity = append(p.plan.Parity, row)
			continue
		case err != nil:
			return fmt.Errorf("%s of %s: %w", name, BucketName(*m), err)
		case value == nil:
			continue
		}
		if err := p.setting(ctx, m, name, value, &row); err != nil {
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
	if err := p.samples.access(ctx, source, m); err != nil {
		return err
	}
	return p.fresh(m, policy)
}

// unread is what a setting of a source bucket comes to that access is denied to:
// nothing tells whether there is one. It blocks, unless settings that cannot be read
// may be left behind and nothing else hangs on it.
func (p *settingsReader) unread(at, name string, leavable bool) {
	issue := Issue{Rule: "setting-not-read", Location: at, Text: fmt.Sprintf("its %s could not be read (access denied)",
		name)}
	switch {
	case leavable && p.WithoutSettings:
		issue.Text += " and will not be carried (--without-settings)"
		issue.Remedy = "set it at the destination"
		p.warn(issue)
		return
	case leavable:
		issue.Text += ", so it would not be carried if there is one"
		issue.Remedy = "grant access to read it (residency permissions --stage plan), or plan with --without-settings, " +
			"which leaves it behind"
	default:
		issue.Text += ", so it is not known whether versions are locked"
		issue.Remedy = "grant access to read it (residency permissions --stage plan)"
	}
	p.block(issue)
}

// setting decides what becomes of one setting.
func (p *settingsReader) setting(
	ctx context.Context, m *Move, name objectstore.Setting, value []byte, row *Parity,
) error {
	at := BucketName(*m)
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
			p.warn(Issue{Rule: "source-locks", Location: at, Region: m.Source.Code,
				Text: fmt.Sprintf("its objects are under %s unless they were given another lock: they stay until it ends, and "+
					"the run then exits 6", retention)})
		}
		return nil
	case objectstore.Replication:
		targets, err := parity.Targets(value)
		if err != nil {
			return err
		}
		row.Outcome, row.Value, row.Detail = notMovable, nil, "copies to "+strings.Join(targets, ", ")
		if slices.Contains(targets, m.Destination) {
			p.block(replicates("it replicates into "+m.Destination, at, *m))
		}
		for i, target := range targets {
			targets[i] += " (" + p.country(ctx, m.Source.Provider, target) + ")"
		}
		p.warn(Issue{Rule: "replicated", Location: at, Region: m.Source.Code,
			Text: fmt.Sprintf("replication has copied this data to %s; those copies are not part of this plan",
				strings.Join(targets, ", ")), Remedy: "list them with residency inventory"})
		return nil
	case objectstore.Logging, objectstore.Notifications:
		row.Outcome, row.Value, row.Detail = notMovable, nil, "points outside the bucket; set it at the destination yourself"
		p.warn(Issue{Rule: "outside-target", Location: at, Region: m.Source.Code,
			Text: fmt.Sprintf("its %s point outside the bucket and are not carried", name)})
		return nil
	}
	if m.Prefix != "" {
		row.Outcome, row.Value, row.Detail = notCarried, nil, "applies to the whole bucket, but only a prefix is being moved"
		return nil
	}
	switch name {
	case objectstore.Encryption:
		return p.encryption(at, value, row)
	case objectstore.Policy:
		return p.bucketPolicy(m, value, row)
	case objectstore.Lifecycle:
		expiry, err := parity.ParseLifecycle(value, p.Now)
		if err != nil {
			return fmt.Errorf("lifecycle of %s: %w", at, err)
		}
		row.Detail = "set after the copy; ages start again at the destination"
		if len(expiry.Dated) > 0 {
			p.block(Issue{Rule: "lifecycle-expires", Location: at, Region: m.Source.Code,
				Text:   "lifecycle rules whose date has passed would delete what was moved: " + strings.Join(expiry.Dated, ", "),
				Remedy: "remove them from the source bucket"})
		}
		if len(expiry.Markers) > 0 && m.LoneMarkers > 0 {
			p.warn(Issue{Rule: "lifecycle-markers", Location: at, Region: m.Source.Code, Count: m.LoneMarkers,
				Text: "lifecycle rules that remove delete markers without a version beneath are carried, and will remove these " +
					"histories, of markers alone, at the destination too: " + strings.Join(expiry.Markers, ", ")})
		}
		if len(expiry.Rules) > 0 {
			p.warn(Issue{Rule: "lifecycle-ages", Location: at, Region: m.Source.Code,
				Text: "lifecycle rules that delete by age start counting again on the day of the copy: " +
					strings.Join(expiry.Rules, ", ")})
		}
	}
	return nil
}

// bucketPolicy rewrites a policy for the destination's bucket. Across partitions, one
// that names others would be refused there, or bind nobody or everybody.
func (p *settingsReader) bucketPolicy(m *Move, value []byte, row *Parity) (err error) {
	at, here, there := BucketName(*m), m.Source.Partition(), p.Destination.Partition()
	row.Value, err = parity.Rewrite(value, parity.Bucket{Partition: here, Name: m.Bucket},
		parity.Bucket{Partition: there, Name: m.Destination})
	if err != nil {
		return fmt.Errorf("policy of %s: %w", at, err)
	}
	if here != there {
		if foreign := parity.Foreign(row.Value, there); len(foreign) > 0 {
			text := fmt.Sprintf("its policy names what is in partition %s alone, and unknown in %s: %s",
				here, there, strings.Join(foreign, ", "))
			row.Outcome, row.Value, row.Detail = notMovable, nil, strings.TrimPrefix(text, "its policy ")
			if !m.Exists {
				p.block(Issue{Rule: "policy-foreign", Location: at, Region: m.Source.Code, Text: text,
					Remedy: "make the bucket " + p.plan.To(*m).String() + " with a policy of its own, which a plan leaves as it is"})
			}
			return nil
		}
	}
	row.Detail = "set after the copy"
	if !bytes.Equal(row.Value, value) {
		row.Outcome, row.Detail = rewritten, "names the destination bucket; set after the copy"
	}
	if parity.Mentions(value, m.Source.Code) {
		row.Detail += "; it still names " + m.Source.Code
	}
	if networks := parity.Networks(value); len(networks) > 0 && !m.Exists {
		p.warn(Issue{Rule: "policy-network", Location: at, Region: m.Source.Code,
			Text: "its policy names " + strings.Join(networks, ", ") +
				", of the source's region; what it lets in or keeps out by that is otherwise at the destination, this program " +
				"included",
			Remedy: "make the bucket " + p.plan.To(*m).String() + " with a policy of its own, which a plan leaves as it is"})
	}
	return nil
}

func (p *settingsReader) encryption(at string, value []byte, row *Parity) error {
	e, err := parity.ParseEncryption(value)
	if err != nil || e.KeyID == "" {
		return err
	}
	if p.KMSKey == "" {
		p.block(Issue{Rule: "kms-key", Location: at,
			Text:   "its default encryption names a KMS key that the destination's region does not have",
			Remedy: "name a key of that region with destination.kms_key in the configuration"})
		return nil
	}
	row.Outcome, row.Detail = rewritten, "names the key "+p.KMSKey
	row.Value, err = parity.WithKey(value, p.KMSKey)
	return err
}

// country is where a bucket is that a replication copies to, as far as what was
// planned with knows: the destination, what the inventory has found, and each
// region that it has looked at.
func (p *draft) country(ctx context.Context, provider, bucket string) string {
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

func (p *draft) placed(provider, region string) string {
	if provider == p.Destination.Provider && region == p.Destination.Code {
		return p.Destination.Country
	}
	if p.Country == nil {
		return ""
	}
	return p.Country(provider, region)
}

// has tells whether a move's destination has such a setting at all.
func (p *draft) has(ctx context.Context, m Move, name objectstore.Setting) (bool, error) {
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
func (p *draft) offered(ctx context.Context, m *Move, name objectstore.Setting, row *Parity) error {
	if has, err := p.has(ctx, *m, name); has || err != nil {
		return err
	}
	row.Outcome, row.Value, row.Detail = notOffered, nil, "the destination has no such setting"
	issue := Issue{Rule: "setting-not-offered", Location: BucketName(*m), Region: m.Source.Code,
		Text: fmt.Sprintf("its %s cannot be carried: the destination has no such setting", name)}
	if name == objectstore.ObjectLock {
		p.block(issue)
	} else {
		p.warn(issue)
	}
	return nil
}

// WantedSetting is what a move's destination bucket is to be given, or nil.
func WantedSetting(rows []Parity, m Move, name objectstore.Setting) []byte {
	i := slices.IndexFunc(rows, func(x Parity) bool {
		return x.Bucket == BucketName(m) && x.Setting == string(name) && x.Value != nil
	})
	if i < 0 {
		return nil
	}
	return rows[i].Value
}

// EqualJSON tells whether two values differ in nothing but the order of
// members.
func EqualJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return bytes.Equal(a, b)
	}
	a, errA := json.Marshal(x)
	b, errB := json.Marshal(y)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// KMSDefault tells whether a move's destination bucket has, or is given,
// default encryption under KMS.
func (p *Plan) KMSDefault(m Move) bool {
	if p.Encryption != "" {
		return objectstore.UnderKMS(p.Encryption)
	}
	value := WantedSetting(p.Parity, m, objectstore.Encryption)
	if m.Found != nil {
		value = m.Found.Encryption
	}
	if value == nil {
		return false
	}
	e, err := parity.ParseEncryption(value)
	return err == nil && objectstore.UnderKMS(e.Algorithm)
}

package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/parity"
)

// systemTags leaves out what the service itself has tagged a bucket with, as
// CloudFormation has it do, and names it.
func (p *settingsReader) systemTags(m *Move, tags []objectstore.Tag) []objectstore.Tag {
	var own []string
	rest := slices.DeleteFunc(slices.Clone(tags), func(t objectstore.Tag) bool {
		if parity.SystemTag(t.Key) {
			own = append(own, t.Key)
			return true
		}
		return false
	})
	if len(own) > 0 {
		p.plan.Parity = append(p.plan.Parity, Parity{
			Bucket: BucketName(*m), Setting: "tags set by the service itself", Outcome: notCarried,
			Detail: "nobody else can set them: " + strings.Join(own, ", "),
		})
	}
	return rest
}

// fresh decides what becomes of a source whose service, when it was made, left new
// buckets open, at a destination whose service closes them: what the source's settings
// and lists need is opened there, and nothing else.
func (p *settingsReader) fresh(m *Move, policy []byte) error {
	made := objectstore.CapabilitiesOf(p.Stores(p.Destination.Provider, p.Destination.Code)).NewBuckets
	if made.RefusesCustomerKeys && p.CustomerKeys {
		if err := p.permitCustomerKeys(m); err != nil {
			return err
		}
	}
	if !made.BlocksPublic || m.Prefix != "" {
		return nil
	}
	public, err := parity.Public(policy)
	if err != nil {
		return fmt.Errorf("policy of %s: %w", BucketName(*m), err)
	}
	return p.public(m, public)
}

// row finds what the plan says of a bucket's setting.
func (p *draft) row(m *Move, name objectstore.Setting) *Parity {
	i := slices.IndexFunc(p.plan.Parity, func(x Parity) bool {
		return x.Bucket == BucketName(*m) && x.Setting == string(name)
	})
	if i < 0 {
		return nil
	}
	return &p.plan.Parity[i]
}

// public opens a new bucket for a public policy, and for lists, which may give
// everybody access to single objects.
func (p *settingsReader) public(m *Move, policy bool) error {
	row := p.row(m, objectstore.PublicAccess)
	if row != nil && row.Outcome == notRead {
		return nil
	}
	var open []string
	if policy {
		open = append(open, "a public policy")
	}
	if m.ACLs {
		open = append(open, "access control lists in force")
	}
	at := BucketName(*m)
	switch {
	case len(open) == 0 && row == nil:
		p.plan.Parity = append(p.plan.Parity, Parity{
			Bucket: at, Setting: string(objectstore.PublicAccess), Outcome: notCarried,
			Detail: "none is set, and nothing there is public; new buckets at the destination block public access",
		})
		return nil
	case len(open) == 0:
		return nil
	case row == nil:
		value, err := parity.Block{}.Value()
		if err != nil {
			return err
		}
		p.plan.Parity = append(p.plan.Parity, Parity{Bucket: at, Setting: string(objectstore.PublicAccess), Outcome: carried,
			Detail: "the source blocks nothing; the block is lifted after the copy", Value: value})
	default:
		row.Detail = "set after the copy, once the policy is in place"
	}
	p.warn(Issue{Rule: "account-closed", Location: at, Region: m.Source.Code,
		Text: "the source has " + strings.Join(open, " and ") +
			"; if the destination's account or its organization blocks public access as a whole, which cannot be seen " +
			"from here, the destination will refuse that", Remedy: "check with aws s3control get-public-access-block"})
	return nil
}

// permitCustomerKeys has a new bucket permit SSE-C.
func (p *settingsReader) permitCustomerKeys(m *Move) (err error) {
	row := p.row(m, objectstore.Encryption)
	if row == nil || row.Value == nil {
		p.plan.Parity = append(p.plan.Parity, Parity{Bucket: BucketName(*m), Setting: string(objectstore.Encryption)})
		row = &p.plan.Parity[len(p.plan.Parity)-1]
	}
	if row.Value, err = parity.PermitCustomerKeys(row.Value); err != nil {
		return fmt.Errorf("encryption of %s: %w", BucketName(*m), err)
	}
	permits := "permits SSE-C, which new buckets refuse by default"
	if row.Outcome, row.Detail = rewritten, strings.TrimPrefix(row.Detail+"; "+permits, "; "); m.Prefix != "" {
		row.Detail = permits
	}
	return nil
}

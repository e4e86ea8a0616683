package plan

import (
	"context"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/parity"
)

// Bars are what would keep a source from being erased, as far as its bucket tells
// of them: to be known before everything is copied.
type Bars struct {
	Sure, perhaps []Issue
}

const liftBar = "remove that obstacle at the source, or copy without erasing (migrate --keep-source)"

// BarsTo looks at a move's source. The policy is the bucket's, without fences; nil
// if it has none or it cannot be read.
func BarsTo(ctx context.Context, source objectstore.Store, m Move, policy []byte) (b Bars, err error) {
	at := BucketName(m)
	if asked, ok := source.(objectstore.MFADeleter); ok && m.Versioning != objectstore.Unversioned {
		guarded, err := asked.MFADelete(ctx, m.Bucket)
		if err != nil {
			return b, fmt.Errorf("MFA delete of %s: %w", at, err)
		}
		if guarded {
			b.Sure = append(b.Sure, Issue{Rule: "mfa-delete", Location: at, Region: m.Source.Code, Remedy: liftBar,
				Text: "MFA delete is on: no version can be deleted without a code from the root user's device, " +
					"which this program does not have"})
		}
	}
	action := "s3:DeleteObject"
	if m.Versioning != objectstore.Unversioned {
		action = "s3:DeleteObjectVersion"
	}
	denials, err := parity.Denials(policy, m.Bucket, m.Prefix, action)
	if err != nil {
		return b, fmt.Errorf("policy of %s: %w", at, err)
	}
	for _, d := range denials {
		statement := "a statement of its policy"
		if d.Sid != "" {
			statement = fmt.Sprintf("the statement %q of its policy", d.Sid)
		}
		if d.Sure {
			b.Sure = append(b.Sure, Issue{Rule: "erase-denied", Location: at, Region: m.Source.Code, Remedy: liftBar,
				Text: statement + " denies everybody " + action + ", on some or all of what is to be erased"})
			continue
		}
		b.perhaps = append(b.perhaps, Issue{Rule: "erase-may-be-denied", Location: at, Region: m.Source.Code,
			Text: statement + " denies " +
				action + " to some callers, or under conditions that are not evaluated here: the erase may be refused"})
	}
	return b, nil
}

// eraseBars puts them into the plan.
func (p *settingsReader) eraseBars(ctx context.Context, source objectstore.Store, m *Move, policy []byte) error {
	b, err := BarsTo(ctx, source, *m, policy)
	p.plan.EraseBlockers = append(p.plan.EraseBlockers, b.Sure...)
	p.plan.Warnings = append(p.plan.Warnings, b.perhaps...)
	return err
}

package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/parity"
)

// bars are what would keep a source from being erased, as far as its bucket tells
// of them: to be known before everything is copied.
type bars struct {
	sure, perhaps []Issue
}

const liftBar = "lift that at the source, or copy without erasing, with migrate --keep-source"

// barsTo looks at a move's source. The policy is the bucket's, without fences; nil
// if it has none or it cannot be read.
func barsTo(ctx context.Context, source objectstore.Store, m Move, policy []byte) (b bars, err error) {
	at := bucketName(m)
	if asked, ok := source.(objectstore.MFADeleter); ok && m.Versioning != objectstore.Unversioned {
		guarded, err := asked.MFADelete(ctx, m.Bucket)
		if err != nil {
			return b, fmt.Errorf("MFA delete of %s: %w", at, err)
		}
		if guarded {
			b.sure = append(b.sure, Issue{Rule: "mfa-delete", Location: at, Remedy: liftBar,
				Text: "MFA delete is on: no version is deleted without a code of the root user's device, " +
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
			b.sure = append(b.sure, Issue{Rule: "erase-denied", Location: at, Remedy: liftBar,
				Text: statement + " denies everybody " + action + ", on all or some of what is to be erased"})
			continue
		}
		b.perhaps = append(b.perhaps, Issue{Rule: "erase-may-be-denied", Location: at, Text: statement + " denies " +
			action + " to some, or under conditions, which is not judged here: the erase may be refused"})
	}
	return b, nil
}

// eraseBars puts them into the plan.
func (p *planner) eraseBars(ctx context.Context, source objectstore.Store, m *Move, policy []byte) error {
	b, err := barsTo(ctx, source, *m, policy)
	p.plan.EraseBlockers = append(p.plan.EraseBlockers, b.sure...)
	p.plan.Warnings = append(p.plan.Warnings, b.perhaps...)
	return err
}

// barred refuses to begin where the source cannot be erased, by what it tells now.
func (w *work) barred(ctx context.Context) error {
	for _, m := range w.plan.Moves {
		policy, err := w.source(m).Setting(ctx, m.Bucket, objectstore.Policy)
		if errors.Is(err, objectstore.ErrDenied) || errors.Is(err, objectstore.ErrNotOffered) {
			policy, err = nil, nil // the plan says so
		}
		if err == nil {
			policy, err = parity.Unfenced(policy)
		}
		if err != nil {
			return fmt.Errorf("policy of %s: %w", bucketName(m), err)
		}
		b, err := barsTo(ctx, w.source(m), m, policy)
		if err != nil {
			return err
		}
		if len(b.sure) > 0 {
			return blockedErase(b.sure)
		}
	}
	return nil
}

func blockedErase(issues []Issue) error {
	texts := make([]string, len(issues))
	for i, issue := range issues {
		texts[i] = issue.Location + ": " + issue.Text
	}
	return fmt.Errorf("%w: %w: %s", ErrBlocked, ErrEraseBarred, strings.Join(texts, "; "))
}

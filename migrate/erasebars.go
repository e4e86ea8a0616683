package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/bucketpolicy"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
)

// barred refuses to begin where the source cannot be erased, by what it tells now.
func barred(ctx context.Context, run *phase.Run) error {
	for _, m := range run.Plan.Moves {
		policy, err := run.Source(m).Setting(ctx, m.Bucket, objectstore.Policy)
		if errors.Is(err, objectstore.ErrDenied) || errors.Is(err, objectstore.ErrNotOffered) {
			policy, err = nil, nil // the plan says so
		}
		if err == nil {
			policy, err = bucketpolicy.WithoutWriteBlocks(policy)
		}
		if err != nil {
			return fmt.Errorf("policy of %s: %w", plan.BucketName(m), err)
		}
		b, err := plan.BarsTo(ctx, run.Source(m), m, policy)
		if err != nil {
			return err
		}
		if len(b.Sure) > 0 {
			return blockedErase(b.Sure)
		}
	}
	return nil
}

func blockedErase(issues []plan.Issue) error {
	texts := make([]string, len(issues))
	for i, issue := range issues {
		texts[i] = issue.Location + ": " + issue.Text
	}
	return fmt.Errorf("%w: %w: %s", ErrBlocked, ErrEraseBarred, strings.Join(texts, "; "))
}

package record

import (
	"context"

	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
)

// Buckets reads which destination buckets the plan makes.
func Buckets(ctx context.Context, r *Record) (*plan.BucketRecord, error) {
	b := new(plan.BucketRecord)
	found, err := r.ReadFile(ctx, plan.BucketsFile, plan.BucketsSchema, b, &b.Schema, &b.Plan)
	if !found && err == nil {
		b.Schema, b.Plan = plan.BucketsSchema, r.Plan.Digest
	}
	return b, err
}

// SaveBucket keeps that a bucket is to be made, or was.
func SaveBucket(ctx context.Context, r *Record, known *plan.BucketRecord, bucket string, made bool) error {
	b := known.Find(bucket)
	if b == nil {
		known.Buckets = append(known.Buckets, plan.MadeBucket{Bucket: bucket})
		b = &known.Buckets[len(known.Buckets)-1]
	}
	b.Made = made
	return state.PutJSON(ctx, r.Home, r.Name(plan.BucketsFile), known)
}

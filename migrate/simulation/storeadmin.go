package simulation

import (
	"context"
	"iter"

	"github.com/residency/residency/inventory/objectstore"
)

func (s store) Buckets(ctx context.Context) ([]objectstore.Bucket, error) {
	r, err := s.ask(ctx, kindLook, "", "list buckets")
	if err != nil {
		return nil, err
	}
	buckets, err := s.real.Buckets(ctx)
	return buckets, s.leave(r, err)
}

func (s store) BucketRegion(ctx context.Context, bucket string) (string, error) {
	r, err := s.ask(ctx, kindLook, bucket, "region of %s", bucket)
	if err != nil {
		return "", err
	}
	region, err := s.real.BucketRegion(ctx, bucket)
	if err == nil && s.world.options.coupling.oneBucket {
		region = map[string]string{source: us, destination: eu}[s.side]
	}
	return region, s.leave(r, err)
}

func (s store) Versioning(ctx context.Context, bucket string) (objectstore.Versioning, error) {
	r, err := s.ask(ctx, kindLook, bucket, "versioning of %s", bucket)
	if err != nil {
		return "", err
	}
	v, err := s.real.Versioning(ctx, bucket)
	return v, s.leave(r, err)
}

func (s store) BucketTags(ctx context.Context, bucket string) ([]objectstore.Tag, error) {
	r, err := s.ask(ctx, kindLook, bucket, "tags of bucket %s", bucket)
	if err != nil {
		return nil, err
	}
	tags, err := s.real.BucketTags(ctx, bucket)
	return tags, s.leave(r, err)
}

func (s store) Facts(ctx context.Context, bucket string) ([]objectstore.Fact, error) {
	if !s.keeps() { // most services say nothing
		return nil, nil
	}
	r, err := s.ask(ctx, kindLook, bucket, "facts of %s", bucket)
	if err != nil {
		return nil, err
	}
	facts, err := s.real.Facts(ctx, bucket)
	return facts, s.leave(r, err)
}

// keeps tells whether the service keeps what is deleted.
func (s store) keeps() bool {
	return s.side == source && s.world.options.source.Keeps > 0
}

func (s store) Deleted(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.Deleted, error] {
	return func(yield func(objectstore.Deleted, error) bool) {
		if !s.keeps() {
			return
		}
		r, err := s.ask(ctx, kindPage, bucket, "list what is kept of %s/%s", bucket, prefix)
		s.world.keptAt = s.world.step
		if err == nil {
			for d, listed := range s.real.Deleted(ctx, bucket, prefix) {
				if err = listed; err != nil || !yield(d, nil) {
					break
				}
			}
			err = s.leave(r, err)
		}
		if err != nil {
			yield(objectstore.Deleted{}, err)
		}
	}
}

func (s store) CreateBucket(ctx context.Context, bucket string, lock bool) error {
	r, err := s.ask(ctx, kindChange, bucket, "create bucket %s", bucket)
	if err != nil {
		return err
	}
	err = s.real.CreateBucket(ctx, bucket, lock)
	if err == nil {
		s.world.makers[bucket] = s.operator.plan.ID // in whichever state
	}
	return s.leave(r, err)
}

func (s store) SetVersioning(ctx context.Context, bucket string, v objectstore.Versioning) error {
	r, err := s.ask(ctx, kindChange, bucket, "make versioning of %s %s", bucket, v)
	if err != nil {
		return err
	}
	s.configures(bucket, "versioning")
	return s.leave(r, s.real.SetVersioning(ctx, bucket, v))
}

func (s store) SetBucketTags(ctx context.Context, bucket string, tags []objectstore.Tag) error {
	r, err := s.ask(ctx, kindChange, bucket, "tag bucket %s", bucket)
	if err != nil {
		return err
	}
	s.configures(bucket, "tags")
	return s.leave(r, s.real.SetBucketTags(ctx, bucket, tags))
}

func (s store) DeleteBucket(ctx context.Context, bucket string) error {
	r, err := s.ask(ctx, kindChange, bucket, "delete bucket %s", bucket)
	if err != nil {
		return err
	}
	return s.leave(r, s.real.DeleteBucket(ctx, bucket))
}

func (s store) Setting(ctx context.Context, bucket string, name objectstore.Setting) ([]byte, error) {
	// Thirty of these are asked for each bucket: they wait for no turn.
	return s.real.Setting(ctx, bucket, name)
}

func (s store) SetSetting(ctx context.Context, bucket string, name objectstore.Setting, value []byte) error {
	r, err := s.ask(ctx, kindChange, bucket, "set %s of %s", name, bucket)
	if err != nil {
		return err
	}
	s.configures(bucket, string(name))
	return s.leave(r, s.real.SetSetting(ctx, bucket, name, value))
}

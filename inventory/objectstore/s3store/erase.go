package s3store

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/iam"
)

// Delete implements objectstore.Eraser. An entry that the answer does not
// mention counts as not deleted. Keys that the request's XML cannot hold go in a
// request each, in which they are part of the URL, and so do all where the service
// deletes no several at once.
func (s *Store) Delete(ctx context.Context, bucket string, entries []objectstore.Deletion) ([]error, error) {
	results := make([]error, len(entries))
	oneByOne := s.oneByOne.Load()
	var batch []objectstore.Deletion
	var places []int // of the batch in the results
	for i, e := range entries {
		if !oneByOne && xmlHolds(e.Key) {
			batch, places = append(batch, e), append(places, i)
			continue
		}
		_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &e.Key,
			VersionId: versionID(e.VersionID), IfMatch: quoted(e.ETag)})
		if results[i] = s.fail("DeleteObject", bucket, err); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if len(batch) == 0 {
		return results, nil
	}
	answers, err := s.deleteBatch(ctx, bucket, batch)
	if errors.Is(err, objectstore.ErrNotOffered) {
		s.oneByOne.Store(true)
		answers, err = s.Delete(ctx, bucket, batch)
	}
	if err != nil {
		return nil, err
	}
	for j, i := range places {
		results[i] = answers[j]
	}
	return results, nil
}

// xmlHolds tells whether XML 1.0 can write a text (W3C Recommendation,
// production 2, "Char").
func xmlHolds(text string) bool {
	for _, r := range text {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF || r == utf8.RuneError {
			return false
		}
	}
	return true
}

func (s *Store) deleteBatch(ctx context.Context, bucket string, entries []objectstore.Deletion) ([]error, error) {
	ids := make([]types.ObjectIdentifier, len(entries))
	for i := range entries {
		ids[i] = types.ObjectIdentifier{Key: &entries[i].Key, VersionId: versionID(entries[i].VersionID)}
		if entries[i].ETag != "" {
			ids[i].ETag = quoted(entries[i].ETag)
		}
	}
	out, err := s.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: ids,
		Quiet: aws.Bool(false)}})
	if err != nil {
		return nil, s.fail("DeleteObjects", bucket, err, casesOf(entries)...)
	}
	type name struct{ key, id string }
	answers := make(map[name]error, len(entries))
	for _, d := range out.Deleted {
		answers[name{aws.ToString(d.Key), aws.ToString(d.VersionId)}] = nil
	}
	for _, e := range out.Errors {
		code := aws.ToString(e.Code)
		var needs []string
		hint := ""
		if errors.Is(kind(code), objectstore.ErrDenied) {
			needs, hint = neededFor("DeleteObjects", deletionCase(aws.ToString(e.VersionId)))
		}
		answers[name{aws.ToString(e.Key), aws.ToString(e.VersionId)}] = &objectstore.Error{
			Op: "DeleteObjects", Bucket: s.where(bucket), Code: code, Status: 200, Kind: kind(code), Hint: hint,
			Needs: needs, Err: errors.New(aws.ToString(e.Message)),
		}
	}
	results := make([]error, len(entries))
	for i, e := range entries {
		answer, ok := answers[name{e.Key, e.VersionID}]
		if !ok {
			answer = s.fail("DeleteObjects", bucket, fmt.Errorf("the answer does not say what became of this entry"))
		}
		results[i] = answer
	}
	return results, nil
}

// casesOf is what several deletions need permissions for.
func casesOf(entries []objectstore.Deletion) []iam.Case {
	var cases []iam.Case
	for _, e := range entries {
		cases = append(cases, deletionCase(e.VersionID))
	}
	return cases
}

func deletionCase(version string) iam.Case {
	if version == "" {
		return iam.Current
	}
	return iam.Version
}

// DeleteIf implements objectstore.Eraser. Amazon compares current versions only, and
// answers 501 NotImplemented where a version is named as well (Amazon S3 User Guide,
// "How to perform conditional deletes").
func (s *Store) DeleteIf(ctx context.Context, bucket string, entry objectstore.Deletion) error {
	out, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &bucket, Key: &entry.Key, VersionId: versionID(entry.VersionID), IfMatch: quoted(entry.ETag),
	})
	if err != nil {
		return s.fail("DeleteObject", bucket, err)
	}
	if entry.VersionID != "" || !aws.ToBool(out.DeleteMarker) {
		return nil
	}
	return s.uncover(ctx, bucket, entry.Key, aws.ToString(out.VersionId))
}

// uncover takes away a delete marker that was set where a deletion for good was meant.
// One without an ID stays: what lies under that ID by now may be another's.
func (s *Store) uncover(ctx context.Context, bucket, key, marker string) error {
	set := fmt.Errorf("%w: the bucket has versions, and a delete marker was set", objectstore.ErrNotOffered)
	if marker == "" || marker == objectstore.NullVersion {
		return s.fail("DeleteObject", bucket, set)
	}
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key, VersionId: &marker})
	if err != nil {
		return fmt.Errorf("%w; it could not be taken away again: %w", s.fail("DeleteObject", bucket, set),
			s.fail("DeleteObject", bucket, err))
	}
	return s.fail("DeleteObject", bucket, set)
}

func isNotFound(err error) bool { return errors.Is(err, objectstore.ErrNotFound) }

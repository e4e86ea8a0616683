package objectstore

import (
	"errors"
	"fmt"
	"strings"
)

// Location is a bucket of a configured provider, or the keys of that bucket
// that begin with a byte prefix.
type Location struct {
	Provider string
	Bucket   string
	Prefix   string // empty: the whole bucket
}

// ParseLocation reads "provider:bucket" or "provider:bucket/prefix". The prefix
// is everything after the first slash, taken as it stands.
func ParseLocation(s string) (Location, error) {
	provider, rest, ok := strings.Cut(s, ":")
	if !ok || provider == "" {
		return Location{}, fmt.Errorf("location %q: want provider:bucket or provider:bucket/prefix", s)
	}
	bucket, prefix, _ := strings.Cut(rest, "/")
	if err := CheckAnyBucketName(bucket); err != nil {
		return Location{}, fmt.Errorf("location %q: %w", s, err)
	}
	return Location{Provider: provider, Bucket: bucket, Prefix: prefix}, nil
}

// String is the form that ParseLocation reads.
func (l Location) String() string {
	if l.Prefix == "" {
		return l.Provider + ":" + l.Bucket
	}
	return l.Provider + ":" + l.Bucket + "/" + l.Prefix
}

// SameBucket tells whether both are in one bucket of one provider.
func (l Location) SameBucket(o Location) bool {
	return l.Provider == o.Provider && l.Bucket == o.Bucket
}

// Overlaps tells whether some key could belong to both.
func (l Location) Overlaps(o Location) bool {
	return l.SameBucket(o) && (strings.HasPrefix(l.Prefix, o.Prefix) || strings.HasPrefix(o.Prefix, l.Prefix))
}

// BucketChecker is a store whose service has rules of its own for names of buckets.
type BucketChecker interface{ CheckBucket(name string) error }

// CheckBucketOf applies a store's rules, or else those of [CheckBucketName].
func CheckBucketOf(store any, name string) error {
	if c, ok := store.(BucketChecker); ok {
		return c.CheckBucket(name)
	}
	return CheckBucketName(name)
}

var errAnyBucketName = errors.New("a bucket's name has a-z, 0-9, '-', '_' and '.', in pieces of at most 63 " +
	"characters between dots, beginning and ending with a letter or digit; at most 222 characters")

// CheckAnyBucketName refuses what no service takes: each has rules of its own besides. Google
// takes '_' and, with dots, up to 222 characters (Cloud Storage documentation, "Bucket naming
// requirements"); what Azure calls a container is here account.container, and some of those
// that the service makes itself begin with '$' (Azure Storage documentation, "Naming and
// referencing containers, blobs, and metadata").
func CheckAnyBucketName(name string) error {
	refused := fmt.Errorf("bucket %q: %w", name, errAnyBucketName)
	if len(name) < 3 || len(name) > 222 || !alphanumeric(name[0]) || !alphanumeric(name[len(name)-1]) {
		return refused
	}
	for i, piece := range strings.Split(name, ".") {
		if i > 0 {
			piece = strings.TrimPrefix(piece, "$")
		}
		if piece == "" || len(piece) > 63 || strings.Trim(piece, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return refused
		}
	}
	return nil
}

var errBucketName = errors.New("a bucket's name has 3 to 63 of a-z, 0-9, '-' and '.', beginning and ending with a " +
	"letter or digit")

// CheckBucketName applies the naming rules that all S3 services share
// (Amazon S3 User Guide, "General purpose bucket naming rules").
func CheckBucketName(name string) error {
	if len(name) < 3 || len(name) > 63 || !alphanumeric(name[0]) || !alphanumeric(name[len(name)-1]) {
		return fmt.Errorf("bucket %q: %w", name, errBucketName)
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; !alphanumeric(c) && c != '-' && c != '.' {
			return fmt.Errorf("bucket %q: %w", name, errBucketName)
		}
	}
	return nil
}

func alphanumeric(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

package azurestore

import (
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/residency/residency/inventory/objectstore"
)

const (
	mib     = 1 << 20
	maxKey  = 1024 // characters
	batch   = 64
	maxTags = 10
)

// Limits implements objectstore.Limited ("Scalability and performance targets for Blob storage";
// "Put Blob", "Put Block", Remarks). A key's limit is in characters, which CheckKey counts; here
// it is that of keys of which each character has the most bytes. Deletions go one by one.
func (s *Store) Limits() objectstore.Limits {
	return objectstore.Limits{Single: 5000 * mib, Part: 4000 * mib, Parts: 50_000, Object: 50_000 * 4000 * mib,
		Key: maxKey * 3, Batch: batch}
}

var (
	errKeyText     = errors.New("a key that is not UTF-8")
	errKeyLong     = errors.New("a key of more than 1,024 characters")
	errKeySegments = errors.New("a key of more than 254 segments")
	errKeySlash    = errors.New("a key that ends in a slash")
	errKeyDot      = errors.New("a key of which a segment ends in a dot")
	errKeyBack     = errors.New("a key with a backslash, which clients and servers take for a slash")
)

// CheckKey implements objectstore.KeyChecker ("Naming and referencing containers, blobs, and
// metadata", Blob names). Segments that are "." or ".." are among those that end in a dot.
func (s *Store) CheckKey(key string) error {
	switch {
	case !utf8.ValidString(key):
		return errKeyText
	case len(utf16.Encode([]rune(key))) > maxKey:
		return errKeyLong
	case strings.Count(key, "/") > 253:
		return errKeySegments
	case strings.HasSuffix(key, "/"):
		return errKeySlash
	case strings.HasSuffix(key, ".") || strings.Contains(key, "./"):
		return errKeyDot
	case strings.Contains(key, `\`):
		return errKeyBack
	}
	return nil
}

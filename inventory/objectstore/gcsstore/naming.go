package gcsstore

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

var errName = errors.New("a bucket on Google has 3 to 63 of a-z, 0-9, '-', '_' and '.', with dots up to 222 " +
	"in pieces of at most 63, begins and ends with a letter or digit, is no IP address, and has neither the prefix " +
	"goog nor google in it")

// CheckBucketName applies Google's rules (Cloud Storage documentation, "Bucket naming
// requirements").
func CheckBucketName(name string) error {
	const alphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789"
	refused := fmt.Errorf("bucket %q: %w", name, errName)
	dots := strings.Contains(name, ".")
	if len(name) < 3 || len(name) > 222 || !dots && len(name) > 63 || strings.HasPrefix(name, "goog") ||
		strings.Contains(name, "google") || strings.Trim(name, alphanumeric+"-_.") != "" ||
		strings.Trim(name[:1]+name[len(name)-1:], alphanumeric) != "" {
		return refused
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return refused
	}
	for piece := range strings.SplitSeq(name, ".") {
		if piece == "" || len(piece) > 63 {
			return refused
		}
	}
	return nil
}

// CheckBucket implements objectstore.BucketChecker.
func (s *Store) CheckBucket(name string) error { return CheckBucketName(name) }

// Owns tells whether an endpoint is one of Google's (Cloud Storage documentation, "Cloud Storage
// request endpoints").
func Owns(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return host == "googleapis.com" || strings.HasSuffix(host, ".googleapis.com")
}

package objectstore

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// Migrations write a few things for themselves beside the data that they move.
// Whoever lists a bucket can tell them from a customer's by what follows.
const (
	// MarkKey is the key of an unfinished upload, without parts, by which a plan
	// reserves a bucket from its start to its end.
	MarkKey = ".residency-reservation"
	// LeasePrefix begins the names of leases, by which a run reserves the keys that
	// it writes; see LeaseName.
	LeasePrefix = MarkKey + "-"
	// LeaseFile is the object in which a lease lies, in the folder of its name.
	LeaseFile = "lease.json"
	// ProbePrefix begins the names of objects and uploads that are written to see
	// what a service does, and removed at once. Each holds ProbeText.
	ProbePrefix = ".residency-probe-"
	ProbeText   = "probe"
)

// LeaseName names the lease of the keys that begin with prefix.
func LeaseName(prefix string) string {
	return LeasePrefix + base64.RawURLEncoding.EncodeToString([]byte(prefix))
}

// LeaseOf tells whether a lease has this name, and of which keys. Others' keys
// may only begin like one.
func LeaseOf(name string) (prefix string, ok bool) {
	encoded, ok := strings.CutPrefix(name, LeasePrefix)
	if !ok {
		return "", false
	}
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	return string(text), err == nil
}

// IsLease tells whether a key is where a lease lies.
func IsLease(key string) bool {
	name, file, _ := strings.Cut(key, "/")
	_, ok := LeaseOf(name)
	return ok && file == LeaseFile
}

// IsProbe tells whether a version is a probe, by its name and its content. One
// that is still there was left by a run that was killed.
func IsProbe(v Version) bool {
	// A service whose listings say nothing of any content has the name and the size alone.
	return MayBeProbe(v) && (v.Sum().Algorithm == MD5 || v.Content != nil)
}

// MayBeProbe tells whether a version is a probe by its name and its size, and by its content as
// far as that is told.
func MayBeProbe(v Version) bool {
	if v.Marker || v.Size != int64(len(ProbeText)) {
		return false
	}
	name := v.Key[strings.LastIndex(v.Key, "/")+1:]
	sum, said := md5.Sum([]byte(ProbeText)), v.Sum()
	return strings.HasPrefix(name, ProbePrefix) &&
		(said.Algorithm != MD5 || said.Value == hex.EncodeToString(sum[:]))
}

// ImpossibleETag has the form of an MD5 that no content is known to have.
const ImpossibleETag = "00000000000000000000000000000000"

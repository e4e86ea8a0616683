package manifest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strconv"
)

// Tally counts the entries of a listing, and is a digest of them. Its recipe is for others
// to follow: the SHA-256 of a line for each entry, in the manifest's order, of its key in
// base64, version ID, whether it is a delete marker, size and ETag, with tabs between. A
// marker has size 0 and no ETag. The zero value is an empty listing.
type Tally struct {
	Entries, Versions, Markers, Bytes int64

	sum  hash.Hash
	line []byte
}

// Add appends an entry.
func (t *Tally) Add(e *Entry) {
	if t.sum == nil {
		t.sum = sha256.New()
	}
	size, etag := e.Size, e.ETag
	if e.Marker {
		size, etag = 0, ""
	}
	b := base64.StdEncoding.AppendEncode(t.line[:0], []byte(e.Key))
	b = append(append(append(b, '\t'), e.VersionID...), '\t')
	b = append(strconv.AppendBool(b, e.Marker), '\t')
	b = append(strconv.AppendInt(b, size, 10), '\t')
	t.line = append(append(b, etag...), '\n')
	t.sum.Write(t.line)

	t.Entries++
	t.Bytes += size
	if e.Marker {
		t.Markers++
	} else {
		t.Versions++
	}
}

// Digest is the digest of all that was added, in hex.
func (t *Tally) Digest() string {
	if t.sum == nil {
		t.sum = sha256.New()
	}
	return hex.EncodeToString(t.sum.Sum(nil))
}

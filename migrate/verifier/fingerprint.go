package verifier

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime"

	"github.com/residency/residency/inventory/objectstore"
)

// Fingerprint is a SHA-256, in hex, of the headers and metadata that an object carries, and
// one of its tags, empty where it has none. So what a copy carries can be held against what
// was proven, when its original is no longer there. Locks end by themselves, and storage
// classes change: they are not in it, nor are grants.
func Fingerprint(a objectstore.Attributes) (attributes, tags string) {
	var words mime.WordDecoder
	text := func(s string) string { // see sameText
		if decoded, err := words.DecodeHeader(s); err == nil {
			return decoded
		}
		return s
	}
	var metadata map[string]string
	if len(a.Metadata) > 0 {
		metadata = make(map[string]string, len(a.Metadata))
		for name, value := range a.Metadata {
			metadata[name] = text(value)
		}
	}
	attributes = digest(struct {
		Headers  []string
		Metadata map[string]string
	}{[]string{a.ContentType, a.CacheControl, text(a.ContentDisposition), text(a.ContentEncoding),
		text(a.ContentLanguage), a.Expires, a.WebsiteRedirect}, metadata})
	if len(a.Tags) > 0 {
		tags = digest(a.Tags)
	}
	return attributes, tags
}

func digest(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // text, and maps and lists of it
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

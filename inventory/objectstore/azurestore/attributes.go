package azurestore

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// refusal is an ErrRejected of what is not sent; the errors around it say what it is of.
type refusal string

func (r refusal) Error() string { return string(r) }

// Is tells that it is an ErrRejected.
func (refusal) Is(target error) bool { return target == objectstore.ErrRejected }

// rejected makes a refusal of what a blob cannot have.
func rejected(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

// attributes adds everything that an object has besides its bytes to the header of the request
// that makes it: a later one would make a new version ("Blob versioning", of Set Blob
// Metadata). What cannot be carried is refused by name.
func (s *Store) attributes(h http.Header, o *objectstore.NewObject) error {
	if err := s.CheckKey(o.Key); err != nil {
		return rejected("%v", err)
	}
	switch {
	case o.WebsiteRedirect != "":
		return rejected("a blob has no website redirect")
	case o.Expires != "":
		return rejected("a blob has no Expires")
	case len(o.Grants) > 0:
		return rejected("a blob has no access control list")
	case o.CustomerKey != "":
		return rejected("a key that the customer alone has is not supported here")
	case o.KMSKey != "":
		return rejected("a key is chosen for an account or an encryption scope, and not for a blob")
	}
	for name, value := range map[string]string{"x-ms-blob-content-type": o.ContentType,
		"x-ms-blob-cache-control": o.CacheControl, "x-ms-blob-content-disposition": o.ContentDisposition,
		"x-ms-blob-content-encoding": o.ContentEncoding, "x-ms-blob-content-language": o.ContentLanguage} {
		if value == "" {
			continue
		}
		if !plainValue(value) {
			return rejected("%s cannot be kept as it is", strings.TrimPrefix(name, "x-ms-blob-"))
		}
		h.Set(name, value)
	}
	if err := putMetadata(h, o.Metadata); err != nil {
		return err
	}
	return cmp.Or(putTags(h, o.Tags), putTier(h, o.StorageClass), putLock(h, o.Lock), putGuard(h, o.Guard))
}

// putTags adds tags, which have rules of their own ("Set Blob Tags", Remarks).
func putTags(h http.Header, tags []objectstore.Tag) error {
	if len(tags) == 0 {
		return nil
	}
	if len(tags) > maxTags {
		return rejected("a blob has 10 tags at most")
	}
	query := make(url.Values, len(tags))
	for _, t := range tags {
		if len(t.Key) < 1 || len(t.Key) > 128 || len(t.Value) > 256 {
			return rejected("a tag's key has 1 to 128 characters, and its value at most 256")
		}
		if !tagText(t.Key) || !tagText(t.Value) {
			return rejected("a tag has letters, digits, spaces and + - . / : = _ only")
		}
		if query.Has(t.Key) {
			return rejected("two tags have one key")
		}
		query.Set(t.Key, t.Value)
	}
	h.Set("x-ms-tags", encode(query))
	return nil
}

func tagText(text string) bool {
	for i := range len(text) {
		if c := text[i]; !alphanumeric(c) && strings.IndexByte(" +-./:=_", c) < 0 {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' }

// putTier chooses the access tier by Azure's own name. Without one, and of S3's default, it is
// the account's default.
func putTier(h http.Header, class string) error {
	switch class {
	case "", "STANDARD":
		return nil
	case "Hot", "Cool", "Cold", archive:
		h.Set("x-ms-access-tier", class)
		return nil
	}
	return rejected("there is no access tier %q", class)
}

// putLock asks for what protects a version from the start.
func putLock(h http.Header, lock objectstore.Lock) error {
	switch lock.Mode {
	case "":
	case governance:
		h.Set("x-ms-immutability-policy-mode", "Unlocked")
	case compliance:
		h.Set("x-ms-immutability-policy-mode", "Locked")
	default:
		return rejected("there is no retention mode %q", lock.Mode)
	}
	if lock.Event != (objectstore.EventHold{}) {
		return rejected("a blob has no event hold")
	}
	if lock.Mode != "" {
		h.Set("x-ms-immutability-policy-until-date", azureTime(lock.Until))
	}
	if lock.Hold {
		h.Set("x-ms-legal-hold", "true")
	}
	return nil
}

// putGuard adds the condition of a write. The service compares ETags alone.
func putGuard(h http.Header, g objectstore.Guard) error {
	switch {
	case g.Absent:
		h.Set("If-None-Match", "*")
	case g.ETag != "":
		h.Set("If-Match", quoted(g.ETag))
	case g.VersionID != "":
		return rejected("a write cannot be guarded by a version ID")
	}
	return nil
}

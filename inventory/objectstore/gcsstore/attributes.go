package gcsstore

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// newResource is what a new object is to carry (JSON API, "Objects: insert", request body).
type newResource struct {
	Name               string            `json:"name,omitempty"`
	ContentType        string            `json:"contentType,omitempty"`
	CacheControl       string            `json:"cacheControl,omitempty"`
	ContentDisposition string            `json:"contentDisposition,omitempty"`
	ContentEncoding    string            `json:"contentEncoding,omitempty"`
	ContentLanguage    string            `json:"contentLanguage,omitempty"`
	CustomTime         *time.Time        `json:"customTime,omitempty"`
	Metadata           map[string]string `json:"metadata,omitempty"`
	Contexts           any               `json:"contexts,omitempty"`
	StorageClass       string            `json:"storageClass,omitempty"`
	MD5Hash            string            `json:"md5Hash,omitempty"`
	CRC32C             string            `json:"crc32c,omitempty"`
	TemporaryHold      bool              `json:"temporaryHold,omitempty"`
	EventBasedHold     bool              `json:"eventBasedHold,omitempty"`
	Retention          *retention        `json:"retention,omitempty"`
}

// resourceOf is what an object carries.
func resourceOf(a objectstore.Attributes) newResource {
	n := newResource{ContentType: a.ContentType, CacheControl: a.CacheControl, ContentDisposition: a.ContentDisposition,
		ContentEncoding: a.ContentEncoding, ContentLanguage: a.ContentLanguage, Metadata: a.Metadata,
		StorageClass: a.StorageClass}
	n.lock(a.Lock)
	return n
}

func (n *newResource) lock(l objectstore.Lock) {
	n.TemporaryHold, n.EventBasedHold = l.Hold, l.Event.On
	switch l.Mode {
	case "GOVERNANCE":
		n.Retention = &retention{"Unlocked", l.Until}
	case "COMPLIANCE":
		n.Retention = &retention{"Locked", l.Until}
	}
}

// sums adds those of the bytes that are known and that the service checks.
func (n *newResource) sums(b objectstore.Body) {
	if b.Checksum.Algorithm == crc32c && !b.Checksum.Composite {
		n.CRC32C = b.Checksum.Value
	}
	if md5, err := hex.DecodeString(b.MD5); err == nil && len(md5) == 16 {
		n.MD5Hash = base64.StdEncoding.EncodeToString(md5)
	}
}

// carries refuses what Google has no place for, before anything is sent.
func (s *Store) carries(op string, o objectstore.NewObject) error {
	var left []string
	for name, has := range map[string]bool{
		"tags": len(o.Tags) > 0, "a website redirect": o.WebsiteRedirect != "", "grants": len(o.Grants) > 0,
		"Expires": o.Expires != "", "a customer's key": o.CustomerKey != "",
		"a time for which an event's hold lasts on": o.Lock.Event.Days != 0 || o.Lock.Event.Years != 0,
		"a retention of another mode":               o.Lock.Mode != "" && resourceOf(o.Attributes).Retention == nil,
	} {
		if has {
			left = append(left, name)
		}
	}
	var err error
	switch key := s.CheckKey(o.Key); {
	case key != nil:
		err = fmt.Errorf("the key: %w", key)
	case len(left) > 0:
		err = errors.New("objects cannot have " + strings.Join(sorted(left), ", "))
	default:
		return nil
	}
	return &objectstore.Error{Op: op, Bucket: s.where(o.Bucket), Kind: objectstore.ErrRejected, Err: err}
}

// guard adds a write's conditions (Cloud Storage documentation, "Request preconditions"):
// generation 0 is that there is no live version. The made-up marker means that too.
func (q query) guard(g objectstore.Guard) {
	switch {
	case g.Absent, objectstore.IsMarkerOf(g.VersionID):
		q["ifGenerationMatch"] = "0"
		return
	case g.ETag != "":
		q.match("", g.ETag)
	}
	if g.VersionID == "" {
		return
	}
	n, err := parseGeneration(g.VersionID)
	if err != nil || g.ETag != "" && q["ifGenerationMatch"] != g.VersionID {
		n = neverGeneration
	}
	q["ifGenerationMatch"] = decimal(n)
}

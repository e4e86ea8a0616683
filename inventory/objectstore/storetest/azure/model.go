package azure

import (
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

type account struct {
	Account
	containers map[string]*container
}

type container struct {
	metadata map[string]string
	modified time.Time
	etag     string
	locking  bool // version-level immutability
	blobs    map[string]*blob
	sorted   []named // names, if nothing has changed since
}

// blob is all that there is of one name.
type blob struct {
	current   *version
	previous  []*version // oldest first
	snapshots []*version // oldest first
	blocks    []part     // in no blob yet, in the order of their coming
	touched   time.Time  // when the last block came
	deleted   []*version // softly; deletedAt tells when
}

type part struct {
	id   string // base64
	data []byte
}

type version struct {
	id       string // empty: made without versioning
	snapshot string
	etag     string
	data     []byte
	parts    []int64 // sizes of committed blocks
	header   map[string]string
	metadata map[string]string
	tags     [][2]string
	tier     string // empty: the account's default
	pending  string // archive status
	kind     string // BlockBlob, PageBlob, AppendBlob
	made     time.Time
	modified time.Time
	mode     string // of the immutability policy
	until    time.Time
	hold     bool
	keySHA   string // of a key that the customer alone has

	deletedAt time.Time
}

func (v *version) locked(now time.Time) bool { return v.hold || v.mode != "" && v.until.After(now) }

// empty tells whether nothing is left under a name.
func (b *blob) empty() bool {
	return b.current == nil && len(b.previous) == 0 && len(b.snapshots) == 0 && len(b.blocks) == 0 && len(b.deleted) == 0
}

// find is a version by its ID.
func (b *blob) find(id string) *version {
	if b.current != nil && b.current.id == id {
		return b.current
	}
	return byID(b.previous, func(v *version) bool { return v.id == id })
}

func byID(all []*version, is func(*version) bool) *version {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i]
	}
	return nil
}

// names are those of a container in the order in which the service lists them: by their UTF-16
// code units (reported: github.com/christopher-hesse/blobfile, issue 238), and by folder where the
// account has a hierarchical namespace (reported: github.com/Azure/azure-sdk-for-go, issue 24210).
func (c *container) names(folders bool) []named {
	if c.sorted == nil {
		c.sorted = make([]named, 0, len(c.blobs))
		for name := range c.blobs {
			c.sorted = append(c.sorted, named{name, units(name, folders)})
		}
		slices.SortFunc(c.sorted, func(x, y named) int { return slices.Compare(x.units, y.units) })
	}
	return c.sorted
}

// named is a name, and what it is ordered by.
type named struct {
	name  string
	units []uint16
}

// hold has something under a name.
func (c *container) hold(key string, b *blob) {
	if c.blobs[key] == nil {
		c.sorted = nil
	}
	c.blobs[key] = b
}

// drop has nothing under a name any more.
func (c *container) drop(key string) {
	delete(c.blobs, key)
	c.sorted = nil
}

// units are what a name is ordered by.
func units(name string, folders bool) []uint16 {
	if folders {
		name = strings.ReplaceAll(name, "/", "\x00")
	}
	return utf16.Encode([]rune(name))
}

// replace makes v the current version; what was current is kept where the account keeps versions
// ("Blob versioning").
func (s *Server) replace(a *account, b *blob, v *version) {
	b.retire(a, v.modified, true)
	if a.Versioning {
		v.id = stamp(v.modified)
	}
	b.current, b.blocks = v, nil
}

// retire takes away what is current. It becomes a previous version where versions are kept: one
// that was made without gets the time of its last change as its ID ("Blob versioning",
// Enabling versioning). One with an ID stays as well when it is written over where versions are kept
// no longer ("Blob versioning", Disabling versioning: what is written then is no version); that a
// deletion takes it there is assumed, for it is the worse.
func (b *blob) retire(a *account, at time.Time, over bool) {
	if b.current == nil {
		return
	}
	if a.Versioning || over && b.current.id != "" {
		if b.current.id == "" {
			b.current.id = stamp(b.current.modified)
		}
		b.previous = append(b.previous, b.current)
		slices.SortFunc(b.previous, func(x, y *version) int { return strings.Compare(x.id, y.id) })
	} else {
		b.keep(a, b.current, at)
	}
	b.current = nil
}

// keep has a version kept that is deleted, where the account deletes softly ("Soft delete for blobs").
func (b *blob) keep(a *account, v *version, at time.Time) {
	if a.SoftDelete > 0 {
		v.deletedAt = at
		b.deleted = append(b.deleted, v)
	}
}

// remaining is for how many days more an account keeps what is deleted; negative: no longer. How the
// service rounds is assumed.
func (v *version) remaining(a *account, now time.Time) int {
	left := v.deletedAt.Add(time.Duration(a.SoftDelete) * 24 * time.Hour).Sub(now)
	if left <= 0 {
		return -1
	}
	return int(left / (24 * time.Hour))
}

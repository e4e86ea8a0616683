package memstore

import (
	"crypto/md5"
	"crypto/sha256"
	"net/http"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Version is one version or delete marker, as the service keeps it. Once it is
// there nothing of it changes, but its tags and, where the service touches that, its date.
type Version struct {
	ID       string
	Marker   bool
	ETag     string
	Modified time.Time
	objectstore.Attributes
	Checksum  objectstore.Checksum
	KeyID     string // of SSE-KMS
	Encrypted string
	SHA256    [sha256.Size]byte // of the body
	Parts     []Part            // of a multipart object, else nil

	body  []byte
	place int64       // among all versions, in the order in which they were made
	dates []time.Time // that it had before
}

// Had tells whether the version has, or had, this date.
func (v *Version) Had(date time.Time) bool {
	return v.Modified.Equal(date) || slices.ContainsFunc(v.dates, date.Equal)
}

// Part is one part of a multipart object.
type Part struct {
	Size     int64
	ETag     string
	Checksum objectstore.Checksum

	number int
	body   []byte
	sum    [16]byte // MD5
	raw    []byte   // of the checksum
}

// Size is the body's in bytes.
func (v *Version) Size() int64 { return int64(len(v.body)) }

// MD5 is that of the body.
func (v *Version) MD5() [md5.Size]byte { return md5.Sum(v.body) }

// info describes the whole version.
func (v *Version) info() objectstore.Info {
	a := v.Attributes
	tags := len(a.Tags)
	a.Tags = nil
	return objectstore.Info{
		Attributes: a, VersionID: v.ID, ETag: v.ETag, Size: v.Size(), Length: v.Size(), TagCount: tags,
		Checksum: v.Checksum, KeyID: v.KeyID, Encrypted: v.Encrypted, Modified: v.Modified.Truncate(time.Second),
		Sum: objectstore.ETagSum(v.ETag, v.Encrypted, v.KeyID),
	}
}

// view is one part of a version, or with part 0 the whole.
func (s *Service) view(op, bucket string, v *Version, part int) (objectstore.Info, []byte, error) {
	info := v.info()
	if s.Traits.HidesTags || s.Traits.UncountedTags {
		info.TagCount = 0
	}
	if part == 0 || part == 1 && v.Parts == nil {
		return info, v.body, nil
	}
	if part > len(v.Parts) {
		return info, nil, s.fail(op, bucket, "InvalidPartNumber", http.StatusRequestedRangeNotSatisfiable, nil)
	}
	var at int64
	for _, p := range v.Parts[:part-1] {
		at += p.Size
	}
	p := v.Parts[part-1]
	info.Length, info.PartCount, info.Checksum = p.Size, len(v.Parts), p.Checksum
	return info, v.body[at : at+p.Size], nil
}

// listed is the version as a listing shows it.
func (s *Service) listed(v *Version, key string, latest bool) objectstore.Version {
	l := objectstore.Version{Key: key, VersionID: v.ID, Modified: v.Modified, Marker: v.Marker, Latest: latest}
	if !v.Marker {
		l.ETag, l.Size, l.StorageClass = v.ETag, v.Size(), v.StorageClass
		if l.StorageClass == "" {
			l.StorageClass = "STANDARD"
		}
		if s.Claims != nil {
			said := objectstore.ETagContent(v.ETag)
			if sum := s.Claims(v); sum != "" {
				said.Claimed = objectstore.Checksum{Algorithm: objectstore.MD5, Value: sum}
			}
			l.Content = &said
		}
	}
	return l
}

// find is the version that a reference names.
func (s *Service) find(op string, ref objectstore.Ref) (*Version, error) {
	b, err := s.bucket(op, ref.Bucket)
	if err != nil {
		return nil, err
	}
	history := b.histories[ref.Key]
	var found *Version
	for i := len(history) - 1; i >= 0 && found == nil; i-- {
		if ref.VersionID == "" || history[i].ID == ref.VersionID {
			found = history[i]
		}
	}
	switch {
	case found == nil && ref.VersionID != "":
		return nil, s.fail(op, ref.Bucket, "NoSuchVersion", http.StatusNotFound, objectstore.ErrNotFound)
	case found == nil || found.Marker && ref.VersionID == "":
		return nil, s.fail(op, ref.Bucket, "NoSuchKey", http.StatusNotFound, objectstore.ErrNotFound)
	case found.Marker:
		return nil, s.fail(op, ref.Bucket, "MethodNotAllowed", http.StatusMethodNotAllowed, objectstore.NotAllowed(op))
	case ref.ETag != "" && ref.ETag != found.ETag:
		return nil, s.fail(op, ref.Bucket, "PreconditionFailed", http.StatusPreconditionFailed, objectstore.ErrPrecondition)
	}
	return found, nil
}

// admits tells whether a write is permitted and its condition holds.
func (s *Service) admits(op, name string, b *container, key string, g objectstore.Guard) error {
	if err := s.permits(op, name, b, "s3:PutObject", key); err != nil {
		return err
	}
	var current *Version
	if h := b.histories[key]; len(h) > 0 {
		current = h[len(h)-1]
	}
	object := current != nil && !current.Marker
	byID := s.Traits.GuardsByID && object && current.ID != objectstore.NullVersion
	named := g.ETag != "" || g.VersionID != "" && s.Traits.GuardsByID
	switch {
	case g.Absent && (object || current != nil && s.Traits.MarkerIsPresence && !s.Traits.TrailingMarkers):
	case named && !object:
		return s.fail(op, name, "NoSuchKey", http.StatusNotFound, objectstore.ErrNotFound)
	case named && byID && current.ID != g.VersionID:
	case named && !byID && current.ETag != g.ETag:
	default:
		return nil
	}
	return s.fail(op, name, "PreconditionFailed", http.StatusPreconditionFailed, objectstore.ErrPrecondition)
}

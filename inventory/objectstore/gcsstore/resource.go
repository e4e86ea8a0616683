package gcsstore

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// resource is an object as the JSON API has it ("Objects", resource representations).
type resource struct {
	Name           string     `json:"name"`
	Generation     int64      `json:"generation,string"`
	Metageneration int64      `json:"metageneration,string"`
	Size           int64      `json:"size,string"`
	TimeCreated    time.Time  `json:"timeCreated"`
	TimeDeleted    time.Time  `json:"timeDeleted"`    // when it became noncurrent; zero: it is live
	HardDelete     *time.Time `json:"hardDeleteTime"` // of what is deleted and kept

	ContentType        string            `json:"contentType"`
	CacheControl       string            `json:"cacheControl"`
	ContentDisposition string            `json:"contentDisposition"`
	ContentEncoding    string            `json:"contentEncoding"`
	ContentLanguage    string            `json:"contentLanguage"`
	CustomTime         *time.Time        `json:"customTime"`
	Metadata           map[string]string `json:"metadata"`
	Contexts           *struct {
		Custom map[string]any `json:"custom"`
	} `json:"contexts"`

	StorageClass string         `json:"storageClass"`
	MD5Hash      string         `json:"md5Hash"` // base64; empty of objects that were made of parts
	CRC32C       string         `json:"crc32c"`  // base64
	KMSKeyName   string         `json:"kmsKeyName"`
	CustomerKey  *encryptedWith `json:"customerEncryption"`

	TemporaryHold  bool       `json:"temporaryHold"`
	EventBasedHold bool       `json:"eventBasedHold"`
	Expiration     *time.Time `json:"retentionExpirationTime"`
	Retention      *retention `json:"retention"`
}

type encryptedWith struct {
	Algorithm string `json:"encryptionAlgorithm"`
}

// retention is an object's own.
type retention struct {
	Mode  string    `json:"mode"` // Unlocked or Locked
	Until time.Time `json:"retainUntilTime"`
}

// objectFields are those of a resource that are asked for, and listFields those that a
// listing needs.
const (
	objectFields = listFields + ",contentType,cacheControl,contentDisposition,contentEncoding,contentLanguage," +
		"customTime,metadata,contexts,kmsKeyName,temporaryHold,eventBasedHold,retentionExpirationTime,retention"
	listFields = "name,generation,metageneration,size,timeCreated,timeDeleted,storageClass,md5Hash,crc32c," +
		"customerEncryption"
)

// etag tells one state of one version from all others.
func (o *resource) etag() string { return decimal(o.Generation) + "." + decimal(o.Metageneration) }

// neverGeneration is one that no object has: it is a time in microseconds (Cloud Storage
// documentation, "Object Versioning", generation numbers).
const neverGeneration = 1<<63 - 1

// parseETag reads what etag wrote. Of others no object can have been what they say, and the
// service says so itself when it is asked for the generation that there never is.
func parseETag(etag string) (generation, metageneration int64) {
	g, m, ok := strings.Cut(etag, ".")
	generation, gerr := parseGeneration(g)
	metageneration, merr := parseGeneration(m)
	if !ok || gerr != nil || merr != nil {
		return neverGeneration, 0
	}
	return generation, metageneration
}

var errGeneration = errors.New("the version ID is no generation")

// parseGeneration reads a number in the one form in which it is written.
func parseGeneration(id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n <= 0 || decimal(n) != id {
		return 0, errGeneration
	}
	return n, nil
}

// version is an entry of a listing. Google lists versions under the time at which they were made.
func (o *resource) version() objectstore.Version {
	v := objectstore.Version{Key: o.Name, VersionID: decimal(o.Generation), ETag: o.etag(), Size: o.Size,
		Modified: o.TimeCreated, Latest: o.TimeDeleted.IsZero(), StorageClass: o.StorageClass,
		Content: &objectstore.Content{Sum: o.sum()}}
	if v.Content.Sum == (objectstore.Checksum{}) {
		v.Content.Sum = o.checksum()
	}
	return v
}

// sum is the MD5 where there is one, else nothing.
func (o *resource) sum() objectstore.Checksum {
	md5, err := base64.StdEncoding.DecodeString(o.MD5Hash)
	if err != nil || len(md5) != 16 || o.CustomerKey != nil {
		return objectstore.Checksum{}
	}
	return objectstore.Checksum{Algorithm: objectstore.MD5, Value: hex.EncodeToString(md5)}
}

const crc32c = "CRC32C"

// checksum is the CRC32C, which every object has that is not under a customer's key
// (Cloud Storage documentation, "Data validation and change detection").
func (o *resource) checksum() objectstore.Checksum {
	if o.CRC32C == "" || o.CustomerKey != nil {
		return objectstore.Checksum{}
	}
	return objectstore.Checksum{Algorithm: crc32c, Value: o.CRC32C}
}

// lock is what keeps a version. A bucket's retention policy shows in the time alone; as it
// can be lifted where it is not locked, which the object does not tell, it counts as the
// mode that can.
func (o *resource) lock() objectstore.Lock {
	l := objectstore.Lock{Hold: o.TemporaryHold, Event: objectstore.EventHold{On: o.EventBasedHold}}
	if o.Retention != nil && o.Retention.Mode != "" {
		l.Mode, l.Until = "GOVERNANCE", o.Retention.Until
		if o.Retention.Mode == "Locked" {
			l.Mode = "COMPLIANCE"
		}
	}
	if o.Expiration != nil && o.Expiration.After(l.Until) {
		l.Until = *o.Expiration
		if l.Mode == "" {
			l.Mode = "GOVERNANCE"
		}
	}
	return l
}

// info describes a version. Encryption goes by the names that other services have for it.
func (o *resource) info() objectstore.Info {
	i := objectstore.Info{
		Attributes: objectstore.Attributes{
			ContentType: o.ContentType, CacheControl: o.CacheControl, ContentDisposition: o.ContentDisposition,
			ContentEncoding: o.ContentEncoding, ContentLanguage: o.ContentLanguage, Metadata: o.Metadata,
			StorageClass: o.StorageClass, Lock: o.lock(),
		},
		VersionID: decimal(o.Generation), ETag: o.etag(), Size: o.Size, Length: o.Size,
		Checksum: o.checksum(), Sum: o.sum(),
		Modified: o.TimeCreated, Encrypted: objectstore.AES256,
	}
	switch {
	case o.CustomerKey != nil:
		i.Encrypted = objectstore.CustomerKey
	case o.KMSKeyName != "":
		i.Encrypted = objectstore.KMS
		i.KeyID, _, _ = strings.Cut(o.KMSKeyName, "/cryptoKeyVersions/")
	}
	var left []string
	if o.Contexts != nil && len(o.Contexts.Custom) > 0 {
		left = append(left, "object contexts")
	}
	if o.CustomTime != nil {
		left = append(left, "custom time")
	}
	i.Incomplete = strings.Join(left, ", ")
	return i
}

package google

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// number is one as the API writes those of 64 bits: in quotes.
func number(n int64) string { return strconv.FormatInt(n, 10) }

// document is what the API says of an object (JSON API, "Objects", resource
// representations). What it does not have is left out.
func (b *Bucket) document(o *Object) map[string]any {
	d := map[string]any{
		"kind": "storage#object", "id": b.Name + "/" + o.Name + "/" + number(o.generation), "name": o.Name,
		"bucket": b.Name, "generation": number(o.generation), "metageneration": number(o.metageneration),
		"storageClass": o.Class, "size": number(int64(len(o.Data))), "etag": etag(o), "timeCreated": stamp(o.created),
		"updated": stamp(o.updated),
	}
	for name, value := range map[string]string{
		"contentType": o.ContentType, "cacheControl": o.CacheControl, "contentDisposition": o.ContentDisposition,
		"contentEncoding": o.ContentEncoding, "contentLanguage": o.ContentLanguage, "kmsKeyName": o.KMSKey,
	} {
		if value != "" {
			d[name] = value
		}
	}
	for name, at := range map[string]time.Time{
		"timeDeleted": o.noncurrent, "softDeleteTime": o.softDeleted, "hardDeleteTime": o.hardDelete,
		"customTime": o.CustomTime, "retentionExpirationTime": o.retainedUntil(),
	} {
		if !at.IsZero() {
			d[name] = stamp(at)
		}
	}
	for name, on := range map[string]bool{"temporaryHold": o.TemporaryHold, "eventBasedHold": o.EventBasedHold} {
		if on {
			d[name] = true
		}
	}
	o.rest(d)
	return d
}

// rest adds what is no text, time or switch.
func (o *Object) rest(d map[string]any) {
	if len(o.Metadata) > 0 {
		d["metadata"] = o.Metadata
	}
	if len(o.Contexts) > 0 {
		custom := make(map[string]any)
		for k, v := range o.Contexts {
			custom[k] = map[string]any{"value": v}
		}
		d["contexts"] = map[string]any{"custom": custom}
	}
	if o.Mode != "" {
		d["retention"] = map[string]any{"mode": o.Mode, "retainUntilTime": stamp(o.RetainUntil)}
	}
	// Sums are of the bytes in the clear, and are not told of what is under a customer's
	// key without it (Cloud Storage documentation, "Customer-supplied encryption keys").
	if o.CustomerKey {
		d["customerEncryption"] = map[string]any{"encryptionAlgorithm": "AES256", "keySha256": "unknown"}
		return
	}
	// An object made of parts has no MD5 (XML API, "Complete a multipart upload").
	if d["crc32c"] = o.crc(); !o.composed {
		d["md5Hash"] = o.md5()
	}
}

func etag(o *Object) string {
	return "C" + strconv.FormatInt(o.generation, 36) + strconv.FormatInt(o.metageneration, 36) + "="
}

// document is what the API says of a bucket (JSON API, "Buckets", resource representations).
func (s *Server) document(b *Bucket) map[string]any {
	d := map[string]any{
		"kind": "storage#bucket", "id": b.Name, "name": b.Name, "projectNumber": "1", "timeCreated": stamp(b.created),
		"metageneration": number(b.metageneration), "location": b.Location, "locationType": b.locationType(),
		"storageClass": b.class, "softDeletePolicy": b.softDelete(),
	}
	if len(b.DataLocations) > 0 {
		d["customPlacementConfig"] = map[string]any{"dataLocations": b.DataLocations}
	}
	if b.Versioning {
		d["versioning"] = map[string]any{"enabled": true}
	}
	if len(b.Labels) > 0 {
		d["labels"] = b.Labels
	}
	if b.Retention > 0 {
		d["retentionPolicy"] = map[string]any{"retentionPeriod": number(int64(b.Retention / time.Second)),
			"effectiveTime": stamp(b.created), "isLocked": b.RetentionLocked}
	}
	if b.DefaultHold {
		d["defaultEventBasedHold"] = true
	}
	if b.Autoclass {
		d["autoclass"] = map[string]any{"enabled": true}
	}
	if b.Folders {
		d["hierarchicalNamespace"] = map[string]any{"enabled": true}
	}
	if b.RequesterPays {
		d["billing"] = map[string]any{"requesterPays": true}
	}
	if b.LogBucket != "" {
		d["logging"] = map[string]any{"logBucket": b.LogBucket, "logObjectPrefix": "log"}
	}
	if b.DefaultKey != "" {
		d["encryption"] = map[string]any{"defaultKmsKeyName": b.DefaultKey}
	}
	if b.ObjectRetention {
		d["objectRetention"] = map[string]any{"mode": "Enabled"}
	}
	if len(b.Lifecycle) > 0 {
		d["lifecycle"] = map[string]any{"rule": b.rules()}
	}
	return d
}

// rules are those of the bucket's lifecycle.
func (b *Bucket) rules() []map[string]any {
	var rules []map[string]any
	for _, r := range b.Lifecycle {
		action := map[string]any{"type": r.Action}
		if r.Class != "" {
			action["storageClass"] = r.Class
		}
		rules = append(rules, map[string]any{"action": action, "condition": map[string]any{"age": r.Age}})
	}
	return rules
}

func (b *Bucket) softDelete() map[string]any {
	d := map[string]any{"retentionDurationSeconds": number(int64(b.SoftDelete / time.Second)),
		"effectiveTime": stamp(b.created)}
	if b.Paused {
		d["hardDeletePause"] = map[string]any{"enabled": true, "effectiveTime": stamp(b.created)}
	}
	return d
}

// decode reads JSON that has nothing but what is known.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return refuse(400, "parseError", "Parse Error: "+strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return refuse(400, "parseError", "Parse Error")
	}
	return nil
}

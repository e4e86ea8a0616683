// Package parity judges what can become of a bucket's settings at another
// bucket: what stands for itself, what names the bucket and is rewritten, what
// points to places outside and stays behind.
package parity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Bucket is what ARNs call a bucket by.
type Bucket struct{ Partition, Name string }

// Rewrite replaces, in all strings of a JSON value, ARNs of the source bucket
// and of its keys by those of the destination's. Nothing else changes; a value
// that names no such ARN is returned as it is.
func Rewrite(value []byte, source, destination Bucket) ([]byte, error) {
	if !strings.Contains(string(value), ":s3:::"+source.Name) {
		return value, nil
	}
	tree, err := decode(value)
	if err != nil {
		return nil, err
	}
	changed := false
	tree = walk(tree, func(s string) string {
		// arn:partition:s3:::bucket or arn:partition:s3:::bucket/key
		head, resource, ok := strings.Cut(s, ":s3:::")
		if !ok || !strings.HasPrefix(head, "arn:") || strings.Count(head, ":") != 1 {
			return s
		}
		bucket, key, slash := strings.Cut(resource, "/")
		if bucket != source.Name {
			return s
		}
		changed = true
		if slash {
			key = "/" + key
		}
		if source.Partition != destination.Partition {
			head = "arn:" + destination.Partition
		}
		return head + ":s3:::" + destination.Name + key
	})
	if !changed {
		return value, nil
	}
	return json.Marshal(tree)
}

// decode reads any JSON value; its numbers keep their digits.
func decode(value []byte) (tree any, err error) {
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, fmt.Errorf("decode setting: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode setting: more than one value")
	}
	return tree, nil
}

// walk replaces every string of a JSON value; names of members stay.
func walk(tree any, f func(string) string) any {
	switch t := tree.(type) {
	case string:
		return f(t)
	case map[string]any:
		for k, v := range t {
			t[k] = walk(v, f)
		}
	case []any:
		for i, v := range t {
			t[i] = walk(v, f)
		}
	}
	return tree
}

// Mentions tells whether any string of a JSON value contains the text.
func Mentions(value []byte, text string) bool {
	var tree any
	if text == "" || json.Unmarshal(value, &tree) != nil {
		return false
	}
	found := false
	walk(tree, func(s string) string {
		found = found || strings.Contains(s, text)
		return s
	})
	return found
}

// Encryption is what a bucket's default encryption says.
type Encryption struct {
	Algorithm string // AES256, aws:kms or aws:kms:dsse
	KeyID     string // of KMS; empty for the service's own key
}

type encryption struct {
	Rules []struct {
		ApplyServerSideEncryptionByDefault *struct {
			SSEAlgorithm   string
			KMSMasterKeyID *string
		}
		BlockedEncryptionTypes *struct{ EncryptionType []string }
	}
}

// ParseEncryption reads the encryption setting.
func ParseEncryption(value []byte) (Encryption, error) {
	var e encryption
	if err := json.Unmarshal(value, &e); err != nil {
		return Encryption{}, fmt.Errorf("decode encryption: %w", err)
	}
	for _, r := range e.Rules {
		if d := r.ApplyServerSideEncryptionByDefault; d != nil {
			out := Encryption{Algorithm: d.SSEAlgorithm}
			if d.KMSMasterKeyID != nil {
				out.KeyID = *d.KMSMasterKeyID
			}
			return out, nil
		}
	}
	return Encryption{}, nil
}

// WithKey returns the encryption setting with another KMS key.
func WithKey(value []byte, key string) ([]byte, error) {
	tree, err := decode(value)
	if err != nil {
		return nil, err
	}
	return json.Marshal(replaceMember(tree, "KMSMasterKeyID", key))
}

func replaceMember(tree any, name, value string) any {
	switch t := tree.(type) {
	case map[string]any:
		for k, v := range t {
			if k == name {
				t[k] = value
			} else {
				t[k] = replaceMember(v, name, value)
			}
		}
	case []any:
		for i, v := range t {
			t[i] = replaceMember(v, name, value)
		}
	}
	return tree
}

type lifecycle struct {
	Rules []struct {
		ID         *string
		Status     string
		Expiration *struct {
			Date *time.Time
			Days *int32

			ExpiredObjectDeleteMarker *bool
		}
		NoncurrentVersionExpiration *struct{}
	}
}

// Expiry is what a lifecycle setting deletes.
type Expiry struct {
	Rules []string // IDs of the enabled rules that delete versions
	Dated []string // those that delete at a date which has come
	// Markers are those that delete markers with no version beneath.
	Markers []string
}

// ParseLifecycle says which rules delete.
func ParseLifecycle(value []byte, now time.Time) (Expiry, error) {
	var l lifecycle
	if err := json.Unmarshal(value, &l); err != nil {
		return Expiry{}, fmt.Errorf("decode lifecycle: %w", err)
	}
	var out Expiry
	for i, r := range l.Rules {
		if r.Status != "Enabled" {
			continue
		}
		id := fmt.Sprintf("number %d", i+1)
		if r.ID != nil && *r.ID != "" {
			id = *r.ID
		}
		expires := r.Expiration != nil && (r.Expiration.Date != nil || r.Expiration.Days != nil)
		if expires || r.NoncurrentVersionExpiration != nil {
			out.Rules = append(out.Rules, id)
		}
		if r.Expiration != nil && r.Expiration.ExpiredObjectDeleteMarker != nil && *r.Expiration.ExpiredObjectDeleteMarker {
			out.Markers = append(out.Markers, id)
		}
		if r.Expiration != nil && r.Expiration.Date != nil && !r.Expiration.Date.After(now) {
			out.Dated = append(out.Dated, id)
		}
	}
	return out, nil
}

type replication struct {
	Rules []struct {
		Status      string
		Destination struct{ Bucket string }
	}
}

// Targets lists the buckets that a replication setting copies to, sorted.
func Targets(value []byte) ([]string, error) {
	var r replication
	if err := json.Unmarshal(value, &r); err != nil {
		return nil, fmt.Errorf("decode replication: %w", err)
	}
	var out []string
	for _, rule := range r.Rules {
		if rule.Status == "Enabled" {
			// The bucket is the last part, in Amazon's ARNs of each partition and in MinIO's.
			out = append(out, rule.Destination.Bucket[strings.LastIndexByte(rule.Destination.Bucket, ':')+1:])
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

package amazon

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// encryption is a bucket's default, and whether SSE-C is refused.
type encryption struct {
	algorithm, key string
	bucketKey      bool
	blocked        bool
}

func (b *bucket) encryption() encryption {
	e := encryption{algorithm: "AES256", blocked: true}
	text := b.setting("BucketEncryption")
	if text == "" {
		text = defaultEncryption
	}
	var configuration struct {
		Rule []struct {
			Default struct {
				SSEAlgorithm   string
				KMSMasterKeyID string
			} `xml:"ApplyServerSideEncryptionByDefault"`
			BucketKeyEnabled bool
			Blocked          *struct{ EncryptionType []string } `xml:"BlockedEncryptionTypes"`
		}
	}
	if xml.Unmarshal([]byte(text), &configuration) != nil || len(configuration.Rule) == 0 {
		return e
	}
	r := configuration.Rule[0]
	if r.Default.SSEAlgorithm != "" {
		e.algorithm, e.key = r.Default.SSEAlgorithm, r.Default.KMSMasterKeyID
	}
	e.bucketKey = r.BucketKeyEnabled
	// A configuration that says nothing of it leaves SSE-C refused (Amazon S3 User
	// Guide, "Blocking or unblocking SSE-C for a general purpose bucket").
	if r.Blocked != nil {
		e.blocked = slices.Contains(r.Blocked.EncryptionType, "SSE-C")
	}
	return e
}

// managedKey is the key of Amazon's own that encrypts where none is named.
func (s *Server) managedKey(region, account string) string {
	p, _ := partitionOf(region)
	return fmt.Sprintf("arn:%s:kms:%s:%s:key/aws-s3-%s", p.id, region, account, region)
}

// keyARN is the full name of a key of a bucket's region and account.
func (s *Server) keyARN(b *bucket, key string) string {
	if strings.HasPrefix(key, "arn:") {
		return key
	}
	if !strings.HasPrefix(key, "alias/") {
		key = "key/" + key
	}
	return fmt.Sprintf("arn:%s:kms:%s:%s:%s", b.place().partition, b.region, b.account, key)
}

// foreignKey refuses a key that is in another region than the bucket (AWS KMS
// Developer Guide; Amazon S3 User Guide, "Specifying server-side encryption with AWS
// KMS": the key and the bucket are in one region).
func foreignKey(c *call) *refusal {
	key := c.r.Header.Get(sseHeader + "-Aws-Kms-Key-Id")
	if c.operation == "PutBucketEncryption" {
		other := &bucket{settings: map[string]string{"BucketEncryption": string(c.body)}}
		key = other.encryption().key
	}
	fields := strings.Split(key, ":")
	if len(fields) < 6 || fields[0] != "arn" || c.bucket == nil || fields[3] == c.bucket.region {
		return nil
	}
	return refuse(400, "KMS.NotFoundException", "Invalid arn %s", fields[3])
}

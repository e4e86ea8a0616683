package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

func (c *Collector) aboutBuckets() []question {
	list := []question{
		about("list-buckets", "a list of buckets by pages tells where each is",
			reference+"ListBuckets, BucketRegion", "our own bucket, with its region", c.listed),
		about("new-bucket-blocks", "a new bucket blocks public access",
			guide+`"Default settings for new S3 buckets FAQ"`, "all four are on",
			c.setting(objectstore.PublicAccess, func(v []byte) bool { return bytes.Count(v, []byte("true")) == 4 })),
		about("new-bucket-owner", "a new bucket has no access control lists",
			guide+`"Default settings for new S3 buckets FAQ"`, "BucketOwnerEnforced",
			c.setting(objectstore.Ownership, func(v []byte) bool { return bytes.Contains(v, []byte("BucketOwnerEnforced")) })),
		about("new-bucket-encrypts", "a new bucket encrypts with SSE-S3",
			guide+`"Default settings for new S3 buckets FAQ"`, "AES256",
			c.setting(objectstore.Encryption, func(v []byte) bool { return bytes.Contains(v, []byte("AES256")) })),
		about("new-bucket-refuses-sse-c", "a new bucket refuses SSE-C",
			guide+`"Blocking or unblocking SSE-C for a general purpose bucket"`, "SSE-C is among its blocked types",
			c.setting(objectstore.Encryption, func(v []byte) bool { return bytes.Contains(v, []byte("SSE-C")) })),
		about("policy-denies", "a policy that denies writes comes into force within a minute, and stays in force",
			guide+`"Bucket policies"`, "20 refusals one after the other, within a minute", c.fence),
	}
	if c.Far != nil {
		list = append(list, about("other-region", "who is asked about a bucket of another region names that region",
			reference+"HeadBucket, x-amz-bucket-region", "301, with the region", c.elsewhere))
	}
	return list
}

func (c *Collector) listed(ctx context.Context) (string, bool, error) {
	buckets, err := c.Near.Store.Buckets(ctx)
	if err != nil {
		return "", false, err
	}
	i := slices.IndexFunc(buckets, func(b objectstore.Bucket) bool { return b.Name == c.plain() })
	if i < 0 {
		return "it is not in the list", false, nil
	}
	return "it is in the list, with the region " + fmt.Sprintf("%q", buckets[i].Region), buckets[i].Region != "", nil
}

func (c *Collector) setting(name objectstore.Setting, is func([]byte) bool) asking {
	return func(ctx context.Context) (string, bool, error) {
		value, err := c.Near.Store.Setting(ctx, c.plain(), name)
		if errors.Is(err, objectstore.ErrNotOffered) {
			return err.Error(), false, nil
		}
		return string(value), is(value), err
	}
}

// refusals are how many in a row count as a policy that is in force.
const refusals = 20

// fence denies writes of some keys and sees how long that takes.
func (c *Collector) fence(ctx context.Context) (string, bool, error) {
	arn := "arn:aws"
	switch host := c.Near.Store.URL(); {
	case strings.HasSuffix(host, ".amazonaws.com.cn"):
		arn = "arn:aws-cn"
	case strings.HasSuffix(host, ".amazonaws.eu"):
		arn = "arn:aws-eusc"
	case strings.Contains(host, ".us-gov-"):
		arn = "arn:aws-us-gov"
	}
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"Fence","Effect":"Deny","Principal":"*",`+
		`"Action":"s3:PutObject","Resource":"%s:s3:::%s/fenced/*"}]}`, arn, c.plain())
	if err := c.Near.Store.SetSetting(ctx, c.plain(), objectstore.Policy, []byte(policy)); err != nil {
		return "", false, err
	}
	began, row, passed, relapses := c.Now(), 0, 0, 0
	var first time.Duration
	for c.Now().Sub(began) < time.Minute && row < refusals {
		_, err := put(ctx, c.Near.Store, object(c.plain(), "fenced/key"))
		switch {
		case errors.Is(err, objectstore.ErrDenied):
			if row++; row == 1 {
				first = c.Now().Sub(began)
			}
		case err != nil:
			return "", false, err
		default:
			if passed++; row > 0 {
				relapses++
			}
			row = 0
			if err := c.Sleep(ctx, 500*time.Millisecond); err != nil {
				return "", false, err
			}
		}
	}
	return fmt.Sprintf("%d refusals one after the other; the first of them after %s; "+
			"%d writes had passed, %d of them after a refusal", row, first.Round(time.Millisecond), passed, relapses),
		row == refusals, nil
}

// elsewhere asks one region about the other's bucket.
func (c *Collector) elsewhere(ctx context.Context) (string, bool, error) {
	at, err := c.Near.Store.BucketRegion(ctx, c.away())
	redirected := ""
	for _, x := range c.peek() {
		if x.Status == 301 {
			redirected = "301, x-amz-bucket-region: " + x.Answer.Get("X-Amz-Bucket-Region")
		}
	}
	if err != nil && redirected == "" {
		return outcome(err, nil)
	}
	return fmt.Sprintf("region %q; %s", at, redirected), redirected != "", nil
}

// peek is what was observed since the last claim.
func (c *Collector) peek() []objectstore.Exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.taken)
}

func (c *Collector) aboutCopies() []question {
	list := []question{
		about("copy-sum", "a copy's result has the checksum of what was copied",
			reference+"CopyObject, CopyObjectResult", "a checksum of the whole", c.copied(c.Near, c.plain)),
		about("copy-redirect", "a copy does not carry a website's redirect",
			reference+"CopyObject, x-amz-website-redirect-location", "no redirect", c.redirect),
	}
	if c.Far != nil {
		list = append(list, about("copy-away", "a bucket of another region can be copied from",
			reference+"CopyObject", "a checksum of the whole", c.copied(*c.Far, c.away)))
	}
	return list
}

// copied copies an object from a bucket to the one with versions.
func (c *Collector) copied(from Region, bucket func() string) asking {
	return func(ctx context.Context) (string, bool, error) {
		sum := objectstore.Checksum{Algorithm: "CRC64NVME", Value: probeCRC64}
		written, err := from.Store.Put(ctx, object(bucket(), "copied"), body(objectstore.Body{Checksum: sum}))
		if err != nil {
			return "", false, err
		}
		source := objectstore.Ref{Bucket: bucket(), Key: "copied", ETag: written.ETag}
		w, err := c.Near.Store.Copy(ctx, source, object(c.kept(), "copied-from-"+bucket()))
		if err != nil {
			return outcome(err, nil)
		}
		return w.Checksum.Algorithm + " " + w.Checksum.Value, w.Checksum == sum, nil
	}
}

func (c *Collector) redirect(ctx context.Context) (string, bool, error) {
	o := object(c.plain(), "redirected")
	o.WebsiteRedirect = "/elsewhere"
	if _, err := put(ctx, c.Near.Store, o); err != nil {
		return "", false, err
	}
	source := objectstore.Ref{Bucket: o.Bucket, Key: o.Key}
	if _, err := c.Near.Store.Copy(ctx, source, object(c.plain(), "redirected-copy")); err != nil {
		return "", false, err
	}
	info, err := c.Near.Store.Stat(ctx, objectstore.Ref{Bucket: o.Bucket, Key: "redirected-copy"}, 0)
	if err != nil {
		return "", false, err
	}
	return fmt.Sprintf("redirect %q", info.WebsiteRedirect), info.WebsiteRedirect == "", nil
}

package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// Snapshot reads every version under a prefix, body and all, and lists every
// delete marker. It fails if there is anything that it cannot read, and does
// not notice changes made while it runs.
func Snapshot(ctx context.Context, client *s3.Client, bucket, prefix string) (Histories, error) {
	listing, err := listHistories(ctx, client, bucket, prefix)
	if err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	lists, err := hasACLs(ctx, client, bucket)
	if err != nil {
		return nil, err
	}
	histories := Histories{}
	for key, entries := range listing {
		history := make([]Entry, len(entries))
		histories[key] = history
		for i, e := range entries {
			history[i] = e.Entry
			if e.Marker {
				continue
			}
			group.Go(func() error {
				v := version{client, bucket, key, e.VersionID, e.latest, lists}
				if err := v.read(ctx, &history[i]); err != nil {
					return fmt.Errorf("snapshot of %s: %q, version %s: %w", bucket, key, e.VersionID, err)
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return histories, nil
}

// version names one version of an object.
type version struct {
	client          *s3.Client
	bucket, key, id string
	latest          bool
	lists           bool // the server has access control lists
}

// read fills in what the listing does not tell. It fails if the listing and
// the version contradict each other.
func (v version) read(ctx context.Context, e *Entry) error {
	err := v.get(ctx, e)
	if err != nil {
		return err
	}
	if e.PartSizes, err = v.partSizes(ctx, e.ETag); err != nil {
		return err
	}
	tags, err := v.client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &v.bucket, Key: &v.key,
		VersionId: v.versionID()})
	if err != nil {
		return err
	}
	if v.lists {
		if e.Grants, err = v.grants(ctx); err != nil {
			return err
		}
	}
	for _, tag := range tags.TagSet {
		if e.Tags == nil {
			e.Tags = map[string]string{}
		}
		e.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return nil
}

// versionID is left out where it is null and the version the current one: not
// every server knows such a version by that name.
func (v version) versionID() *string {
	if v.id == "null" && v.latest {
		return nil
	}
	return &v.id
}

func (v version) head(ctx context.Context, part int32) (*s3.HeadObjectOutput, error) {
	out, err := v.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &v.bucket, Key: &v.key, VersionId: v.versionID(),
		PartNumber: &part})
	var refused *awshttp.ResponseError
	if part > 1 && errors.As(err, &refused) && refused.HTTPStatusCode() == http.StatusRequestedRangeNotSatisfiable {
		return &s3.HeadObjectOutput{ContentLength: aws.Int64(0)}, nil // MinIO's answer for a part without a byte
	}
	return out, err
}

// get reads headers and body. The body comes as stored: the client asks for no
// encoding.
func (v version) get(ctx context.Context, e *Entry) (err error) {
	out, err := v.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &v.bucket, Key: &v.key, VersionId: v.versionID(),
		ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	if etag := strings.Trim(aws.ToString(out.ETag), `"`); etag != e.ETag {
		return fmt.Errorf("ETag %q, listed as %q", etag, e.ETag)
	}
	e.describe(out)
	sum := sha256.New()
	n, err := io.Copy(sum, out.Body)
	if err != nil {
		return err
	}
	if n != e.Size {
		return fmt.Errorf("%d bytes read, %d listed", n, e.Size)
	}
	e.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// partSizes asks for each part of an object whose ETag says how many it has.
func (v version) partSizes(ctx context.Context, etag string) ([]int64, error) {
	_, suffix, ok := strings.Cut(etag, "-")
	count, err := strconv.ParseInt(suffix, 10, 32)
	if !ok || err != nil {
		return nil, nil // not the ETag of a multipart object
	}
	var sizes []int64
	for part := range int32(count) {
		out, err := v.head(ctx, part+1)
		if err != nil {
			return nil, fmt.Errorf("part %d: %w", part+1, err)
		}
		if out.PartsCount == nil {
			return nil, nil // a server that knows no parts answers for the whole
		}
		sizes = append(sizes, aws.ToInt64(out.ContentLength))
	}
	return sizes, nil
}

// describe takes over what the headers say.
func (e *Entry) describe(head *s3.GetObjectOutput) {
	e.ContentType = aws.ToString(head.ContentType)
	e.CacheControl = aws.ToString(head.CacheControl)
	e.ContentDisposition = aws.ToString(head.ContentDisposition)
	e.ContentEncoding = ofContent(aws.ToString(head.ContentEncoding))
	e.ContentLanguage = aws.ToString(head.ContentLanguage)
	e.Expires = aws.ToString(head.ExpiresString)
	e.WebsiteRedirect = aws.ToString(head.WebsiteRedirectLocation)
	if len(head.Metadata) > 0 {
		e.Metadata = head.Metadata
	}
	if head.StorageClass != "" {
		e.StorageClass = string(head.StorageClass)
	}
	if e.StorageClass == "" {
		e.StorageClass = string(types.StorageClassStandard)
	}
	e.LockMode = string(head.ObjectLockMode)
	e.LockUntil = aws.ToTime(head.ObjectLockRetainUntilDate).UTC()
	e.LegalHold = head.ObjectLockLegalHoldStatus == types.ObjectLockLegalHoldStatusOn
	e.ChecksumType = string(head.ChecksumType)
	for algorithm, value := range map[string]*string{
		"CRC32": head.ChecksumCRC32, "CRC32C": head.ChecksumCRC32C, "CRC64NVME": head.ChecksumCRC64NVME,
		"SHA1": head.ChecksumSHA1, "SHA256": head.ChecksumSHA256, "SHA512": head.ChecksumSHA512, "MD5": head.ChecksumMD5,
		"XXHASH3": head.ChecksumXXHASH3, "XXHASH64": head.ChecksumXXHASH64, "XXHASH128": head.ChecksumXXHASH128,
	} {
		if value == nil {
			continue
		}
		if e.Checksums == nil {
			e.Checksums = map[string]string{}
		}
		e.Checksums[algorithm] = *value
	}
}

// Uploads returns the key of each unfinished multipart upload under a prefix,
// sorted; a key with several comes several times.
func Uploads(ctx context.Context, client *s3.Client, bucket, prefix string) ([]string, error) {
	var keys []string
	in := &s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: &prefix, EncodingType: types.EncodingTypeUrl}
	for {
		out, err := client.ListMultipartUploads(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list uploads of %s: %w", bucket, err)
		}
		for _, u := range out.Uploads {
			key, err := unescape(u.Key, out.EncodingType)
			if err != nil {
				return nil, err
			}
			keys = append(keys, key)
		}
		if !aws.ToBool(out.IsTruncated) {
			slices.Sort(keys)
			return keys, nil
		}
		next, err := unescape(out.NextKeyMarker, out.EncodingType)
		if err != nil {
			return nil, err
		}
		if next == aws.ToString(in.KeyMarker) && aws.ToString(out.NextUploadIdMarker) == aws.ToString(in.UploadIdMarker) {
			return nil, fmt.Errorf("list uploads of %s: the page after %q begins where it did", bucket, next)
		}
		in.KeyMarker, in.UploadIdMarker = &next, out.NextUploadIdMarker
	}
}

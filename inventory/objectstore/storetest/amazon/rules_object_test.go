package amazon_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func objectQuestions() map[string]func(*asked) {
	return map[string]func(*asked){
		"metadata-size": func(a *asked) {
			a.is("2 KiB", a.put(a.us, &s3.PutObjectInput{Metadata: map[string]string{"a": strings.Repeat("x",
				2047)}}), ok)
			a.is("more", a.put(a.us, &s3.PutObjectInput{Metadata: map[string]string{"a": strings.Repeat("x",
				2048)}}), "Bad Request: MetadataTooLarge")
		},
		"key-length": func(a *asked) {
			long := strings.Repeat("x/", 512)
			_, err := a.us.HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: ptr("here"), Key: ptr(long)})
			a.is("1,024 bytes", err, "Not Found: NotFound")
			_, err = a.us.HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: ptr("here"), Key: ptr(long + "x")})
			a.is("one more", err, "Bad Request: BadRequest")
		},
		"tags-of-object": func(a *asked) {
			tags := func(n int) *string {
				var all []string
				for i := range n {
					all = append(all, fmt.Sprintf("k%d=v", i))
				}
				return ptr(strings.Join(all, "&"))
			}
			a.is("ten", a.put(a.us, &s3.PutObjectInput{Tagging: tags(10)}), ok)
			a.is("eleven", a.put(a.us, &s3.PutObjectInput{Tagging: tags(11)}), "Bad Request: BadRequest")
		},
		"lock-checksum": func(a *asked) {
			a.must(a.create(a.us, "locked", "", true))
			in := func() *s3.PutObjectInput { return &s3.PutObjectInput{Bucket: ptr("locked")} }
			a.is("without", a.put(a.us, in()), badly)
			sum := md5.Sum([]byte("one"))
			with := in()
			with.ContentMD5 = ptr(base64.StdEncoding.EncodeToString(sum[:]))
			a.is("with an MD5", a.put(a.us, with), ok)
			with = in()
			with.ChecksumAlgorithm = types.ChecksumAlgorithmSha256
			a.is("with a checksum", a.put(a.us, with), ok)
			up, err := a.us.CreateMultipartUpload(a.t.Context(),
				&s3.CreateMultipartUploadInput{Bucket: ptr("locked"), Key: ptr("k")})
			a.must(err)
			_, err = a.us.UploadPart(a.t.Context(), &s3.UploadPartInput{Bucket: ptr("locked"), Key: ptr("k"),
				UploadId: up.UploadId, PartNumber: ptr[int32](1), Body: strings.NewReader("one")})
			a.is("a part without", err, badly)
		},
		"lock-default": func(a *asked) {
			a.must(a.create(a.us, "locked", "", true))
			_, err := a.us.PutObjectLockConfiguration(a.t.Context(),
				&s3.PutObjectLockConfigurationInput{Bucket: ptr("locked"),
					ObjectLockConfiguration: &types.ObjectLockConfiguration{
						ObjectLockEnabled: types.ObjectLockEnabledEnabled,
						Rule:              &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionModeGovernance, Days: ptr[int32](2)}}}})
			a.must(err)
			a.must(a.put(a.us, &s3.PutObjectInput{Bucket: ptr("locked"),
				ChecksumAlgorithm: types.ChecksumAlgorithmCrc32}))
			head, err := a.us.HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: ptr("locked"), Key: ptr("k")})
			a.must(err)
			if head.ObjectLockMode != types.ObjectLockModeGovernance ||
				time.Until(*head.ObjectLockRetainUntilDate).Round(time.Hour) != 48*time.Hour {
				a.t.Errorf("locked %s until %v", head.ObjectLockMode, head.ObjectLockRetainUntilDate)
			}
			got, err := a.us.GetObjectLockConfiguration(a.t.Context(),
				&s3.GetObjectLockConfigurationInput{Bucket: ptr("locked")})
			if err != nil || *got.ObjectLockConfiguration.Rule.DefaultRetention.Days != 2 {
				a.t.Errorf("configuration %+v, %v", got, err)
			}
		},
		"lock-denies": func(a *asked) {
			a.must(a.create(a.us, "locked", "", true))
			out, err := a.us.PutObject(a.t.Context(), &s3.PutObjectInput{Bucket: ptr("locked"), Key: ptr("k"),
				Body: strings.NewReader("one"), ObjectLockMode: types.ObjectLockModeCompliance,
				ObjectLockRetainUntilDate: ptr(time.Now().Add(time.Hour)),
				ChecksumAlgorithm:         types.ChecksumAlgorithmCrc32})
			a.must(err)
			_, err = a.us.DeleteObject(a.t.Context(), &s3.DeleteObjectInput{Bucket: ptr("locked"), Key: ptr("k"),
				VersionId: out.VersionId})
			a.is("the version", err, forbidden)
			if err != nil && !strings.Contains(err.Error(), "object lock") {
				a.t.Error(err)
			}
			_, err = a.us.DeleteObject(a.t.Context(), &s3.DeleteObjectInput{Bucket: ptr("locked"), Key: ptr("k")})
			a.is("a marker", err, ok)
		},
		"event-hold": func(a *asked) {
			a.must(a.create(a.us, "locked", "", true))
			out, err := a.us.PutObject(a.t.Context(), &s3.PutObjectInput{Bucket: ptr("locked"), Key: ptr("k"),
				Body: strings.NewReader("one"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
				ObjectLockEventHold: types.ObjectLockEventHoldOn, ObjectLockEventHoldDurationDays: ptr[int32](30)})
			a.must(err)
			head, err := a.us.HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: ptr("locked"), Key: ptr("k")})
			a.must(err)
			got, err := a.us.GetObjectRetention(a.t.Context(),
				&s3.GetObjectRetentionInput{Bucket: ptr("locked"), Key: ptr("k"), VersionId: out.VersionId})
			a.must(err)
			if head.ObjectLockEventHold != types.ObjectLockEventHoldOn || *head.ObjectLockEventHoldDurationDays != 30 ||
				got.Retention.EventHold != types.ObjectLockEventHoldOn || *got.Retention.EventHoldDuration.Days != 30 {
				a.t.Errorf("head %+v, retention %+v", head, got.Retention)
			}
			_, err = a.us.DeleteObject(a.t.Context(),
				&s3.DeleteObjectInput{Bucket: ptr("locked"), Key: ptr("k"), VersionId: out.VersionId})
			a.is("the version", err, forbidden)
			_, err = a.us.CopyObject(a.t.Context(),
				&s3.CopyObjectInput{Bucket: ptr("locked"), Key: ptr("copy"), CopySource: ptr("locked/k")})
			a.must(err)
			if head, err = a.us.HeadObject(a.t.Context(),
				&s3.HeadObjectInput{Bucket: ptr("locked"), Key: ptr("copy")}); err != nil ||
				head.ObjectLockEventHold != "" {
				a.t.Errorf("the copy: %+v, %v", head, err)
			}
		},
		"lock-only-locked": func(a *asked) {
			lock := func(bucket string) *s3.PutObjectInput {
				return &s3.PutObjectInput{Bucket: &bucket, ObjectLockMode: types.ObjectLockModeGovernance,
					ObjectLockRetainUntilDate: ptr(time.Now().Add(time.Hour)),
					ChecksumAlgorithm:         types.ChecksumAlgorithmCrc32}
			}
			a.must(a.create(a.us, "locked", "", true))
			a.is("locked", a.put(a.us, lock("locked")), ok)
			a.is("not locked", a.put(a.us, lock("here")), badly)
			head, err := a.as("s3:GetObject").HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: ptr("locked"),
				Key: ptr("k")})
			a.must(err)
			if head.ObjectLockMode != "" {
				a.t.Error("a retention for who may not read it")
			}
		},
		"sse-c-blocked": func(a *asked) {
			a.is("blocked", a.put(a.us, customerKey()), forbidden)
			a.unblock()
			a.is("not blocked", a.put(a.us, customerKey()), ok)
			get := &s3.GetObjectInput{Bucket: ptr("here"), Key: ptr("k")}
			_, err := a.us.GetObject(a.t.Context(), get)
			a.is("read without the key", err, badly)
			k := customerKey()
			get.SSECustomerAlgorithm, get.SSECustomerKey, get.SSECustomerKeyMD5 = k.SSECustomerAlgorithm,
				k.SSECustomerKey, k.SSECustomerKeyMD5
			_, err = a.us.GetObject(a.t.Context(), get)
			a.is("read with the key", err, ok)
		},
		"etag-no-md5": func(a *asked) {
			plain := put(a.t, a.us, "here", "plain", "one")
			if want := fmt.Sprintf("%q", fmt.Sprintf("%x", md5.Sum([]byte("one")))); *plain.ETag != want {
				a.t.Errorf("under SSE-S3 the ETag is %s, want %s", *plain.ETag, want)
			}
			in := kms("us-east-1")
			in.Bucket, in.Key, in.Body = ptr("here"), ptr("k"), strings.NewReader("one")
			out, err := a.us.PutObject(a.t.Context(), in)
			a.must(err)
			if *out.ETag == *plain.ETag || out.ServerSideEncryption != types.ServerSideEncryptionAwsKms {
				a.t.Errorf("under SSE-KMS: %+v", out)
			}
			list, err := a.us.ListObjectsV2(a.t.Context(), &s3.ListObjectsV2Input{Bucket: ptr("here"),
				Prefix: ptr("k")})
			a.must(err)
			head, err := a.us.HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: ptr("here"), Key: ptr("k"),
				IfMatch: out.ETag})
			a.must(err)
			if *list.Contents[0].ETag != *out.ETag || *head.ETag != *out.ETag || *head.SSEKMSKeyId != *in.SSEKMSKeyId {
				a.t.Errorf("listed %s, head %s under %s", *list.Contents[0].ETag, *head.ETag, *head.SSEKMSKeyId)
			}
			_, err = a.us.GetObject(a.t.Context(), &s3.GetObjectInput{Bucket: ptr("here"), Key: ptr("k"),
				IfMatch: plain.ETag})
			a.is("by its MD5", err, "Precondition Failed: PreconditionFailed")
		},
		"archived": func(a *asked) {
			a.must(a.put(a.us, &s3.PutObjectInput{StorageClass: types.StorageClassGlacier}))
			get := func() error {
				_, err := a.us.GetObject(a.t.Context(), &s3.GetObjectInput{Bucket: ptr("here"), Key: ptr("k")})
				return err
			}
			a.is("archived", get(), "Forbidden: InvalidObjectState")
			list, err := a.us.ListObjectsV2(a.t.Context(), &s3.ListObjectsV2Input{Bucket: ptr("here")})
			a.must(err)
			if list.Contents[0].StorageClass != types.ObjectStorageClassGlacier {
				a.t.Errorf("listed in %s", list.Contents[0].StorageClass)
			}
			_, err = a.us.RestoreObject(a.t.Context(), &s3.RestoreObjectInput{Bucket: ptr("here"), Key: ptr("k"),
				RestoreRequest: &types.RestoreRequest{Days: ptr[int32](1)}})
			a.must(err)
			a.is("restored", get(), ok)
		},
		"restore-days": func(a *asked) {
			a.must(a.put(a.us,
				&s3.PutObjectInput{Key: ptr("tiered"), StorageClass: types.StorageClassIntelligentTiering}))
			a.must(a.put(a.us, &s3.PutObjectInput{Key: ptr("frozen"), StorageClass: types.StorageClassGlacier}))
			restore := func(key string, days *int32) error {
				_, err := a.us.RestoreObject(a.t.Context(), &s3.RestoreObjectInput{Bucket: ptr("here"), Key: &key,
					RestoreRequest: &types.RestoreRequest{Days: days,
						GlacierJobParameters: &types.GlacierJobParameters{Tier: types.TierStandard}}})
				return err
			}
			head := func() string {
				out, err := a.us.HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: ptr("here"), Key: ptr("tiered")})
				a.must(err)
				if out.Restore == nil {
					out.Restore = ptr("")
				}
				return string(out.ArchiveStatus) + *out.Restore
			}
			get := func() error {
				_, err := a.us.GetObject(a.t.Context(), &s3.GetObjectInput{Bucket: ptr("here"), Key: ptr("tiered")})
				return err
			}
			a.is("glacier without days", restore("frozen", nil), "Bad Request: MalformedXML")
			a.is("in no archive tier", restore("tiered", nil), "Forbidden: InvalidObjectState")
			a.s.SetArchiveTier("here", "tiered", "ARCHIVE_ACCESS")
			a.is("archived", get(), "Forbidden: InvalidObjectState")
			a.is("with days", restore("tiered", ptr[int32](1)), "Bad Request: InvalidArgument")
			a.is("without", restore("tiered", nil), ok)
			a.is("twice", restore("tiered", nil), "Conflict: RestoreAlreadyInProgress")
			if got := head(); got != `ARCHIVE_ACCESSongoing-request="true"` {
				a.t.Errorf("on its way: %s", got)
			}
			a.is("on its way", get(), "Forbidden: InvalidObjectState")
			a.s.EndRestores("here")
			if got := head(); got != "" {
				a.t.Errorf("restored: %s", got)
			}
			a.is("restored", get(), ok)
		},
		"default-checksum": func(a *asked) {
			a.must(a.put(a.us, &s3.PutObjectInput{Key: ptr("plain")}))
			a.must(a.put(a.us, &s3.PutObjectInput{Key: ptr("sha1"), ChecksumAlgorithm: types.ChecksumAlgorithmSha1}))
			a.upload("parts", "")
			a.upload("parts-sha256", types.ChecksumAlgorithmSha256)
			for key, want := range map[string]string{"plain": "CRC64NVME FULL_OBJECT", "sha1": "SHA1 FULL_OBJECT",
				"parts": "CRC64NVME FULL_OBJECT", "parts-sha256": "SHA256 COMPOSITE"} {
				head, err := a.us.HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: ptr("here"), Key: &key,
					ChecksumMode: types.ChecksumModeEnabled})
				a.must(err)
				got := ""
				for name, v := range map[string]*string{"CRC64NVME": head.ChecksumCRC64NVME, "SHA1": head.ChecksumSHA1,
					"SHA256": head.ChecksumSHA256, "CRC32": head.ChecksumCRC32} {
					if v != nil {
						got += name
					}
				}
				if got += " " + string(head.ChecksumType); got != want {
					a.t.Errorf("%s: %s, want %s", key, got, want)
				}
			}
			head, err := a.us.HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: ptr("here"), Key: ptr("plain")})
			if err != nil || head.ChecksumCRC64NVME != nil {
				a.t.Errorf("a checksum that was not asked for: %+v, %v", head, err)
			}
		},
		"part-size": func(a *asked) {
			up, err := a.us.CreateMultipartUpload(a.t.Context(), &s3.CreateMultipartUploadInput{
				Bucket: ptr("here"), Key: ptr("k")})
			a.must(err)
			var parts []types.CompletedPart
			for n := range int32(2) {
				out, err := a.us.UploadPart(a.t.Context(), &s3.UploadPartInput{Bucket: ptr("here"), Key: ptr("k"),
					UploadId: up.UploadId, PartNumber: ptr(n + 1), Body: strings.NewReader("small")})
				a.must(err)
				parts = append(parts, types.CompletedPart{PartNumber: ptr(n + 1), ETag: out.ETag})
			}
			complete := func(parts []types.CompletedPart) error {
				_, err := a.us.CompleteMultipartUpload(a.t.Context(),
					&s3.CompleteMultipartUploadInput{Bucket: ptr("here"),
						Key: ptr("k"), UploadId: up.UploadId,
						MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
				return err
			}
			a.is("two small ones", complete(parts), "Bad Request: EntityTooSmall")
			a.is("one, the last", complete(parts[:1]), ok)
		},
		"delete-marker": func(a *asked) {
			put(a.t, a.eu, "there", "k", "one")
			out, err := a.eu.DeleteObject(a.t.Context(), &s3.DeleteObjectInput{Bucket: ptr("there"), Key: ptr("k")})
			a.must(err)
			_, err = a.eu.GetObject(a.t.Context(), &s3.GetObjectInput{Bucket: ptr("there"), Key: ptr("k")})
			a.is("the current version", err, "Not Found: NoSuchKey")
			_, err = a.eu.GetObject(a.t.Context(), &s3.GetObjectInput{Bucket: ptr("there"), Key: ptr("k"),
				VersionId: out.VersionId})
			a.is("by its ID", err, "Method Not Allowed: MethodNotAllowed")
		},
		"parts-without-checksum": func(a *asked) {
			for algorithm, want := range map[types.ChecksumAlgorithm]int{"": 0, types.ChecksumAlgorithmCrc64nvme: 0,
				types.ChecksumAlgorithmSha256: 2} {
				a.upload("k", algorithm)
				out, err := a.us.GetObjectAttributes(a.t.Context(),
					&s3.GetObjectAttributesInput{Bucket: ptr("here"), Key: ptr("k"),
						ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesObjectParts,
							types.ObjectAttributesChecksum, types.ObjectAttributesObjectSize}})
				a.must(err)
				if got := len(out.ObjectParts.Parts); *out.ObjectParts.TotalPartsCount != 2 || got != want {
					a.t.Errorf("%s: %d of %d parts told, want %d", algorithm, got, *out.ObjectParts.TotalPartsCount,
						want)
				}
				if want > 0 && (*out.ObjectParts.Parts[1].Size != 3 ||
					out.ObjectParts.Parts[0].ChecksumSHA256 == nil ||
					out.Checksum.ChecksumType != types.ChecksumTypeComposite) {
					a.t.Errorf("%s: parts %+v, checksum %+v", algorithm, out.ObjectParts.Parts, out.Checksum)
				}
			}
		},
	}
}

// upload makes an object of two parts, the second of three bytes.
func (a *asked) upload(key string, algorithm types.ChecksumAlgorithm) {
	a.t.Helper()
	ctx := a.t.Context()
	up, err := a.us.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: ptr("here"), Key: &key,
		ChecksumAlgorithm: algorithm})
	a.must(err)
	var parts []types.CompletedPart
	for i, body := range [][]byte{bytes.Repeat([]byte("x"), 5<<20), []byte("end")} {
		out, err := a.us.UploadPart(ctx, &s3.UploadPartInput{Bucket: ptr("here"), Key: &key, UploadId: up.UploadId,
			PartNumber: ptr(int32(i + 1)), Body: bytes.NewReader(body), ChecksumAlgorithm: algorithm})
		a.must(err)
		parts = append(parts, types.CompletedPart{PartNumber: ptr(int32(i + 1)), ETag: out.ETag,
			ChecksumSHA256: out.ChecksumSHA256, ChecksumCRC64NVME: out.ChecksumCRC64NVME})
	}
	if algorithm == "" {
		for i := range parts {
			parts[i].ChecksumCRC64NVME = nil
		}
	}
	_, err = a.us.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: ptr("here"), Key: &key,
		UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	a.must(err)
}

func (a *asked) unblock() {
	a.t.Helper()
	_, err := a.us.PutBucketEncryption(a.t.Context(), &s3.PutBucketEncryptionInput{Bucket: ptr("here"),
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256},
				BlockedEncryptionTypes: &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{types.EncryptionTypeNone}}}}}})
	a.must(err)
}

func customerKey() *s3.PutObjectInput {
	key := strings.Repeat("k", 32)
	sum := md5.Sum([]byte(key))
	return &s3.PutObjectInput{SSECustomerAlgorithm: ptr("AES256"),
		SSECustomerKey:    ptr(base64.StdEncoding.EncodeToString([]byte(key))),
		SSECustomerKeyMD5: ptr(base64.StdEncoding.EncodeToString(sum[:]))}
}

func (a *asked) copy(c *s3.Client, in *s3.CopyObjectInput) (*s3.CopyObjectOutput, error) {
	if in.Bucket == nil {
		in.Bucket = ptr("here")
	}
	in.Key, in.CopySource = ptr("copy"), ptr("here/k")
	return c.CopyObject(a.t.Context(), in)
}

func copyQuestions() map[string]func(*asked) {
	return map[string]func(*asked){
		"vpc-endpoint": func(a *asked) {
			a.must(a.put(a.us, &s3.PutObjectInput{}))
			inside := func(o *s3.Options) {
				o.BaseEndpoint,
					o.UsePathStyle = ptr("https://bucket.vpce-1a2b3c4d-5e6f.s3.eu-west-1.vpce.amazonaws.com"), true
			}
			copied := func(source string) error {
				_, err := a.eu.CopyObject(a.t.Context(), &s3.CopyObjectInput{
					Bucket: ptr("there"), Key: ptr("copy"), CopySource: &source}, inside)
				return err
			}
			a.is("from another region", copied("here/k"), forbidden)
			put(a.t, a.eu, "there", "k", "one")
			a.is("from its own", copied("there/k"), ok)
		},
		"copy-result": func(a *asked) {
			a.must(a.put(a.us, &s3.PutObjectInput{ChecksumAlgorithm: types.ChecksumAlgorithmSha256}))
			var names []string
			out, err := a.copy(a.eu, &s3.CopyObjectInput{Bucket: ptr("there")})
			a.must(err)
			for name := range headerOf(out.ResultMetadata) {
				names = append(names, name)
			}
			if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "X-Amz-Checksum-") }) ||
				out.CopyObjectResult.ChecksumSHA256 == nil {
				a.t.Errorf("headers %v, result %+v", names, out.CopyObjectResult)
			}
			head, err := a.eu.HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: ptr("there"), Key: ptr("copy"),
				ChecksumMode: types.ChecksumModeEnabled})
			a.must(err)
			if head.ChecksumSHA256 == nil || head.ChecksumType != types.ChecksumTypeFullObject {
				a.t.Errorf("the copy's: %+v", head)
			}
		},
		"copy-size": func(a *asked) {
			a.must(a.put(a.us, &s3.PutObjectInput{}))
			_, err := a.copy(a.us, &s3.CopyObjectInput{})
			a.is("small", err, ok)
			_, err = a.us.PutObject(a.t.Context(), &s3.PutObjectInput{Bucket: ptr("here"), Key: ptr("k"),
				Body: strings.NewReader("eleven long")})
			a.must(err)
			_, err = a.copy(a.us, &s3.CopyObjectInput{})
			a.is("large", err, badly)
		},
		"redirect-not-copied": func(a *asked) {
			a.must(a.put(a.us, &s3.PutObjectInput{WebsiteRedirectLocation: ptr("/elsewhere"),
				CacheControl: ptr("no-store"), Metadata: map[string]string{"a": "b"}}))
			head := func(key string) *s3.HeadObjectOutput {
				out, err := a.us.HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: ptr("here"), Key: &key})
				a.must(err)
				return out
			}
			if got := head("k"); got.WebsiteRedirectLocation == nil {
				a.t.Error("the source has no redirect")
			}
			_, err := a.copy(a.us, &s3.CopyObjectInput{})
			a.must(err)
			if got := head("copy"); got.WebsiteRedirectLocation != nil || got.Metadata["a"] != "b" ||
				*got.CacheControl != "no-store" {
				a.t.Errorf("the copy: %+v", got)
			}
			_, err = a.copy(a.us, &s3.CopyObjectInput{WebsiteRedirectLocation: ptr("/elsewhere")})
			a.must(err)
			if got := head("copy"); got.WebsiteRedirectLocation == nil {
				a.t.Error("a redirect that was named is not there")
			}
		},
		"copied-tags": func(a *asked) {
			a.must(a.put(a.us, &s3.PutObjectInput{Tagging: ptr("a=b")}))
			most := []string{"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
			for _, tt := range []struct {
				more []string
				want string
			}{{nil, forbidden}, {[]string{"s3:GetObjectTagging"}, forbidden}, {[]string{"s3:PutObjectTagging"},
				forbidden}, {[]string{"s3:GetObjectTagging", "s3:PutObjectTagging"}, ok}} {
				_, err := a.copy(a.as(slices.Concat(most, tt.more)...), &s3.CopyObjectInput{})
				a.is(strings.Join(tt.more, " "), err, tt.want)
			}
			tags, err := a.us.GetObjectTagging(a.t.Context(), &s3.GetObjectTaggingInput{Bucket: ptr("here"),
				Key: ptr("copy")})
			if err != nil || len(tags.TagSet) != 1 {
				a.t.Errorf("the copy's tags: %+v, %v", tags, err)
			}
			_, err = a.copy(a.as(most...), &s3.CopyObjectInput{TaggingDirective: types.TaggingDirectiveReplace})
			a.is("without the tags", err, ok)
		},
	}
}

package storetest

import (
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// AnyOrder is a fault function that answers listings of entries in an order which has
// nothing to do with keys, in pages whose markers mean nothing to anybody else. Entries of
// one key come from the newest to the oldest, though not one after the other. What there is
// it asks a server that lists in order, by the client.
func AnyOrder(ctx context.Context, client *s3.Client) func(Request) Fault {
	return func(r Request) Fault {
		if r.Operation != "ListObjectVersions" && r.Operation != "ListObjectsV2" {
			return Fault{}
		}
		entries, err := placed(ctx, client, r.Bucket, r.Query.Get("prefix"))
		if err != nil {
			return Fault{Status: 500, Code: "InternalError", Message: err.Error()}
		}
		size, err := strconv.Atoi(cmp.Or(r.Query.Get("max-keys"), "1000"))
		if err != nil {
			return Fault{Status: 400, Code: "InvalidArgument"}
		}
		marker := cmp.Or(r.Query.Get("version-id-marker"), r.Query.Get("continuation-token"))
		from, _ := slices.BinarySearchFunc(entries, marker, func(e placedEntry, marker string) int {
			if e.place <= marker {
				return -1
			}
			return 1
		})
		return Fault{Answer: answerOf(r.Operation, entries[from:], size)}
	}
}

// placedEntry is an entry at its place in the shuffled listing.
type placedEntry struct {
	place          string
	key, id, etag  string
	size           int64
	modified       time.Time
	latest, marker bool
}

func placed(ctx context.Context, client *s3.Client, bucket, prefix string) ([]placedEntry, error) {
	var entries []placedEntry
	pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, v := range page.Versions {
			entries = append(entries, placedEntry{key: aws.ToString(v.Key), id: aws.ToString(v.VersionId),
				etag: aws.ToString(v.ETag), size: aws.ToInt64(v.Size), modified: aws.ToTime(v.LastModified),
				latest: aws.ToBool(v.IsLatest)})
		}
		for _, v := range page.DeleteMarkers {
			entries = append(entries, placedEntry{key: aws.ToString(v.Key), id: aws.ToString(v.VersionId),
				modified: aws.ToTime(v.LastModified), latest: aws.ToBool(v.IsLatest), marker: true})
		}
	}
	// The newest of each key first; of versitygw version IDs tell more than dates do.
	slices.SortFunc(entries, func(a, b placedEntry) int {
		if a.key == b.key && a.latest != b.latest {
			return map[bool]int{true: -1, false: 1}[a.latest]
		}
		return cmp.Or(cmp.Compare(a.key, b.key), b.modified.Compare(a.modified), cmp.Compare(b.id, a.id))
	})
	nth := make(map[string]int)
	for i := range entries {
		h := fnv.New64a()
		_, _ = h.Write([]byte(entries[i].key)) // never fails
		entries[i].place = fmt.Sprintf("%08d-%016x-%s", nth[entries[i].key], h.Sum64(), entries[i].key)
		nth[entries[i].key]++
	}
	slices.SortFunc(entries, func(a, b placedEntry) int { return cmp.Compare(a.place, b.place) })
	return entries, nil
}

func answerOf(operation string, entries []placedEntry, size int) string {
	more := len(entries) > size
	entries = entries[:min(size, len(entries))]
	root, current, next := "ListVersionsResult", "Version", "NextVersionIdMarker"
	if operation == "ListObjectsV2" {
		root, current, next = "ListBucketResult", "Contents", "NextContinuationToken"
	}
	var b strings.Builder
	element := func(name, text string) {
		fmt.Fprintf(&b, "<%s>", name)
		_ = xml.EscapeText(&b, []byte(text)) // a Builder takes all
		fmt.Fprintf(&b, "</%s>", name)
	}
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><%s>`, root)
	element("IsTruncated", strconv.FormatBool(more))
	if more {
		element(next, entries[size-1].place)
		if operation == "ListObjectVersions" {
			element("NextKeyMarker", "page")
		}
	}
	for _, e := range entries {
		name := current
		if e.marker {
			if operation == "ListObjectsV2" {
				continue
			}
			name = "DeleteMarker"
		}
		b.WriteString("<" + name + ">")
		element("Key", e.key)
		element("LastModified", e.modified.UTC().Format(time.RFC3339Nano))
		if operation == "ListObjectVersions" {
			element("VersionId", e.id)
			element("IsLatest", strconv.FormatBool(e.latest))
		}
		if !e.marker {
			element("ETag", e.etag)
			element("Size", strconv.FormatInt(e.size, 10))
			element("StorageClass", "STANDARD")
		}
		b.WriteString("</" + name + ">")
	}
	fmt.Fprintf(&b, "</%s>", root)
	return b.String()
}

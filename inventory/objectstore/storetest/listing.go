package storetest

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// listed is an entry as a listing shows it.
type listed struct {
	Entry
	latest bool
}

// listHistories lists all entries whose key begins with prefix: by key, from
// the oldest to the newest.
func listHistories(ctx context.Context, client *s3.Client, bucket, prefix string) (map[string][]listed, error) {
	histories := map[string][]listed{}
	in := &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: &prefix, EncodingType: types.EncodingTypeUrl}
	for {
		out, err := client.ListObjectVersions(ctx, in, s3.WithAPIOptions(recordOrder))
		if err != nil {
			return nil, fmt.Errorf("list versions of %s: %w", bucket, err)
		}
		if err := appendPage(histories, out); err != nil {
			return nil, fmt.Errorf("list versions of %s: %w", bucket, err)
		}
		if !aws.ToBool(out.IsTruncated) {
			break
		}
		next, err := unescape(out.NextKeyMarker, out.EncodingType)
		if err != nil {
			return nil, err
		}
		if next == aws.ToString(in.KeyMarker) && aws.ToString(out.NextVersionIdMarker) == aws.ToString(in.VersionIdMarker) {
			return nil, fmt.Errorf("list versions of %s: the page after %q begins where it did", bucket, next)
		}
		in.KeyMarker, in.VersionIdMarker = &next, out.NextVersionIdMarker
	}
	for key, entries := range histories {
		histories[key] = chronological(entries)
	}
	return histories, nil
}

// appendPage adds a page's entries in the order of its document.
func appendPage(histories map[string][]listed, out *s3.ListObjectVersionsOutput) error {
	order, ok := out.ResultMetadata.Get(orderKey{}).([]bool)
	if !ok {
		return errors.New("no order of the answer's entries")
	}
	versions, markers := out.Versions, out.DeleteMarkers
	if len(order) != len(versions)+len(markers) {
		return fmt.Errorf("%d entries in the document, %d read", len(order), len(versions)+len(markers))
	}
	for _, isMarker := range order {
		var key *string
		var e listed
		switch {
		case isMarker && len(markers) > 0:
			m := markers[0]
			markers = markers[1:]
			key, e.latest = m.Key, aws.ToBool(m.IsLatest)
			e.Marker, e.VersionID, e.Modified = true, aws.ToString(m.VersionId), aws.ToTime(m.LastModified)
		case !isMarker && len(versions) > 0:
			v := versions[0]
			versions = versions[1:]
			key, e.latest = v.Key, aws.ToBool(v.IsLatest)
			e.VersionID, e.Modified = aws.ToString(v.VersionId), aws.ToTime(v.LastModified)
			e.ETag, e.Size, e.StorageClass = strings.Trim(aws.ToString(v.ETag), `"`), aws.ToInt64(v.Size), string(v.StorageClass)
		default:
			return errors.New("the document's entries are not those that were read")
		}
		name, err := unescape(key, out.EncodingType)
		if err != nil {
			return err
		}
		if h := histories[name]; len(h) > 0 && h[len(h)-1].VersionID == e.VersionID {
			continue // a page may begin with the entry that ended the one before
		}
		histories[name] = append(histories[name], e)
	}
	return nil
}

// chronological brings the entries of one key, as listed, from the oldest to
// the newest. Servers list versions newest first, and markers too, but some
// group the two: they are merged by what is current, by the later of
// two ULIDs, by date, and last by their place in the listing.
func chronological(entries []listed) []listed {
	place := map[string]int{}
	var versions, markers, merged []listed
	for i, e := range entries {
		place[e.VersionID] = i
		if e.Marker {
			markers = append(markers, e)
		} else {
			versions = append(versions, e)
		}
	}
	newer := func(a, b listed) bool {
		switch {
		case a.latest != b.latest:
			return a.latest
		case isULID(a.VersionID) && isULID(b.VersionID):
			return a.VersionID > b.VersionID
		case !a.Modified.Equal(b.Modified):
			return a.Modified.After(b.Modified)
		default:
			return place[a.VersionID] < place[b.VersionID]
		}
	}
	for len(versions) > 0 && len(markers) > 0 {
		if newer(versions[0], markers[0]) {
			merged, versions = append(merged, versions[0]), versions[1:]
		} else {
			merged, markers = append(merged, markers[0]), markers[1:]
		}
	}
	merged = append(append(merged, versions...), markers...)
	slices.Reverse(merged)
	return merged
}

// isULID tells whether a version ID is one that sorts by the time it was made.
func isULID(id string) bool {
	return len(id) == 26 && id[0] <= '7' && strings.Trim(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ""
}

// unescape returns a key as it is. Some servers ignore the wish for escaped
// keys; those do not claim the encoding in their answer.
func unescape(key *string, encoding types.EncodingType) (string, error) {
	if encoding != types.EncodingTypeUrl {
		return aws.ToString(key), nil
	}
	plain, err := url.QueryUnescape(aws.ToString(key))
	if err != nil {
		return "", fmt.Errorf("listed key: %w", err)
	}
	return plain, nil
}

type orderKey struct{}

// recordOrder notes which entries of a listing are markers, in the order of the
// document: the client returns versions and markers apart.
func recordOrder(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("RecordOrder",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
			middleware.DeserializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleDeserialize(ctx, in)
			if err != nil {
				return out, metadata, err
			}
			resp, ok := out.RawResponse.(*smithyhttp.Response)
			if !ok || resp.StatusCode != 200 {
				return out, metadata, nil
			}
			raw, err := io.ReadAll(resp.Body)
			if err := errors.Join(err, resp.Body.Close()); err != nil {
				return out, metadata, fmt.Errorf("read listing: %w", err)
			}
			order, err := documentOrder(raw)
			if err != nil {
				return out, metadata, fmt.Errorf("read listing: %w", err)
			}
			metadata.Set(orderKey{}, order)
			resp.Body = io.NopCloser(bytes.NewReader(raw))
			return out, metadata, nil
		}), middleware.After)
}

// documentOrder returns, for each entry of a listing, whether it is a marker.
func documentOrder(raw []byte) ([]bool, error) {
	var order []bool
	decoder := xml.NewDecoder(bytes.NewReader(raw))
	for depth := 0; ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return order, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth == 2 && (t.Name.Local == "Version" || t.Name.Local == "DeleteMarker") {
				order = append(order, t.Name.Local == "DeleteMarker")
			}
		case xml.EndElement:
			depth--
		}
	}
}

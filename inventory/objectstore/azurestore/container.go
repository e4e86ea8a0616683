package azurestore

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// Operations, as the documents of the Blob service's REST API name them.
const (
	containerProperties = "Get Container Properties"
	dataCreate          = "Create Container"
	deleteContainer     = "Delete Container"
	setMetadata         = "Set Container Metadata"
)

// dataCall makes a request to an account. container and key may be empty; query is without
// what is empty.
func (s *Store) dataCall(
	op, method string, a *account, container, key string, query url.Values, needs ...string,
) *call {
	path := a.path + "/" + container
	u := &url.URL{Scheme: a.base.Scheme, Host: a.base.Host, Path: path, RawPath: path, RawQuery: encode(query)}
	if key != "" {
		u.Path, u.RawPath = path+"/"+key, path+"/"+escapePath(key)
	}
	where := a.name
	if container != "" {
		where += "." + container
	}
	return &call{op: op, where: s.where(where), account: a.name, method: method, url: u, header: make(http.Header),
		repeat: method == http.MethodGet || method == http.MethodHead, needs: needs}
}

// encode writes a query in which a space is %20: a plus sign is one to some.
func encode(query url.Values) string {
	return strings.ReplaceAll(query.Encode(), "+", "%20")
}

// escapePath escapes a key for a URL's path: all but unreserved characters and slashes.
func escapePath(key string) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(key)+16)
	for i := range len(key) {
		c := key[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~/", c) >= 0 {
			b = append(b, c)
			continue
		}
		b = append(b, '%', digits[c>>4], digits[c&15])
	}
	return string(b)
}

// properties reads a container's header.
func (s *Store) properties(ctx context.Context, bucket string) (http.Header, error) {
	a, container, err := s.bucket(ctx, containerProperties, bucket)
	if err != nil {
		return nil, err
	}
	query := url.Values{"restype": {"container"}}
	return s.send.done(ctx, s.dataCall(containerProperties, http.MethodHead, a, container, "", query, readContainers))
}

func (s *Store) createContainer(ctx context.Context, bucket string) error {
	a, container, err := s.bucket(ctx, dataCreate, bucket)
	if err != nil {
		return err
	}
	query := url.Values{"restype": {"container"}}
	_, err = s.send.done(ctx, s.dataCall(dataCreate, http.MethodPut, a, container, "", query, writeContainers))
	return err
}

func (s *Store) deleteContainer(ctx context.Context, bucket string) error {
	a, container, err := s.bucket(ctx, deleteContainer, bucket)
	if err != nil {
		return err
	}
	query := url.Values{"restype": {"container"}}
	_, err = s.send.done(ctx, s.dataCall(deleteContainer, http.MethodDelete, a, container, "", query, deleteContainers))
	return err
}

// BucketTags implements objectstore.Administrator with the container's metadata.
func (s *Store) BucketTags(ctx context.Context, bucket string) ([]objectstore.Tag, error) {
	h, err := s.properties(ctx, bucket)
	if err != nil {
		return nil, err
	}
	metadata, err := metadataOf(h)
	if err != nil {
		return nil, &objectstore.Error{Op: containerProperties, Bucket: s.where(bucket), Err: err}
	}
	tags := make([]objectstore.Tag, 0, len(metadata))
	for name, value := range metadata {
		tags = append(tags, objectstore.Tag{Key: name, Value: value})
	}
	slices.SortFunc(tags, func(x, y objectstore.Tag) int { return strings.Compare(x.Key, y.Key) })
	return tags, nil
}

// SetBucketTags implements objectstore.Administrator. It replaces all metadata of the container.
func (s *Store) SetBucketTags(ctx context.Context, bucket string, tags []objectstore.Tag) error {
	a, container, err := s.bucket(ctx, setMetadata, bucket)
	if err != nil {
		return err
	}
	metadata := make(map[string]string, len(tags))
	for _, t := range tags {
		metadata[t.Key] = t.Value
	}
	c := s.dataCall(setMetadata, http.MethodPut, a, container, "", url.Values{"restype": {"container"},
		"comp": {"metadata"}}, writeContainers)
	if err := putMetadata(c.header, metadata); err != nil {
		return &objectstore.Error{Op: setMetadata, Bucket: s.where(bucket), Err: err}
	}
	_, err = s.send.done(ctx, c)
	return err
}

// dataContainers lists an account's containers by itself.
func (s *Store) dataContainers(ctx context.Context, a *account) ([]objectstore.Bucket, error) {
	var all []objectstore.Bucket
	marker := ""
	for range armPages {
		query := url.Values{"comp": {"list"}}
		if marker != "" {
			query.Set("marker", marker)
		}
		c := s.dataCall(listContainers, http.MethodGet, a, "", "", query, readContainers)
		data, _, err := s.send.document(ctx, c, maxPage)
		if err != nil {
			return all, err
		}
		page, err := parseContainers(data)
		if err != nil {
			return all, c.broken(err)
		}
		for _, found := range page.Containers {
			all = append(all, objectstore.Bucket{Name: a.name + "." + found.Name, Region: a.region})
		}
		if len(all) > maxListed {
			break
		}
		switch page.Next {
		case "":
			return all, nil
		case marker:
			return all, c.broken(fmt.Errorf("%w: the next page is this one", objectstore.ErrOrder))
		}
		marker = page.Next
	}
	return all, &objectstore.Error{Op: listContainers, Bucket: s.where(a.name),
		Err: fmt.Errorf("%w: the list has no end", objectstore.ErrOrder)}
}

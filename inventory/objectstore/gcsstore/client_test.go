package gcsstore_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/gcsstore"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
)

const here = "europe-west3"

// start runs a server with a bucket that has versions and one that has none, and opens a
// store on it.
func start(t *testing.T, o google.Options, with ...func(*gcsstore.Options)) (*google.Server, *gcsstore.Store) {
	t.Helper()
	server := google.Start(t, o)
	server.MakeBucket(google.Bucket{Name: "versioned", Location: here, Versioning: true, ObjectRetention: true})
	server.MakeBucket(google.Bucket{Name: "plain", Location: here, SoftDelete: -1})
	return server, open(t, server, with...)
}

func open(t *testing.T, server *google.Server, with ...func(*gcsstore.Options)) *gcsstore.Store {
	t.Helper()
	options := gcsstore.Options{Name: "cloud", Project: "project", Endpoint: server.URL, Regions: []string{here},
		Backoff: func(int) time.Duration { return 0 }}
	for _, f := range with {
		f(&options)
	}
	p, err := gcsstore.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return p.Store(here)
}

func body(text string) objectstore.Body {
	sum := md5.Sum([]byte(text))
	return objectstore.Body{Reader: strings.NewReader(text), Size: int64(len(text)), MD5: hex.EncodeToString(sum[:])}
}

func put(t *testing.T, s *gcsstore.Store, bucket, key, text string) objectstore.Written {
	t.Helper()
	w, err := s.Put(t.Context(), objectstore.NewObject{Bucket: bucket, Key: key}, body(text))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// listed is a listing as text: v for a version, m for a marker, and what was read of each.
func listed(ctx context.Context, s *gcsstore.Store, bucket, prefix, after string) ([]objectstore.Version, error) {
	var all []objectstore.Version
	for v, err := range s.Versions(ctx, bucket, prefix, after) {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

func mustList(t *testing.T, s *gcsstore.Store, bucket string) []objectstore.Version {
	t.Helper()
	all, err := listed(t.Context(), s, bucket, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t *testing.T, s *gcsstore.Store, ref objectstore.Ref) ([]byte, objectstore.Info) {
	t.Helper()
	o, err := s.Open(t.Context(), ref, 0)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(o.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return data, o.Info
}

// shape is the history of a key, newest first.
func shape(versions []objectstore.Version) string {
	var b bytes.Buffer
	for _, v := range versions {
		switch {
		case v.Marker:
			b.WriteByte('m')
		default:
			b.WriteByte('v')
		}
		if v.Latest {
			b.WriteByte('*')
		}
	}
	return b.String()
}

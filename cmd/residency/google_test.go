package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/gcsstore"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
)

type googleKey struct{}

const googleUsage = `google start: run a stand-in for Google Cloud Storage, whose address is $GOOGLE
google bucket NAME LOCATION [versions] [kept] [customer=NAME]: make a bucket in the project "project"; kept: what is
    deleted is kept for a week
google alter BUCKET [holds] [expires] [pays]: have it hold what is written, delete what is old, and its requesters pay as
    these say, and not otherwise
google unversioned BUCKET: have it keep no versions from now on
google put BUCKET KEY TEXT [NAME=VALUE]: write an object, whose metadata is that
google delete BUCKET KEY: delete the current version
google ls BUCKET: print what there is, newest first: key, what it is, its bytes
google kept BUCKET: print how much is kept of what was deleted`

// googleCommand starts a stand-in for Google Cloud Storage, and works with it.
func googleCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: %s", googleUsage)
	}
	running := ts.Value(googleKey{}).(**google.Server)
	if args[0] == "start" {
		*running = google.New(google.Options{})
		server := httptest.NewServer(*running)
		ts.Defer(server.Close)
		ts.Setenv("GOOGLE", server.URL)
		return
	}
	if *running == nil {
		ts.Fatalf("google: not started")
	}
	provider, err := gcsstore.Open(context.Background(), gcsstore.Options{Name: "google", Project: "project",
		Endpoint: ts.Getenv("GOOGLE")})
	ts.Check(err)
	ctx, store, out := context.Background(), provider.Region(""), ts.Stdout()
	switch rest := args[1:]; {
	case args[0] == "bucket" && len(rest) >= 2:
		b := google.Bucket{Name: rest[0], Location: rest[1], Versioning: slices.Contains(rest, "versions"), SoftDelete: -1}
		if slices.Contains(rest, "kept") {
			b.SoftDelete = 0
		}
		for _, word := range rest[2:] {
			if customer, ok := strings.CutPrefix(word, "customer="); ok {
				b.Labels = map[string]string{"customer": customer}
			}
		}
		(*running).MakeBucket(b)
	case args[0] == "alter" && len(rest) >= 1:
		(*running).Alter(rest[0], func(b *google.Bucket) {
			b.DefaultHold, b.RequesterPays, b.Lifecycle = slices.Contains(rest, "holds"), slices.Contains(rest, "pays"), nil
			if slices.Contains(rest, "expires") {
				b.Lifecycle = []google.Rule{{Action: "Delete", Age: 30}}
			}
		})
	case args[0] == "unversioned" && len(rest) == 1:
		(*running).Alter(rest[0], func(b *google.Bucket) { b.Versioning = false })
	case args[0] == "put" && len(rest) >= 3:
		o := google.Object{Name: rest[1], Data: []byte(rest[2]), ContentType: "text/plain"}
		for _, word := range rest[3:] {
			name, value, _ := strings.Cut(word, "=")
			o.Metadata = map[string]string{name: value}
		}
		(*running).PutObject(rest[0], o)
	case args[0] == "delete" && len(rest) == 2:
		_, err := store.PutMarker(ctx, rest[0], rest[1])
		ts.Check(err)
	case args[0] == "ls" && len(rest) == 1:
		for v, err := range store.Versions(ctx, rest[0], "", "") {
			ts.Check(err)
			fmt.Fprintf(out, "%s %s %d\n", v.Key, whatIs(v), v.Size)
		}
	case args[0] == "kept" && len(rest) == 1:
		n := 0
		for _, err := range store.(objectstore.DeletedLister).Deleted(ctx, rest[0], "") {
			ts.Check(err)
			n++
		}
		fmt.Fprintln(out, n)
	default:
		ts.Fatalf("usage: %s", googleUsage)
	}
}

// whatIs names an entry of a listing.
func whatIs(v objectstore.Version) string {
	switch {
	case v.Marker:
		return "deleted"
	case v.Latest:
		return "current"
	}
	return "earlier"
}

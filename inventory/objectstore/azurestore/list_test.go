package azurestore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
)

// entries lists a bucket: key, version ID, and what it is.
func entries(t *testing.T, s objectstore.Store, bucket string) []objectstore.Version {
	t.Helper()
	var all []objectstore.Version
	for v, err := range s.Versions(t.Context(), bucket, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// TestHistories lists versions newest first, snapshots among them, and a marker where nothing is current.
func TestHistories(t *testing.T) {
	for _, emptyPages := range []bool{false, true} {
		t.Run(fmt.Sprintf("empty pages %v", emptyPages), func(t *testing.T) {
			server, s := start(t, func(o *azure.Options, _ *azurestore.Options) {
				o.EmptyPages, o.PageSize = emptyPages, 2
			})
			one := server.Put(versioned, "records", "a", "one")
			snapshot := "snapshot:" + server.Snapshot(versioned, "records", "a")
			two := server.Put(versioned, "records", "a", "two")
			server.Put(versioned, "records", "b/control\x01\uFFFE", "x")
			gone := server.Put(versioned, "records", "c", "gone")
			_, err := s.PutMarker(t.Context(), versioned+records, "c")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range entries(t, s, versioned+records) {
				got = append(got, fmt.Sprintf("%q %s %v %v", v.Key, v.VersionID, v.Latest, v.Marker))
				if v.Sum() != (objectstore.Checksum{}) || v.Parts() != 0 {
					t.Errorf("%v says something of its bytes", v)
				}
			}
			want := []string{
				fmt.Sprintf(`"a" %s true false`, two), fmt.Sprintf(`"a" %s false false`, snapshot),
				fmt.Sprintf(`"a" %s false false`, one),
			}
			if len(got) != 6 || !slices.Equal(got[:3], want) || got[4] != fmt.Sprintf(`"c" deleted:%s true true`, gone) ||
				got[5] != fmt.Sprintf(`"c" %s false false`, gone) || !strings.HasPrefix(got[3], `"b/control\x01\ufffe"`) {
				t.Errorf("listed\n%s", strings.Join(got, "\n"))
			}
			var after []string
			for v, err := range s.Versions(t.Context(), versioned+records, "", "a") {
				if err != nil {
					t.Fatal(err)
				}
				after = append(after, v.Key)
			}
			if len(after) != 3 || after[0] == "a" {
				t.Errorf("after the first key: %q", after)
			}
		})
	}
}

// TestOrder fails a container whose names the service orders otherwise than by their bytes.
func TestOrder(t *testing.T) {
	server, s := start(t, nil)
	for _, key := range []string{"a", "\U00010000", "\uE000"} {
		server.Put(plain, "records", key, "x")
	}
	var err error
	n := 0
	for _, err = range s.Versions(t.Context(), plain+records, "", "") {
		n++
	}
	if !errors.Is(err, objectstore.ErrKeyOrder) || n > 3 {
		t.Errorf("%d entries, then %v", n, err)
	}
}

// TestMarker is about what is made up.
func TestMarker(t *testing.T) {
	server, s := start(t, nil)
	bucket := versioned + records
	w := put(t, s, bucket, "k", "one")
	m, err := s.PutMarker(t.Context(), bucket, "k")
	if err != nil || m.VersionID != "deleted:"+w.VersionID {
		t.Fatalf("%+v, %v", m, err)
	}
	if got := server.History(versioned, "records", "k"); got != "p" {
		t.Fatalf("history %s", got)
	}
	server.Requests()
	ref := objectstore.Ref{Bucket: bucket, Key: "k", VersionID: m.VersionID}
	if _, err := s.Stat(t.Context(), ref, 0); !errors.Is(err, objectstore.ErrMarker) {
		t.Errorf("stat: %v", err)
	}
	if _, err := s.Open(t.Context(), ref, 0); !errors.Is(err, objectstore.ErrMarker) {
		t.Errorf("open: %v", err)
	}
	errs, err := s.Delete(t.Context(), bucket, []objectstore.Deletion{{Key: "k", VersionID: m.VersionID}})
	if err != nil || errs[0] != nil {
		t.Errorf("delete: %v, %v", errs, err)
	}
	if sent := server.Requests(); len(sent) != 0 {
		t.Errorf("sent %v", sent)
	}
	for _, test := range []struct{ bucket, key string }{{bucket, "k"}, {bucket, "none"}, {plain + records, "k"}} {
		if test.bucket == plain+records {
			put(t, s, test.bucket, test.key, "x")
		}
		if _, err := s.PutMarker(t.Context(), test.bucket, test.key); !errors.Is(err, objectstore.ErrNotOffered) {
			t.Errorf("%v: %v", test, err)
		}
	}
	if got := server.History(plain, "records", "k"); got != "c" {
		t.Errorf("what has no versions is gone: %q", got)
	}
}

// TestDeleted tells what is kept of deletions, until it no longer is.
func TestDeleted(t *testing.T) {
	var later atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	server, s := start(t, func(o *azure.Options, store *azurestore.Options) {
		o.Accounts[0].SoftDelete, o.Accounts[1].SoftDelete = 7, 2
		o.Now, store.Now, o.PageSize = now, now, 1
	})
	for _, bucket := range []string{versioned + records, plain + records} {
		for _, key := range []string{"other", "p/a", "p/b"} {
			w := put(t, s, bucket, key, "12345")
			erase(t, s, bucket, objectstore.Deletion{Key: key, VersionID: w.VersionID, ETag: w.ETag})
		}
		put(t, s, bucket, "p/c", "there")
		if got := entries(t, s, bucket); len(got) != 1 {
			t.Errorf("%s: a listing shows %v", bucket, got)
		}
	}
	server.Snapshot(versioned, "records", "p/c")
	erase(t, s, versioned+records, objectstore.Deletion{Key: "p/c",
		VersionID: "snapshot:" + snapshotOf(t, s, versioned+records, "p/c")})
	for _, test := range []struct {
		bucket    string
		later     time.Duration
		want      string
		keptAbout time.Duration
	}{
		{versioned + records, 0, "p/a p/b p/c", 7 * 24 * time.Hour}, {plain + records, 0, "p/a p/b", 2 * 24 * time.Hour},
		{plain + records, 49 * time.Hour, "", 0}, {versioned + records, 49 * time.Hour, "p/a p/b p/c", 7 * 24 * time.Hour},
	} {
		later.Store(int64(test.later))
		var keys []string
		for d, err := range s.(objectstore.DeletedLister).Deleted(t.Context(), test.bucket, "p/") {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, d.Key)
			if left := time.Until(d.Until); d.Size != 5 || d.Latest || left < test.keptAbout-time.Minute ||
				left > test.keptAbout+25*time.Hour {
				t.Errorf("%s: %+v is kept for %s", test.bucket, d, left)
			}
		}
		if got := strings.Join(keys, " "); got != test.want {
			t.Errorf("%s, %s later: %q, want %q", test.bucket, test.later, got, test.want)
		}
	}
}

// TestUploads tells what is blocks alone, and takes no blob for that.
func TestUploads(t *testing.T) {
	server, s := start(t, nil)
	bucket := plain + records
	put(t, s, bucket, "empty", "")
	put(t, s, bucket, "hidden", "")
	server.Change(plain, "records", "hidden", azure.Change{CustomerKey: true})
	put(t, s, bucket, "beneath", "x")
	for _, key := range []string{"alone", "beneath"} {
		o := objectstore.NewObject{Bucket: bucket, Key: key}
		id, err := s.CreateUpload(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.UploadPart(t.Context(), bucket, key, id, 1, body("x")); err != nil {
			t.Fatal(err)
		}
	}
	var keys []string
	for u, err := range s.Uploads(t.Context(), bucket, "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, u.Key)
	}
	if !slices.Equal(keys, []string{"alone"}) {
		t.Errorf("uploads of %q", keys)
	}
}

// TestVersionsFrom lists what comes after a key, whatever is in it, and asks for no page before it.
func TestVersionsFrom(t *testing.T) {
	for name, keys := range map[string][]string{
		"plain":           {"a", "a b", "a-b", "a/b", "a/b/c", "ab", "b%2F", "b+", "b?&#=", "c\x01", "é", "あ"},
		"from U+E000 on":  {"a", "a\uE000", "a\uE000b", "a\uFF21", "b", "\uE000", "\uE000a", "\uFF21"},
		"beyond U+FFFF":   {"a", "a\U0001F600", "a\U0001F600b", "b", "\U0001F600", "\U0001F600a"},
		"one beside none": {"z\uE000", "z\uE000z"},
	} {
		t.Run(name, func(t *testing.T) {
			server, s := start(t, func(o *azure.Options, _ *azurestore.Options) { o.PageSize = 2 })
			for _, key := range keys {
				server.Put(versioned, "records", key, "one")
				server.Put(versioned, "records", key, "two")
			}
			all := entries(t, s, versioned+records)
			if len(all) != 2*len(keys) {
				t.Fatalf("%d entries, want %d", len(all), 2*len(keys))
			}
			for _, after := range append([]string{"", "0", "a\x00", "zz", "\uE000\U0001F600", "\xff"}, keys...) {
				var want, got []string
				for _, v := range all {
					if v.Key > after {
						want = append(want, v.Key+"@"+v.VersionID)
					}
				}
				for v, err := range s.Versions(t.Context(), versioned+records, "", after) {
					if err != nil {
						t.Fatalf("after %q: %v", after, err)
					}
					got = append(got, v.Key+"@"+v.VersionID)
				}
				if !slices.Equal(got, want) {
					t.Errorf("after %q: %q, want %q", after, got, want)
				}
			}
		})
	}
	server, s := start(t, func(o *azure.Options, _ *azurestore.Options) { o.PageSize = 2 })
	for i := range 40 {
		server.Put(plain, "records", fmt.Sprintf("k%02d", i), "x")
	}
	entries(t, s, plain+records) // the account is known then
	before := len(server.Requests())
	for _, err := range s.Versions(t.Context(), plain+records, "", "k35") {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := len(server.Requests()) - before; n > 3 {
		t.Errorf("%d requests for the last 4 of 40 keys, 2 in a page", n)
	}
}

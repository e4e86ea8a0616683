package azurestore_test

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
	"github.com/residency/residency/inventory/remedy"
)

// between serves two accounts in two regions, with a store of each.
func between(t *testing.T, observe func(objectstore.Exchange)) (
	server *azure.Server, from, to objectstore.Store,
) {
	t.Helper()
	server = azure.Start(t, azure.Options{Token: bearer, Accounts: []azure.Account{
		{Name: versioned, Versioning: true, Location: "eastus", VersionLocking: true},
		{Name: plain, Versioning: true, Location: "northeurope", VersionLocking: true}}})
	server.Container(versioned, "records")
	server.Container(plain, "records")
	p := open(t, azurestore.Options{Endpoint: server.URL, ARMEndpoint: server.URL, Subscription: server.Subscription(),
		Observe: observe})
	return server, p.Region("eastus"), p.Region("northeurope")
}

// claimed is a version as a listing shows it, and as a copy of it is asked for.
func claimed(t *testing.T, s objectstore.Store, bucket, key string) (objectstore.Version, objectstore.Ref) {
	t.Helper()
	for v, err := range s.Versions(t.Context(), bucket, key, "") {
		if err != nil {
			t.Fatal(err)
		}
		return v, objectstore.Ref{Bucket: bucket, Key: key, VersionID: v.VersionID, ETag: v.ETag}
	}
	t.Fatalf("no version of %q", key)
	return objectstore.Version{}, objectstore.Ref{}
}

// TestCopy has the service make a blob of a version with all that it is told, and tell the MD5 that it has
// computed. No byte and no credential passes where somebody looks.
func TestCopy(t *testing.T) {
	var mu sync.Mutex
	var seen []objectstore.Exchange
	server, from, to := between(t, func(x objectstore.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, x)
	})
	const key = "a b/ü+%41?#&.x"
	if _, err := from.Put(t.Context(), objectstore.NewObject{Bucket: versioned + records, Key: key,
		Attributes: objectstore.Attributes{ContentType: "text/source", CacheControl: "no-cache"}}, body("bytes")); err != nil {
		t.Fatal(err)
	}
	v, ref := claimed(t, from, versioned+records, key)
	put(t, from, versioned+records, key, "later ones")
	want := objectstore.Attributes{ContentType: "text/x", CacheControl: "no-store", ContentEncoding: "gzip",
		ContentLanguage: "de", ContentDisposition: "inline", StorageClass: "Cool",
		Metadata: map[string]string{"plain": "1", "with-hyphen": "two", "city": "Zürich"},
		Tags:     []objectstore.Tag{{Key: "a b", Value: "c+d"}, {Key: "z"}}}
	o := objectstore.NewObject{Bucket: plain + records, Key: key, Attributes: want, Explicit: true, Size: v.Size,
		Claimed: v.Content.Claimed, Guard: objectstore.Guard{Absent: true}}
	server.Requests()
	w, err := to.Copy(t.Context(), ref, o)
	if err != nil {
		t.Fatal(err)
	}
	if w.Sum != v.Content.Claimed || w.Sum.Value != "4b3a6218bb3e3a7303e8a171a60fcf92" || w.ETag == "" {
		t.Errorf("written %+v", w)
	}
	for _, r := range server.Requests() {
		if r.Received+r.Sent > 0 && r.Account != "" {
			t.Errorf("%s has bytes pass: %d, %d", r, r.Received, r.Sent)
		}
	}
	got, err := to.Stat(t.Context(), objectstore.Ref{Bucket: o.Bucket, Key: key, VersionID: w.VersionID}, 0)
	if err != nil || got.Size != 5 || !maps.Equal(got.Metadata, want.Metadata) || got.ContentType != want.ContentType ||
		got.CacheControl != want.CacheControl || got.ContentDisposition != want.ContentDisposition ||
		got.ContentEncoding != want.ContentEncoding || got.ContentLanguage != want.ContentLanguage ||
		got.StorageClass != want.StorageClass || got.TagCount != 2 {
		t.Errorf("info %+v, %v", got, err)
	}
	// What is not sent is not the source's either.
	o.Key, o.Attributes = "bare", objectstore.Attributes{}
	if w, err = to.Copy(t.Context(), ref, o); err != nil {
		t.Fatal(err)
	}
	if bare, err := to.Stat(t.Context(), objectstore.Ref{Bucket: o.Bucket, Key: "bare"}, 0); err != nil ||
		bare.ContentType != "application/octet-stream" || bare.CacheControl != "" || bare.TagCount != 0 || len(bare.Metadata) != 0 {
		t.Errorf("info %+v, %v", bare, err)
	}
	mu.Lock()
	defer mu.Unlock()
	n := 0
	for _, x := range seen {
		n += len(x.Request.Values("x-ms-copy-source-authorization"))
		for _, values := range x.Request {
			if slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, bearer) }) {
				t.Errorf("a token is shown: %v", x.Request)
			}
		}
	}
	if n != 2 {
		t.Errorf("%d copies were seen, want 2", n)
	}
}

// TestNotByItself has what the request cannot carry, or whose bytes are others than its writer has said, named so that
// whoever asks can send the bytes; nothing is written.
func TestNotByItself(t *testing.T) {
	server, from, to := between(t, nil)
	put(t, from, versioned+records, "k", "bytes")
	put(t, from, versioned+records, "wrong", "bytes")
	server.Claim(versioned, "records", "wrong", "AAAAAAAAAAAAAAAAAAAAAA==")
	v, ref := claimed(t, from, versioned+records, "k")
	wrong, wrongRef := claimed(t, from, versioned+records, "wrong")
	good := objectstore.NewObject{Bucket: plain + records, Key: "copy", Explicit: true, Claimed: v.Content.Claimed}
	with := func(change func(*objectstore.NewObject)) objectstore.NewObject {
		o := good
		change(&o)
		return o
	}
	long := ref
	long.Key = strings.Repeat("ü", 400)
	for name, test := range map[string]struct {
		from objectstore.Ref
		o    objectstore.NewObject
	}{
		"another MD5": {wrongRef, with(func(o *objectstore.NewObject) { o.Claimed = wrong.Content.Claimed })},
		"no MD5":      {ref, with(func(o *objectstore.NewObject) { o.Claimed = objectstore.Checksum{} })},
		"attributes":  {ref, with(func(o *objectstore.NewObject) { o.Explicit = false })},
		"hold":        {ref, with(func(o *objectstore.NewObject) { o.Lock.Hold = true })},
		"retention": {ref, with(func(o *objectstore.NewObject) {
			o.Lock = objectstore.Lock{Mode: "COMPLIANCE", Until: time.Now().Add(time.Hour)}
		})},
		"no ETag":  {objectstore.Ref{Bucket: ref.Bucket, Key: "k"}, good},
		"long key": {long, good},
	} {
		if _, err := to.Copy(t.Context(), test.from, test.o); !errors.Is(err, objectstore.ErrNotByItself) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := server.History(plain, "records", "copy"); got != "" {
		t.Errorf("history %q", got)
	}
	if _, err := to.Copy(t.Context(), ref, good); err != nil {
		t.Error(err)
	}
}

// TestCopyRefused is about what the source, the destination and their accounts refuse.
func TestCopyRefused(t *testing.T) {
	server, from, to := between(t, nil)
	put(t, from, versioned+records, "k", "bytes")
	v, ref := claimed(t, from, versioned+records, "k")
	good := objectstore.NewObject{Bucket: plain + records, Key: "copy", Explicit: true, Claimed: v.Content.Claimed,
		Guard: objectstore.Guard{Absent: true}}
	other := ref
	other.ETag = "0x0"
	if _, err := to.Copy(t.Context(), other, good); !errors.Is(err, objectstore.ErrPrecondition) {
		t.Errorf("another ETag: %v", err)
	}
	gone := ref
	gone.Key = "none"
	if _, err := to.Copy(t.Context(), gone, good); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("no source: %v", err)
	}
	server.Close(versioned, true)
	_, err := to.Copy(t.Context(), ref, good)
	var refused *objectstore.Error
	if !errors.Is(err, objectstore.ErrDenied) || !errors.As(err, &refused) || refused.Bucket != "blob:"+ref.Bucket ||
		len(refused.Needs) != 1 || !strings.HasSuffix(refused.Needs[0], "/blobs/read") ||
		!errors.Is(err, objectstore.ErrSourceClosed) || !strings.Contains(err.Error(), "network rules") ||
		!strings.Contains(remedy.For(err), "--stream") || errors.Is(err, objectstore.ErrNotByItself) {
		t.Errorf("behind a firewall: %v", err)
	}
	server.Close(versioned, false)
	for range 2 {
		_, err = to.Copy(t.Context(), ref, good)
	}
	if !errors.Is(err, objectstore.ErrPrecondition) {
		t.Errorf("over what is there: %v", err)
	}
}

// TestCopiesSome is about which versions a plan may say that the service copies.
func TestCopiesSome(t *testing.T) {
	_, from, to := between(t, nil)
	put(t, from, versioned+records, "k", "bytes")
	o := objectstore.NewObject{Bucket: versioned + records, Key: "blocks"}
	id, err := from.CreateUpload(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	part, err := from.UploadPart(t.Context(), o.Bucket, o.Key, id, 1, body("bytes"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := from.CompleteUpload(t.Context(), o, id, []objectstore.Part{part}, objectstore.Checksum{}); err != nil {
		t.Fatal(err)
	}
	whole, _ := claimed(t, from, versioned+records, "k")
	blocks, _ := claimed(t, from, versioned+records, "blocks")
	large, long, most := whole, whole, whole
	large.Size, most.Size, long.Key = 5000<<20+1, 5000<<20, strings.Repeat("ü", 300)
	for name, test := range map[string]struct {
		v    objectstore.Version
		want bool
	}{"whole": {whole, true}, "in blocks": {blocks, false}, "large": {large, false}, "as large as can be": {most, true},
		"long key": {long, false}, "marker": {objectstore.Version{Marker: true}, false}} {
		if got := objectstore.CopiesVersion(to, versioned+records, test.v); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if whole.Sum() != (objectstore.Checksum{}) {
		t.Error("what a writer says is taken for evidence")
	}
	_, keyed := start(t, nil)
	_, others, _ := between(t, nil)
	for name, test := range map[string]struct {
		from, to objectstore.Store
		want     bool
	}{"one provider": {from, to, true}, "keys of accounts": {keyed, keyed, false}, "another provider": {others, to, false}} {
		if got := objectstore.CanCopy(test.from, test.to); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// quiet leaves the MD5 out of answers to copies, or tells another.
type quiet struct {
	http.ResponseWriter
	md5 string
}

func (q quiet) WriteHeader(status int) {
	q.Header().Del("Content-MD5")
	if q.md5 != "" {
		q.Header().Set("Content-MD5", q.md5)
	}
	q.ResponseWriter.WriteHeader(status)
}

// TestCopyUntold takes for what has arrived what the answer says alone.
func TestCopyUntold(t *testing.T) {
	for _, md5 := range []string{"", "AAAAAAAAAAAAAAAAAAAAAA==", "no MD5"} {
		s := azure.New(azure.Options{Token: bearer, Accounts: []azure.Account{{Name: plain}}})
		s.Container(plain, "records")
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("x-ms-copy-source") != "" {
				w = quiet{w, md5}
			}
			s.ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		store := open(t, azurestore.Options{Endpoint: server.URL, ARMEndpoint: server.URL,
			Subscription: s.Subscription()}).Region("westeurope")
		put(t, store, plain+records, "k", "bytes")
		v, ref := claimed(t, store, plain+records, "k")
		w, err := store.Copy(t.Context(), ref, objectstore.NewObject{Bucket: plain + records, Key: "copy", Explicit: true,
			Claimed: v.Content.Claimed})
		want := ""
		if strings.HasPrefix(md5, "AA") {
			want = strings.Repeat("0", 32)
		}
		if err != nil || w.Sum.Value != want {
			t.Errorf("told %q: %+v, %v", md5, w, err)
		}
	}
}

// TestCopySilence waits longer for the answer to a copy of more bytes: the service says nothing before it has made it.
func TestCopySilence(t *testing.T) {
	s := azure.New(azure.Options{Token: bearer, Accounts: []azure.Account{{Name: plain}}})
	s.Container(plain, "records")
	arrived, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/never"):
			<-r.Context().Done()
			return
		case strings.HasSuffix(r.URL.Path, "/late"):
			close(arrived)
			<-release
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	store := open(t, azurestore.Options{Endpoint: server.URL, ARMEndpoint: server.URL, Subscription: s.Subscription(),
		Patience: 300 * time.Millisecond}).Region("westeurope")
	put(t, store, plain+records, "k", "bytes")
	v, ref := claimed(t, store, plain+records, "k")
	copied := func(key string, size int64) error {
		_, err := store.Copy(t.Context(), ref, objectstore.NewObject{Bucket: plain + records, Key: key, Explicit: true,
			Claimed: v.Content.Claimed, Size: size})
		return err
	}
	late := make(chan error)
	go func() { late <- copied("late", 1<<30) }()
	<-arrived
	if err := copied("never", v.Size); !errors.Is(err, objectstore.ErrUnanswered) {
		t.Errorf("of few bytes: %v", err)
	}
	if err := copied("never", 4<<20); !errors.Is(err, objectstore.ErrUnanswered) { // a second longer
		t.Errorf("of a piece: %v", err)
	}
	close(release)
	if err := <-late; err != nil {
		t.Errorf("of many bytes: %v", err)
	}
}

// TestCopySnapshot copies a snapshot, which is an entry of its key like a version.
func TestCopySnapshot(t *testing.T) {
	server, from, to := between(t, nil)
	put(t, from, versioned+records, "k", "bytes")
	server.Snapshot(versioned, "records", "k")
	put(t, from, versioned+records, "k", "later ones")
	n := 0
	for v, err := range from.Versions(t.Context(), versioned+records, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(v.VersionID, "snapshot:") {
			continue
		}
		n++
		w, err := to.Copy(t.Context(), objectstore.Ref{Bucket: versioned + records, Key: "k", VersionID: v.VersionID,
			ETag: v.ETag}, objectstore.NewObject{Bucket: plain + records, Key: "copy", Explicit: true,
			Claimed: v.Content.Claimed})
		if info, statErr := to.Stat(t.Context(), objectstore.Ref{Bucket: plain + records, Key: "copy"}, 0); err != nil ||
			statErr != nil || info.Size != 5 || w.Sum != v.Content.Claimed {
			t.Errorf("%+v, %v, %+v, %v", w, err, info, statErr)
		}
	}
	if n != 1 {
		t.Errorf("%d snapshots", n)
	}
}

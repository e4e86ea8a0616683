package gcsstore_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
)

func TestGuardedWrites(t *testing.T) {
	for _, bucket := range []string{"versioned", "plain"} {
		server, s := start(t, google.Options{})
		w := put(t, s, bucket, "key", "one")
		patched := put(t, s, bucket, "patched", "one")
		patch(t, server, bucket, "patched", `{"contentType":"text/x"}`)
		for name, c := range map[string]struct {
			key   string
			guard objectstore.Guard
			meets bool
		}{
			"absent, and is":          {"new", objectstore.Guard{Absent: true}, true},
			"absent, and is not":      {"key", objectstore.Guard{Absent: true}, false},
			"an ETag of nothing":      {"key", objectstore.Guard{ETag: objectstore.ImpossibleETag}, false},
			"an ETag over nothing":    {"nothing", objectstore.Guard{ETag: objectstore.ImpossibleETag}, false},
			"an ETag before a change": {"patched", patched.Current(), false},
			"another generation":      {"key", objectstore.Guard{VersionID: patched.VersionID}, false},
			"no generation at all":    {"key", objectstore.Guard{VersionID: "null"}, false},
			"what contradicts itself": {"key", objectstore.Guard{VersionID: w.VersionID, ETag: patched.ETag}, false},
			"the current one":         {"key", w.Current(), true},
		} {
			if name == "the current one" {
				continue // it changes what the others are about
			}
			_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: bucket, Key: c.key, Guard: c.guard}, body("two"))
			if c.meets && err != nil || !c.meets && !errors.Is(err, objectstore.ErrPrecondition) {
				t.Errorf("%s, %s: %v", bucket, name, err)
			}
		}
		if text, _ := read(t, s, objectstore.Ref{Bucket: bucket, Key: "key"}); string(text) != "one" {
			t.Errorf("%s: %q is there", bucket, text)
		}
		_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: bucket, Key: "key", Guard: w.Current()}, body("two"))
		if err != nil {
			t.Errorf("%s: over the current one: %v", bucket, err)
		}
	}
}

// TestOverAMarker: that a key has no live version is what is said of one that is absent.
func TestOverAMarker(t *testing.T) {
	_, s := start(t, google.Options{})
	put(t, s, "versioned", "key", "one")
	m, err := s.PutMarker(t.Context(), "versioned", "key")
	if err != nil {
		t.Fatal(err)
	}
	o := objectstore.NewObject{Bucket: "versioned", Key: "key", Guard: m.Current()}
	if _, err := s.Put(t.Context(), o, body("two")); err != nil {
		t.Error(err)
	}
	if _, err := s.Put(t.Context(), o, body("three")); !errors.Is(err, objectstore.ErrPrecondition) {
		t.Errorf("a second time: %v", err)
	}
}

func TestWrongSumsAreRefused(t *testing.T) {
	_, s := start(t, google.Options{})
	for name, b := range map[string]objectstore.Body{
		"CRC32C": {Reader: strings.NewReader("text"), Size: 4,
			Checksum: objectstore.Checksum{Algorithm: "CRC32C", Value: "AAAAAA=="}},
		"MD5": {Reader: strings.NewReader("text"), Size: 4, MD5: strings.Repeat("0", 32)},
	} {
		_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "plain", Key: "key"}, b)
		if !errors.Is(err, objectstore.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all := mustList(t, s, "plain"); len(all) != 0 {
		t.Errorf("%d are there", len(all))
	}
}

func TestBodiesThatEndTooSoon(t *testing.T) {
	_, s := start(t, google.Options{})
	broken := errors.New("the disk is gone")
	for name, r := range map[string]io.Reader{"short": strings.NewReader("te"),
		"failing": io.MultiReader(strings.NewReader("te"), failing{broken})} {
		_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "plain", Key: name},
			objectstore.Body{Reader: r, Size: 4})
		if err == nil || errors.Is(err, objectstore.ErrUnanswered) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "failing" && !errors.Is(err, broken) {
			t.Errorf("the cause is lost: %v", err)
		}
	}
	if all := mustList(t, s, "plain"); len(all) != 0 {
		t.Errorf("%d are there", len(all))
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestWhatGoogleHasNoPlaceFor(t *testing.T) {
	server, s := start(t, google.Options{})
	for name, o := range map[string]objectstore.NewObject{
		"tags":     {Attributes: objectstore.Attributes{Tags: []objectstore.Tag{{Key: "a", Value: "b"}}}},
		"redirect": {Attributes: objectstore.Attributes{WebsiteRedirect: "/"}},
		"grants":   {Attributes: objectstore.Attributes{Grants: []objectstore.Grant{{Permission: "READ", ID: "x"}}}},
		"Expires":  {Attributes: objectstore.Attributes{Expires: "Mon, 03 Feb 2031 04:05:06 GMT"}},
		"customer": {CustomerKey: "x"},
		"lasts": {Attributes: objectstore.Attributes{Lock: objectstore.Lock{Event: objectstore.EventHold{On: true,
			Days: 3}}}},
		"mode":        {Attributes: objectstore.Attributes{Lock: objectstore.Lock{Mode: "OTHER"}}},
		"line":        {Key: "a\nb"},
		"long":        {Key: strings.Repeat("x", 1025)},
		"challenge":   {Key: ".well-known/acme-challenge/x"},
		"not Unicode": {Key: "a\xff"},
	} {
		o.Bucket = "plain"
		if o.Key == "" {
			o.Key = "key"
		}
		if _, err := s.Put(t.Context(), o, body("text")); !errors.Is(err, objectstore.ErrRejected) {
			t.Errorf("put, %s: %v", name, err)
		}
		if _, err := s.CreateUpload(t.Context(), o); !errors.Is(err, objectstore.ErrRejected) {
			t.Errorf("upload, %s: %v", name, err)
		}
	}
	if n := server.Count("storage.objects.insert") + server.Count("storage.multipartUploads.create"); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// TestWritesAreNotRepeated: a request whose answer was lost may have been done.
func TestWritesAreNotRepeated(t *testing.T) {
	server, s := start(t, google.Options{})
	w := put(t, s, "plain", "key", "one")
	for _, f := range []google.Fault{{Lost: true}, {Status: 503, Reason: "backendError"}, {Status: 429,
		Reason: "rateLimitExceeded"}} {
		server.SetFault(func(r google.Request) google.Fault {
			if strings.HasSuffix(r.Op, ".get") || strings.HasSuffix(r.Op, ".list") {
				return google.Fault{}
			}
			return f
		})
		before := server.Count("storage.objects.insert")
		_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "plain", Key: "key2"}, body("two"))
		if err == nil || objectstore.Permanent(err) {
			t.Errorf("%+v: %v", f, err)
		}
		if n := server.Count("storage.objects.insert") - before; n != 1 {
			t.Errorf("%+v: sent %d times", f, n)
		}
		before = server.Count("storage.objects.delete")
		_ = s.DeleteIf(t.Context(), "plain", objectstore.Deletion{Key: "key", VersionID: w.VersionID, ETag: w.ETag})
		if n := server.Count("storage.objects.delete") - before; n != 1 {
			t.Errorf("%+v: deletion sent %d times", f, n)
		}
	}
}

func TestCopies(t *testing.T) {
	server, s := start(t, google.Options{RewriteStep: 3})
	server.MakeBucket(google.Bucket{Name: "far", Location: "US-EAST1", Versioning: true})
	server.PutObject("far", google.Object{Name: "key", Data: []byte("0123456789"), ContentType: "text/plain",
		Metadata: map[string]string{"a": "b"}, Contexts: map[string]string{"c": "d"}, Class: "NEARLINE"})
	source := objectstore.Ref{Bucket: "far", Key: "key"}
	from, err := s.Stat(t.Context(), source, 0)
	if err != nil {
		t.Fatal(err)
	}
	source.VersionID, source.ETag = from.VersionID, from.ETag
	o := objectstore.NewObject{Bucket: "plain", Key: "copy", Guard: objectstore.Guard{Absent: true}}
	w, err := s.Copy(t.Context(), source, o)
	if err != nil || w.Checksum != from.Checksum || w.Sum != from.Sum {
		t.Fatalf("%+v, %v", w, err)
	}
	if n := server.Count("storage.objects.rewrite"); n != 4 {
		t.Errorf("%d requests for 10 bytes, 3 at once", n)
	}
	text, info := read(t, s, objectstore.Ref{Bucket: "plain", Key: "copy", VersionID: w.VersionID, ETag: w.ETag})
	if string(text) != "0123456789" || info.ContentType != "text/plain" || info.Metadata["a"] != "b" ||
		info.StorageClass != "NEARLINE" || info.Incomplete != "object contexts" {
		t.Errorf("%q, %+v", text, info)
	}
	if _, err := s.Copy(t.Context(), source, o); !errors.Is(err, objectstore.ErrPrecondition) {
		t.Errorf("over what is there: %v", err)
	}
	o.Key, o.Explicit = "other", true
	o.Attributes = objectstore.Attributes{CacheControl: "no-store", StorageClass: "COLDLINE"}
	if _, err := s.Copy(t.Context(), source, o); err != nil {
		t.Fatal(err)
	}
	_, info = read(t, s, objectstore.Ref{Bucket: "plain", Key: "other"})
	if info.CacheControl != "no-store" || info.Metadata != nil || info.StorageClass != "COLDLINE" ||
		info.Incomplete != "" {
		t.Errorf("explicit: %+v", info)
	}
	meanwhile(server, "storage.objects.rewrite", 1, func() { patch(t, server, "far", "key", `{"cacheControl":"x"}`) })
	if _, err := s.Copy(t.Context(), source, objectstore.NewObject{Bucket: "plain", Key: "late"}); !errors.Is(err,
		objectstore.ErrPrecondition) {
		t.Errorf("of a source that has changed: %v", err)
	}
	server.PutObject("far", google.Object{Name: "held", Data: []byte("x"), TemporaryHold: true})
	if _, err := s.Copy(t.Context(), objectstore.Ref{Bucket: "far", Key: "held"},
		objectstore.NewObject{Bucket: "plain", Key: "held"}); !errors.Is(err, objectstore.ErrRejected) {
		t.Errorf("of what is under a hold, without it: %v", err)
	}
	_, err = s.CopyPart(t.Context(), source, 0, 1, "plain", "x", "id", 1)
	if !errors.Is(err, objectstore.ErrNotOffered) {
		t.Errorf("part: %v", err)
	}
}

func TestMarkerRace(t *testing.T) {
	server, s := start(t, google.Options{})
	put(t, s, "versioned", "key", "one")
	meanwhile(server, "storage.objects.delete", 0, func() {
		server.PutObject("versioned", google.Object{Name: "key", Data: []byte("somebody's")})
	})
	if _, err := s.PutMarker(t.Context(), "versioned", "key"); !errors.Is(err, objectstore.ErrPrecondition) {
		t.Errorf("got %v", err)
	}
	if text, _ := read(t, s, objectstore.Ref{Bucket: "versioned", Key: "key"}); string(text) != "somebody's" {
		t.Errorf("%q is live", text)
	}
	put(t, s, "versioned", "other", "one")
	meanwhile(server, "storage.objects.delete", 0, func() {
		if err := s.SetVersioning(t.Context(), "versioned", objectstore.Unversioned); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.PutMarker(t.Context(), "versioned", "other"); err == nil {
		t.Error("a version that is gone for good is taken for one that is noncurrent")
	}
}

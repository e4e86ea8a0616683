package gcsstore_test

import (
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/gcsstore"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
	"github.com/residency/residency/inventory/remedy"
)

// paid has the project pay, and counts the requests that do not name it and those that do.
func paid(t *testing.T) (server *google.Server, s *gcsstore.Store, without, with map[string]int) {
	t.Helper()
	without, with = make(map[string]int), make(map[string]int)
	server, s = start(t, google.Options{}, func(o *gcsstore.Options) {
		o.RequesterPays = true
		o.Observe = func(x objectstore.Exchange) {
			u, err := url.Parse(x.URL)
			if err != nil {
				t.Error(err)
				return
			}
			bucket := "versioned"
			if strings.Contains(u.Path, "/costly") {
				bucket = "costly"
			}
			switch payer := u.Query().Get("userProject") + x.Request.Get("X-Goog-User-Project"); payer {
			case "":
				without[bucket]++
			case "project":
				with[bucket]++
			default:
				t.Errorf("%s pays", payer)
			}
		}
	})
	server.MakeBucket(google.Bucket{Name: "costly", Location: here, Versioning: true, RequesterPays: true, SoftDelete: -1})
	return server, s, without, with
}

// TestRequesterPays: whatever is asked of such a bucket is asked at the project's cost, of
// others nothing is.
func TestRequesterPays(t *testing.T) {
	_, s, without, with := paid(t)
	if all := mustList(t, s, "costly"); len(all) != 0 {
		t.Errorf("%d entries", len(all))
	}
	w := put(t, s, "costly", "key", "text")
	ref := objectstore.Ref{Bucket: "costly", Key: "key", VersionID: w.VersionID}
	if text, _ := read(t, s, ref); string(text) != "text" {
		t.Errorf("read %q", text)
	}
	id, err := s.CreateUpload(t.Context(), objectstore.NewObject{Bucket: "costly", Key: "large"})
	if err != nil {
		t.Fatal(err)
	}
	part, err := s.UploadPart(t.Context(), "costly", "large", id, 1, body(strings.Repeat("x", 5<<20)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.CompleteUpload(t.Context(), objectstore.NewObject{Bucket: "costly", Key: "large"}, id,
		[]objectstore.Part{part}, objectstore.Checksum{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "versioned", "other", "text")
	if without["costly"] != 1 || with["versioned"] != 0 {
		t.Errorf("at no cost to the project %v, at its cost %v", without, with)
	}
	if _, err := s.Copy(t.Context(), ref, objectstore.NewObject{Bucket: "versioned", Key: "copy"}); err != nil {
		t.Errorf("a copy from it: %v", err)
	}
	if err := s.DeleteIf(t.Context(), "costly", objectstore.Deletion{Key: "key", VersionID: w.VersionID,
		ETag: w.ETag}); err != nil {
		t.Error(err)
	}
	if all := mustList(t, s, "costly"); len(all) != 1 {
		t.Errorf("%d entries", len(all))
	}
	facts, err := s.Facts(t.Context(), "costly")
	if err != nil || !slices.ContainsFunc(facts, func(f objectstore.Fact) bool { return f.Rule == "requester-pays" }) {
		t.Errorf("facts %+v, %v", facts, err)
	}
}

// TestABodyIsSentOnce: one that cannot be sent again is refused, and the next one is not.
func TestABodyIsSentOnce(t *testing.T) {
	_, s, _, _ := paid(t)
	once := objectstore.Body{Reader: io.LimitReader(strings.NewReader("text"), 4), Size: 4}
	o := objectstore.NewObject{Bucket: "costly", Key: "key"}
	if _, err := s.Put(t.Context(), o, once); err != nil && !errors.Is(err, objectstore.ErrRejected) {
		t.Errorf("got %v", err)
	}
	once.Reader = io.LimitReader(strings.NewReader("text"), 4)
	if _, err := s.Put(t.Context(), o, once); err != nil {
		t.Errorf("got %v", err)
	}
}

// TestNobodyPays: without a word of the configuration nobody does, and what is to be done is told.
func TestNobodyPays(t *testing.T) {
	server, s := start(t, google.Options{})
	server.MakeBucket(google.Bucket{Name: "costly", Location: here, RequesterPays: true})
	before := server.Count("storage.objects.list")
	_, err := listed(t.Context(), s, "costly", "", "")
	if !errors.Is(err, objectstore.ErrRejected) || !strings.Contains(err.Error(), "requester pays") ||
		!strings.Contains(remedy.For(err), "requester_pays: project") {
		t.Errorf("%v; %s", err, remedy.For(err))
	}
	if n := server.Count("storage.objects.list") - before; n != 1 {
		t.Errorf("%d requests", n)
	}
	_, err = s.Open(t.Context(), objectstore.Ref{Bucket: "costly", Key: "key", VersionID: "1"}, 0)
	if !strings.Contains(remedy.For(err), "requester_pays: project") {
		t.Errorf("%v; %s", err, remedy.For(err))
	}
}

// TestWhoMayPay: what the project lacks is told of a denial.
func TestWhoMayPay(t *testing.T) {
	server, s, _, _ := paid(t)
	server.Permit([]string{"storage.objects.list"})
	_, err := listed(t.Context(), s, "costly", "", "")
	if !errors.Is(err, objectstore.ErrDenied) || !strings.Contains(err.Error(), "serviceusage.services.use in project project") {
		t.Errorf("got %v", err)
	}
	server.Permit([]string{"storage.objects.list", "serviceusage.services.use"})
	if _, err := listed(t.Context(), s, "costly", "", ""); err != nil {
		t.Error(err)
	}
}

package gcsstore_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/gcsstore"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
)

// begun starts an upload of two parts.
func begun(t *testing.T, s *gcsstore.Store, o objectstore.NewObject) (id string, parts []objectstore.Part) {
	t.Helper()
	id, err := s.CreateUpload(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{strings.Repeat("a", 5<<20), "rest"} {
		p, err := s.UploadPart(t.Context(), o.Bucket, o.Key, id, i+1, body(text))
		if err != nil || p.Checksum.Algorithm != "CRC32C" || p.Size != int64(len(text)) {
			t.Fatalf("part %+v, %v", p, err)
		}
		parts = append(parts, p)
	}
	return id, parts
}

func unfinished(t *testing.T, s *gcsstore.Store, bucket, prefix string) (all []objectstore.Upload) {
	t.Helper()
	for u, err := range s.Uploads(t.Context(), bucket, prefix) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, u)
	}
	return all
}

func TestUpload(t *testing.T) {
	for _, bucket := range []string{"versioned", "plain"} {
		_, s := start(t, google.Options{PageSize: 1})
		o := objectstore.NewObject{Bucket: bucket, Key: "a b+c/ü", Guard: objectstore.Guard{Absent: true},
			Attributes: objectstore.Attributes{ContentType: "text/plain", Metadata: map[string]string{"City": "Zürich"},
				StorageClass: "NEARLINE"}}
		id, parts := begun(t, s, o)
		there, err := s.Parts(t.Context(), bucket, o.Key, id)
		if err != nil || len(there) != 2 || there[1].ETag != parts[1].ETag || there[1].Size != 4 {
			t.Errorf("parts %+v, %v", there, err)
		}
		if all := unfinished(t, s, bucket, "a b"); len(all) != 1 || all[0].Key != o.Key || all[0].UploadID != id {
			t.Errorf("unfinished: %+v", all)
		}
		w, err := s.CompleteUpload(t.Context(), o, id, parts, objectstore.Checksum{})
		if err != nil {
			t.Fatal(err)
		}
		text, info := read(t, s, objectstore.Ref{Bucket: bucket, Key: o.Key, VersionID: w.VersionID, ETag: w.ETag})
		if len(text) != 5<<20+4 || info.Checksum != w.Checksum || info.Sum.Algorithm != "" || info.ContentType !=
			"text/plain" || info.Metadata["City"] != "Zürich" || info.StorageClass != "NEARLINE" {
			t.Errorf("%d bytes, %+v", len(text), info)
		}
		if all := mustList(t, s, bucket); shape(all) != "v*" || all[0].Key != o.Key {
			t.Errorf("%s: listed %+v", bucket, all)
		}
		if all := unfinished(t, s, bucket, ""); len(all) != 0 {
			t.Errorf("left: %+v", all)
		}
		if err := s.AbortUpload(t.Context(), bucket, o.Key, id); !errors.Is(err, objectstore.ErrNotFound) {
			t.Errorf("abort of what is done: %v", err)
		}
	}
}

// TestUploadsWriteOverNothing, though the service takes no conditions for them.
func TestUploadsWriteOverNothing(t *testing.T) {
	for _, bucket := range []string{"versioned", "plain"} {
		_, s := start(t, google.Options{})
		o := objectstore.NewObject{Bucket: bucket, Key: "key", Guard: objectstore.Guard{Absent: true}}
		id, parts := begun(t, s, o)
		put(t, s, bucket, "key", "somebody's") // while it was under way
		if _, err := s.CompleteUpload(t.Context(), o, id, parts, objectstore.Checksum{}); !errors.Is(err,
			objectstore.ErrPrecondition) {
			t.Errorf("%s: %v", bucket, err)
		}
		if err := s.AbortUpload(t.Context(), bucket, "key", id); err != nil {
			t.Errorf("%s: abort: %v", bucket, err)
		}
		if all := mustList(t, s, bucket); shape(all) != "v*" {
			t.Errorf("%s: listed %+v", bucket, all)
		}
		if text, _ := read(t, s, objectstore.Ref{Bucket: bucket, Key: "key"}); string(text) != "somebody's" {
			t.Errorf("%s: %q is there", bucket, text)
		}
	}
}

// TestCompletionWhoseAnswerIsLost goes on with what is there, at whichever step it was.
func TestCompletionWhoseAnswerIsLost(t *testing.T) {
	for _, step := range []string{"storage.multipartUploads.complete", "storage.objects.rewrite",
		"storage.objects.delete"} {
		server, s := start(t, google.Options{})
		o := objectstore.NewObject{Bucket: "plain", Key: "key"}
		id, parts := begun(t, s, o)
		server.SetFault(func(r google.Request) google.Fault { return google.Fault{Lost: r.Op == step && r.N == 1} })
		if _, err := s.CompleteUpload(t.Context(), o, id, parts, objectstore.Checksum{}); err == nil {
			t.Errorf("%s: no error", step)
		}
		_, err := s.CompleteUpload(t.Context(), o, id, parts, objectstore.Checksum{})
		if err != nil && (step != "storage.objects.delete" || !errors.Is(err, objectstore.ErrNotFound)) {
			t.Errorf("%s: again: %v", step, err)
		}
		if all := mustList(t, s, "plain"); shape(all) != "v*" || all[0].Size != 5<<20+4 {
			t.Errorf("%s: listed %+v", step, all)
		}
	}
}

func TestUploadThatIsGivenUp(t *testing.T) {
	server, s := start(t, google.Options{})
	o := objectstore.NewObject{Bucket: "plain", Key: "key"}
	id, _ := begun(t, s, o)
	if err := s.AbortUpload(t.Context(), "plain", "key", id); err != nil {
		t.Error(err)
	}
	if _, err := s.Parts(t.Context(), "plain", "key", id); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("parts: %v", err)
	}
	id, parts := begun(t, s, o) // this one is put together, and goes no further
	server.SetFault(func(r google.Request) google.Fault {
		if r.Op == "storage.objects.rewrite" {
			return google.Fault{Status: 503, Reason: "backendError"}
		}
		return google.Fault{}
	})
	if _, err := s.CompleteUpload(t.Context(), o, id, parts, objectstore.Checksum{}); !errors.Is(err,
		objectstore.ErrThrottled) {
		t.Errorf("complete: %v", err)
	}
	if err := s.AbortUpload(t.Context(), "plain", "key", id); err != nil {
		t.Error(err)
	}
	if all := mustList(t, s, "plain"); len(all) != 0 {
		t.Errorf("left: %+v", all)
	}
}

// TestUploadsThatAreStranded: what a run that died has put together is found with the key's
// other uploads, and goes with them.
func TestUploadsThatAreStranded(t *testing.T) {
	for _, bucket := range []string{"versioned", "plain"} {
		server, s := start(t, google.Options{PageSize: 1})
		put(t, s, bucket, "key", "theirs")
		put(t, s, bucket, "key.residency-upload-notes", "theirs, too")
		o := objectstore.NewObject{Bucket: bucket, Key: "key"}
		id, parts := begun(t, s, o)
		server.SetFault(func(r google.Request) google.Fault {
			return google.Fault{Lost: r.Op == "storage.multipartUploads.complete"}
		})
		if _, err := s.CompleteUpload(t.Context(), o, id, parts, objectstore.Checksum{}); err == nil {
			t.Fatal("no error")
		}
		left := unfinished(t, s, bucket, "key")
		if len(left) != 1 || left[0].Key != "key" || left[0].Initiated.IsZero() {
			t.Fatalf("%s: %+v", bucket, left)
		}
		if err := s.AbortUpload(t.Context(), bucket, "key", left[0].UploadID); err != nil {
			t.Error(err)
		}
		if all := unfinished(t, s, bucket, "key"); len(all) != 0 {
			t.Errorf("%s: left %+v", bucket, all)
		}
		if all := mustList(t, s, bucket); shape(all) != "v*v*" {
			t.Errorf("%s: listed %+v", bucket, all)
		}
	}
}

// TestUploadsOfOthers are seen, and can be given up, but not completed: nothing would keep
// them from writing over what is there. The object of that name stays.
func TestUploadsOfOthers(t *testing.T) {
	server, s := start(t, google.Options{})
	put(t, s, "plain", "key", "theirs")
	server.BeginUpload("plain", "key")
	all := unfinished(t, s, "plain", "")
	if len(all) != 1 || all[0].Key != "key" {
		t.Fatalf("listed: %+v", all)
	}
	o := objectstore.NewObject{Bucket: "plain", Key: "key"}
	if _, err := s.CompleteUpload(t.Context(), o, all[0].UploadID, nil, objectstore.Checksum{}); !errors.Is(err,
		objectstore.ErrRejected) {
		t.Errorf("complete: %v", err)
	}
	if err := s.AbortUpload(t.Context(), "plain", "key", all[0].UploadID); err != nil {
		t.Error(err)
	}
	if text, _ := read(t, s, objectstore.Ref{Bucket: "plain", Key: "key"}); string(text) != "theirs" {
		t.Errorf("%q is there", text)
	}
}

// TestUploadsWithoutAnID: a request without one would be about the object of that name.
func TestUploadsWithoutAnID(t *testing.T) {
	for id, key := range map[string]string{"": "key", "residency-0123456789abcdef.": "key", "theirs": ""} {
		requests := 0
		s := answering(t, func(http.ResponseWriter, *http.Request) { requests++ })
		o := objectstore.NewObject{Bucket: "bucket", Key: key}
		_, parts := s.Parts(t.Context(), "bucket", key, id)
		_, part := s.UploadPart(t.Context(), "bucket", key, id, 1, body("text"))
		_, complete := s.CompleteUpload(t.Context(), o, id, nil, objectstore.Checksum{})
		for _, err := range []error{parts, part, complete, s.AbortUpload(t.Context(), "bucket", key, id)} {
			if !errors.Is(err, objectstore.ErrNotFound) {
				t.Errorf("ID %q: %v", id, err)
			}
		}
		if requests > 0 {
			t.Errorf("ID %q: %d requests", id, requests)
		}
	}
}

func TestPartsThatArriveOtherwise(t *testing.T) {
	_, s := start(t, google.Options{})
	o := objectstore.NewObject{Bucket: "plain", Key: "key"}
	id, parts := begun(t, s, o)
	wrong := objectstore.Body{Reader: strings.NewReader("text"), Size: 4, Checksum: objectstore.Checksum{
		Algorithm: "CRC32C", Value: "AAAAAA=="}}
	if _, err := s.UploadPart(t.Context(), "plain", "key", id, 3, wrong); !errors.Is(err, objectstore.ErrCorrupt) {
		t.Errorf("a wrong checksum: %v", err)
	}
	once := objectstore.Body{Reader: io.MultiReader(strings.NewReader("text")), Size: 4}
	if p, err := s.UploadPart(t.Context(), "plain", "key", id, 3, once); err != nil || p.Checksum.Algorithm != "CRC32C" {
		t.Errorf("a body that is read once: %+v, %v", p, err)
	}
	full := objectstore.Checksum{Algorithm: "CRC32C", Value: "AAAAAA=="}
	if _, err := s.CompleteUpload(t.Context(), o, id, parts, full); !errors.Is(err, objectstore.ErrCorrupt) {
		t.Errorf("a wrong whole: %v", err)
	}
	if all := mustList(t, s, "plain"); len(all) != 1 || all[0].Key == "key" {
		t.Errorf("listed: %+v", all) // what it was put together in, until it is given up
	}
}

func TestNoUploadWhereNothingGoes(t *testing.T) {
	server, s := start(t, google.Options{})
	server.MakeBucket(google.Bucket{Name: "kept", Retention: 1e9})
	server.MakeBucket(google.Bucket{Name: "held", DefaultHold: true})
	for _, bucket := range []string{"kept", "held"} {
		if _, err := s.CreateUpload(t.Context(), objectstore.NewObject{Bucket: bucket, Key: "key"}); !errors.Is(err,
			objectstore.ErrNotOffered) {
			t.Errorf("%s: %v", bucket, err)
		}
	}
	if _, err := s.CreateUpload(t.Context(), objectstore.NewObject{Bucket: "plain", Key: strings.Repeat("x",
		1000)}); !errors.Is(err, objectstore.ErrRejected) {
		t.Errorf("a long key: %v", err)
	}
	empty := open(t, server, func(o *gcsstore.Options) { o.Random = bytes.NewReader(nil) })
	if _, err := empty.CreateUpload(t.Context(), objectstore.NewObject{Bucket: "plain", Key: "key"}); err == nil {
		t.Error("a name without chance")
	}
}

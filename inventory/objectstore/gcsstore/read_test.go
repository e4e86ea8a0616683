package gcsstore_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
)

// TestWhatIsCompressedStaysSo: to whoever does not ask the service hands it decompressed.
func TestWhatIsCompressedStaysSo(t *testing.T) {
	server, s := start(t, google.Options{})
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, strings.Repeat("text ", 1000)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	server.PutObject("plain", google.Object{Name: "log.gz", Data: packed.Bytes(), ContentEncoding: "gzip",
		ContentType: "text/plain"})
	data, info := read(t, s, objectstore.Ref{Bucket: "plain", Key: "log.gz"})
	if !bytes.Equal(data, packed.Bytes()) || info.Size != int64(packed.Len()) || info.ContentEncoding != "gzip" {
		t.Errorf("%d bytes of %d, %+v", len(data), packed.Len(), info)
	}
	// That the server does so is what the test rests on.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		server.URL+"/storage/v1/b/plain/o/log.gz?alt=media", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "identity")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || len(text) != 5000 || resp.Header.Get("X-Goog-Hash") != "" {
		t.Errorf("without asking: %d bytes, %v, hash %q", len(text), err, resp.Header.Get("X-Goog-Hash"))
	}
}

func TestAttributes(t *testing.T) {
	server, s := start(t, google.Options{KMSKeys: []string{"projects/p/locations/europe/keyRings/r/cryptoKeys/k"}})
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	o := objectstore.NewObject{Bucket: "versioned", Key: "all", Attributes: objectstore.Attributes{
		ContentType: "text/plain; charset=utf-8", CacheControl: "no-store", ContentDisposition: "inline",
		ContentEncoding: "identity", ContentLanguage: "de", Metadata: map[string]string{"City": "Zürich", "a-b": "1"},
		StorageClass: "NEARLINE", Lock: objectstore.Lock{Mode: "COMPLIANCE", Until: until, Hold: true}},
		KMSKey: "projects/p/locations/europe/keyRings/r/cryptoKeys/k"}
	w, err := s.Put(t.Context(), o, body("text"))
	if err != nil {
		t.Fatal(err)
	}
	ref := objectstore.Ref{Bucket: "versioned", Key: "all", VersionID: w.VersionID, ETag: w.ETag}
	info, err := s.Stat(t.Context(), ref, 3)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(info.Attributes, o.Attributes) {
		t.Errorf("got  %+v\nwant %+v", info.Attributes, o.Attributes)
	}
	if info.KeyID != o.KMSKey || info.Encrypted != objectstore.KMS || info.Sum != w.Sum || info.Checksum != w.Checksum ||
		info.Checksum.Algorithm != "CRC32C" || info.Sum.Algorithm != "MD5" || info.ETag != w.ETag || info.Size != 4 ||
		info.Length != 4 || info.PartCount != 0 || info.Modified.IsZero() || info.Answered.IsZero() ||
		info.Incomplete != "" {
		t.Errorf("%+v", info)
	}
	if lock, err := s.Lock(t.Context(), ref); err != nil || lock != o.Lock {
		t.Errorf("lock %+v, %v", lock, err)
	}
	if tags, err := s.Tags(t.Context(), ref); err != nil || len(tags) != 0 {
		t.Errorf("tags %v, %v", tags, err)
	}
	server.PutObject("plain", google.Object{Name: "contexts", Contexts: map[string]string{"a": "b"},
		CustomTime: time.Unix(1e9, 0)})
	info, err = s.Stat(t.Context(), objectstore.Ref{Bucket: "plain", Key: "contexts"}, 0)
	if err != nil || info.Incomplete != "object contexts, custom time" {
		t.Errorf("incomplete %q, %v", info.Incomplete, err)
	}
}

func TestLockOfABucketsPolicy(t *testing.T) {
	server, s := start(t, google.Options{})
	server.MakeBucket(google.Bucket{Name: "kept", Retention: time.Hour})
	server.PutObject("kept", google.Object{Name: "a"})
	server.PutObject("kept", google.Object{Name: "b", EventBasedHold: true})
	lock, err := s.Lock(t.Context(), objectstore.Ref{Bucket: "kept", Key: "a"})
	if err != nil || lock.Mode != "GOVERNANCE" || !lock.Until.After(time.Now()) {
		t.Errorf("lock %+v, %v", lock, err)
	}
	if lock, err = s.Lock(t.Context(), objectstore.Ref{Bucket: "kept", Key: "b"}); err != nil || !lock.Event.On {
		t.Errorf("hold %+v, %v", lock, err)
	}
	for v, err := range s.Versions(t.Context(), "kept", "", "") {
		if err != nil {
			t.Fatal(err)
		}
		err := s.DeleteIf(t.Context(), "kept", objectstore.Deletion{Key: v.Key, VersionID: v.VersionID})
		if !errors.Is(err, objectstore.ErrLocked) {
			t.Errorf("deletion of %s: %v", v.Key, err)
		}
	}
}

func TestReadsAreOfOneState(t *testing.T) {
	server, s := start(t, google.Options{})
	w := put(t, s, "versioned", "key", "one")
	ref := objectstore.Ref{Bucket: "versioned", Key: "key", VersionID: w.VersionID, ETag: w.ETag}
	patch(t, server, "versioned", "key", `{"metadata":{"a":"b"}}`)
	for _, r := range []objectstore.Ref{ref, {Bucket: "versioned", Key: "key", ETag: w.ETag},
		{Bucket: "versioned", Key: "key", ETag: objectstore.ImpossibleETag}} {
		if _, err := s.Open(t.Context(), r, 0); !errors.Is(err, objectstore.ErrPrecondition) {
			t.Errorf("ETag %s: %v", r.ETag, err)
		}
	}
	// Between the two requests of a read the metadata may change as well.
	ref.ETag = ""
	if _, err := s.Stat(t.Context(), ref, 0); err != nil {
		t.Fatal(err)
	}
	meanwhile(server, "storage.objects.get", 1, func() { patch(t, server, "versioned", "key", `{"cacheControl":"x"}`) })
	if _, err := s.Open(t.Context(), ref, 0); !errors.Is(err, objectstore.ErrPrecondition) {
		t.Errorf("of two states: %v", err)
	}
}

// meanwhile has something happen once, before the request of a method that comes behind so
// many others of it.
func meanwhile(server *google.Server, op string, behind int, happen func()) {
	at := server.Count(op) + behind + 1
	server.SetFault(func(r google.Request) google.Fault {
		if r.Op == op && r.N == at {
			happen()
		}
		return google.Fault{}
	})
}

func TestWhatCannotBeRead(t *testing.T) {
	server, s := start(t, google.Options{})
	server.PutObject("plain", google.Object{Name: "theirs", CustomerKey: true})
	for name, c := range map[string]struct {
		ref  objectstore.Ref
		want error
	}{
		"a customer's key": {objectstore.Ref{Bucket: "plain", Key: "theirs"}, objectstore.ErrCustomerKey},
		"no object":        {objectstore.Ref{Bucket: "plain", Key: "secret"}, objectstore.ErrNotFound},
		"no generation":    {objectstore.Ref{Bucket: "plain", Key: "theirs", VersionID: "7"}, objectstore.ErrNotFound},
		"no number":        {objectstore.Ref{Bucket: "plain", Key: "theirs", VersionID: "null"}, objectstore.ErrNotFound},
		"no bucket":        {objectstore.Ref{Bucket: "nowhere", Key: "secret"}, objectstore.ErrNoBucket},
	} {
		_, err := s.Open(t.Context(), c.ref, 0)
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	info, err := s.Stat(t.Context(), objectstore.Ref{Bucket: "plain", Key: "theirs"}, 0)
	if err != nil || info.Encrypted != objectstore.CustomerKey || info.Checksum.Algorithm != "" {
		t.Errorf("stat: %+v, %v", info, err)
	}
}

// patch changes an object's metadata, as somebody else does.
func patch(t *testing.T, server *google.Server, bucket, key, change string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch,
		server.URL+"/storage/v1/b/"+bucket+"/o/"+key, strings.NewReader(change))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
}

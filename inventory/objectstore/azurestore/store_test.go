package azurestore_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
)

// Accounts of the world that most tests are in.
const (
	versioned = "acmeversions"
	plain     = "acmeplain"
	keyed     = "acmekeyed"
	records   = ".records"
)

// start serves accounts and opens a store of them; change may alter both.
func start(t *testing.T, change func(*azure.Options, *azurestore.Options)) (*azure.Server, objectstore.Store) {
	t.Helper()
	o := azure.Options{Token: bearer, Accounts: []azure.Account{{Name: versioned, Versioning: true, VersionLocking: true},
		{Name: plain}, {Name: keyed, Key: []byte("secret")}}}
	store := azurestore.Options{SharedKeys: map[string][]byte{keyed: []byte("secret")}}
	if change != nil {
		change(&o, &store)
	}
	server := azure.Start(t, o)
	for _, a := range o.Accounts {
		server.Container(a.Name, "records")
	}
	store.Endpoint = server.URL
	store.ARMEndpoint = server.URL
	if store.Regions == nil {
		store.Subscription = server.Subscription()
	}
	return server, open(t, store).Region("westeurope")
}

// put writes an object of some text.
func put(t *testing.T, s objectstore.Store, bucket, key, text string) objectstore.Written {
	t.Helper()
	w, err := s.Put(t.Context(), objectstore.NewObject{Bucket: bucket, Key: key}, body(text))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func body(text string) objectstore.Body {
	return objectstore.Body{Reader: strings.NewReader(text), Size: int64(len(text))}
}

// TestAttributes has everything that an object can have come back, by token and by shared key.
func TestAttributes(t *testing.T) {
	_, s := start(t, nil)
	want := objectstore.Attributes{ContentType: "text/x; charset=utf-8", CacheControl: "no-store",
		ContentDisposition: `attachment; filename="a b"`, ContentEncoding: "gzip", ContentLanguage: "de, en",
		Metadata: map[string]string{"plain": "1", "with-hyphen": "two  words", "9digit": "x", "Upper": "y", "empty": "",
			"residency_x_": "z", "city": "Zürich", "spaced": " s "}, StorageClass: "Cool",
		Tags: []objectstore.Tag{{Key: "a b", Value: "c+d/e:f=g_h.i-j"}, {Key: "z"}}}
	for _, bucket := range []string{versioned + records, plain + records, keyed + records} {
		o := objectstore.NewObject{Bucket: bucket, Key: "a b/ü+%41?#&.x", Attributes: want}
		if bucket == versioned+records {
			o.Lock = objectstore.Lock{Mode: "COMPLIANCE", Until: time.Now().Add(time.Hour).Truncate(time.Second), Hold: true}
		}
		w, err := s.Put(t.Context(), o, body("bytes"))
		if err != nil {
			t.Fatal(err)
		}
		ref := objectstore.Ref{Bucket: bucket, Key: o.Key, VersionID: w.VersionID, ETag: w.ETag}
		got, err := s.Open(t.Context(), ref, 0)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(got.Body)
		if err = errors.Join(err, got.Body.Close()); err != nil || string(text) != "bytes" {
			t.Errorf("body %q, %v", text, err)
		}
		if !maps.Equal(got.Metadata, want.Metadata) {
			t.Errorf("metadata %q", got.Metadata)
		}
		if got.ContentType != want.ContentType || got.CacheControl != want.CacheControl ||
			got.ContentDisposition != want.ContentDisposition || got.ContentEncoding != want.ContentEncoding ||
			got.ContentLanguage != want.ContentLanguage || got.StorageClass != want.StorageClass || !got.Lock.Same(o.Lock) {
			t.Errorf("attributes %+v", got.Attributes)
		}
		if got.TagCount != 2 || got.Incomplete != "" || got.Encrypted != objectstore.AES256 || got.Size != 5 {
			t.Errorf("info %+v", got.Info)
		}
		tags, err := s.Tags(t.Context(), ref)
		if err != nil || !slices.Equal(tags, want.Tags) {
			t.Errorf("tags %v, %v", tags, err)
		}
		lock, err := s.Lock(t.Context(), ref)
		if err != nil || !lock.Same(o.Lock) {
			t.Errorf("lock %v, %v", lock, err)
		}
	}
}

// TestRefusedBeforehand has nothing dropped that a blob cannot have, and nothing sent.
func TestRefusedBeforehand(t *testing.T) {
	server, s := start(t, nil)
	many := make([]objectstore.Tag, 11)
	for i := range many {
		many[i].Key = fmt.Sprint(i)
	}
	for name, o := range map[string]objectstore.NewObject{
		"website redirect": {Attributes: objectstore.Attributes{WebsiteRedirect: "/x"}},
		"expires":          {Attributes: objectstore.Attributes{Expires: "Mon, 03 Feb 2031 04:05:06 GMT"}},
		"grants":           {Attributes: objectstore.Attributes{Grants: []objectstore.Grant{{Permission: "READ", ID: "x"}}}},
		"tags":             {Attributes: objectstore.Attributes{Tags: many}},
		"tag":              {Attributes: objectstore.Attributes{Tags: []objectstore.Tag{{Key: "a", Value: "@"}}}},
		"event hold": {Attributes: objectstore.Attributes{
			Lock: objectstore.Lock{Event: objectstore.EventHold{On: true}}}},
		"class": {Attributes: objectstore.Attributes{StorageClass: "GLACIER"}},
		"case":  {Attributes: objectstore.Attributes{Metadata: map[string]string{"a": "1", "A": "2"}}},
		"much metadata": {Attributes: objectstore.Attributes{
			Metadata: map[string]string{"a": strings.Repeat("x", 8192)}}},
		"header":        {Attributes: objectstore.Attributes{ContentDisposition: "ü"}},
		"customer key":  {CustomerKey: "x"},
		"kms key":       {KMSKey: "x"},
		"version guard": {Guard: objectstore.Guard{VersionID: "x"}},
		"slash":         {Key: "a/"},
		"dot":           {Key: "a/../b"},
		"long":          {Key: strings.Repeat("x", 1025)},
	} {
		t.Run(name, func(t *testing.T) {
			if o.Key == "" {
				o.Key = "secret-key"
			}
			o.Bucket = plain + records
			_, err := s.Put(t.Context(), o, body("x"))
			if !errors.Is(err, objectstore.ErrRejected) || strings.Contains(err.Error(), "secret-key") {
				t.Errorf("put: %v", err)
			}
			if _, err := s.CreateUpload(t.Context(), o); !errors.Is(err, objectstore.ErrRejected) {
				t.Errorf("upload: %v", err)
			}
		})
	}
	if n := server.Count()["Put Blob"]; n != 0 {
		t.Errorf("%d writes were sent", n)
	}
}

// TestGuards is about conditions of writes.
func TestGuards(t *testing.T) {
	_, s := start(t, nil)
	for _, bucket := range []string{versioned + records, plain + records} {
		first := put(t, s, bucket, "k", "one")
		for name, test := range map[string]struct {
			guard objectstore.Guard
			want  error
		}{
			"absent":     {objectstore.Guard{Absent: true}, objectstore.ErrPrecondition},
			"other ETag": {objectstore.Guard{ETag: "0x0"}, objectstore.ErrPrecondition},
		} {
			_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: bucket, Key: "k", Guard: test.guard}, body("two"))
			if !errors.Is(err, test.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		second, err := s.Put(t.Context(), objectstore.NewObject{Bucket: bucket, Key: "k", Guard: first.Current()},
			body("two"))
		if err != nil {
			t.Error(err)
		}
		_, err = s.Open(t.Context(), objectstore.Ref{Bucket: bucket, Key: "k", ETag: first.ETag}, 0)
		if !errors.Is(err, objectstore.ErrPrecondition) {
			t.Errorf("reading with the ETag of before: %v", err)
		}
		if (second.VersionID == objectstore.NullVersion) != (bucket == plain+records) {
			t.Errorf("version ID %q", second.VersionID)
		}
	}
}

// TestSums has the service refuse other bytes, and tell what it has received.
func TestSums(t *testing.T) {
	server, s := start(t, nil)
	const text = "123456789"
	o := objectstore.NewObject{Bucket: plain + records, Key: "k"}
	right := objectstore.Checksum{Algorithm: "CRC64NVME", Value: checkValue}
	for name, b := range map[string]objectstore.Body{
		"in memory": body(text),
		"streamed":  {Reader: iotest.OneByteReader(strings.NewReader(text)), Size: 9},
		"given":     {Reader: iotest.OneByteReader(strings.NewReader(text)), Size: 9, Checksum: right},
	} {
		w, err := s.Put(t.Context(), o, b)
		if err != nil || w.Checksum != right {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
	}
	b := body("123456780")
	b.Checksum = right
	if _, err := s.Put(t.Context(), o, b); !errors.Is(err, objectstore.ErrCorrupt) {
		t.Errorf("other bytes than their sum: %v", err)
	}
	if got := server.History(plain, "records", "k"); got != "c" {
		t.Errorf("history %s", got)
	}
}

const checkValue = "rosUhgp5mIg=" // of "123456789" (Catalogue of parametrised CRC algorithms, CRC-64/NVME)

// TestUpload makes an object of parts, whose sums make that of the whole.
func TestUpload(t *testing.T) {
	server, s := start(t, nil)
	o := objectstore.NewObject{Bucket: versioned + records, Key: "large", Attributes: objectstore.Attributes{
		Metadata: map[string]string{"a-b": "c"}, Tags: []objectstore.Tag{{Key: "t", Value: "u"}}},
		Guard: objectstore.Guard{Absent: true}}
	id, err := s.CreateUpload(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.(objectstore.PartLister).Parts(t.Context(), o.Bucket, o.Key, id)
	if !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("parts of nothing: %v", err)
	}
	var parts []objectstore.Part
	for i, text := range []string{"1234", "", "56789"} {
		p, err := s.UploadPart(t.Context(), o.Bucket, o.Key, id, i+1, body(text))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p)
	}
	var uploads []objectstore.Upload
	for u, err := range s.Uploads(t.Context(), o.Bucket, "") {
		if err != nil {
			t.Fatal(err)
		}
		uploads = append(uploads, u)
	}
	if len(uploads) != 1 || uploads[0].UploadID != id || uploads[0].Key != o.Key || uploads[0].Initiated.IsZero() {
		t.Errorf("uploads %v", uploads)
	}
	if got := entries(t, s, o.Bucket); len(got) != 0 {
		t.Errorf("blocks alone are listed: %v", got)
	}
	held, err := s.(objectstore.PartLister).Parts(t.Context(), o.Bucket, o.Key, id)
	if err != nil || len(held) != 3 || held[2].Size != 5 || held[2].Number != 3 {
		t.Errorf("parts %v, %v", held, err)
	}
	wrong := objectstore.Checksum{Algorithm: "CRC64NVME", Value: "AAAAAAAAAAA="}
	if _, err := s.CompleteUpload(t.Context(), o, id, parts, wrong); !errors.Is(err, objectstore.ErrCorrupt) {
		t.Errorf("another sum of the whole: %v", err)
	}
	w, err := s.CompleteUpload(t.Context(), o, id, parts, objectstore.Checksum{})
	if err != nil || w.Checksum.Value != checkValue {
		t.Errorf("complete: %+v, %v", w, err)
	}
	info, err := s.Stat(t.Context(), objectstore.Ref{Bucket: o.Bucket, Key: o.Key, VersionID: w.VersionID}, 0)
	if err != nil || info.Size != 9 || info.Metadata["a-b"] != "c" || info.TagCount != 1 || info.Sum.Value != "" {
		t.Errorf("info %+v, %v", info, err)
	}
	if _, err := s.CompleteUpload(t.Context(), o, id, parts, objectstore.Checksum{}); !errors.Is(err,
		objectstore.ErrNotFound) {
		t.Errorf("completed twice: %v", err)
	}
	if _, err = s.UploadPart(t.Context(), o.Bucket, o.Key, id, 1, body("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CompleteUpload(t.Context(), o, id, parts[:1], objectstore.Checksum{}); !errors.Is(err,
		objectstore.ErrPrecondition) {
		t.Errorf("over what is there: %v", err)
	}
	if err := s.AbortUpload(t.Context(), o.Bucket, o.Key, id); err != nil {
		t.Error(err)
	}
	if got := server.History(versioned, "records", "large"); got != "cb" {
		t.Errorf("history %s: an abort takes no blocks away", got)
	}
}

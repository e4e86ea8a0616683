package azurestore_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
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
	if store.Regions == nil {
		store.Subscription, store.ARMEndpoint = server.Subscription(), server.URL
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
		"event hold":       {Attributes: objectstore.Attributes{Lock: objectstore.Lock{Event: objectstore.EventHold{On: true}}}},
		"class":            {Attributes: objectstore.Attributes{StorageClass: "GLACIER"}},
		"case":             {Attributes: objectstore.Attributes{Metadata: map[string]string{"a": "1", "A": "2"}}},
		"much metadata":    {Attributes: objectstore.Attributes{Metadata: map[string]string{"a": strings.Repeat("x", 8192)}}},
		"header":           {Attributes: objectstore.Attributes{ContentDisposition: "ü"}},
		"customer key":     {CustomerKey: "x"},
		"kms key":          {KMSKey: "x"},
		"version guard":    {Guard: objectstore.Guard{VersionID: "x"}},
		"slash":            {Key: "a/"},
		"dot":              {Key: "a/../b"},
		"long":             {Key: strings.Repeat("x", 1025)},
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
		second, err := s.Put(t.Context(), objectstore.NewObject{Bucket: bucket, Key: "k", Guard: first.Current()}, body("two"))
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
	if _, err := s.(objectstore.PartLister).Parts(t.Context(), o.Bucket, o.Key, id); !errors.Is(err, objectstore.ErrNotFound) {
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

// TestKinds names what a copy as a block blob would not be.
func TestKinds(t *testing.T) {
	server, s := start(t, nil)
	for kind, want := range map[string]string{"PageBlob": "page blob", "AppendBlob": "append blob", "BlockBlob": ""} {
		put(t, s, plain+records, kind, "x")
		server.Change(plain, "records", kind, azure.Change{Kind: kind})
		info, err := s.Stat(t.Context(), objectstore.Ref{Bucket: plain + records, Key: kind}, 0)
		if err != nil || info.Incomplete != want {
			t.Errorf("%s: %q, %v", kind, info.Incomplete, err)
		}
	}
	for name, test := range map[string]struct {
		change azure.Change
		want   error
	}{
		"archived":     {azure.Change{Tier: "Archive"}, objectstore.ErrArchived},
		"customer key": {azure.Change{CustomerKey: true}, objectstore.ErrCustomerKey},
	} {
		put(t, s, plain+records, name, "x")
		server.Change(plain, "records", name, test.change)
		if _, err := s.Open(t.Context(), objectstore.Ref{Bucket: plain + records, Key: name}, 0); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnswers is about what refusals are taken for.
func TestAnswers(t *testing.T) {
	server, s := start(t, nil)
	put(t, s, plain+records, "k", "x")
	for _, test := range []struct {
		status int
		code   string
		want   error
	}{
		{401, "InvalidAuthenticationInfo", objectstore.ErrCredentials}, {403, "AuthenticationFailed", objectstore.ErrCredentials},
		{403, "AuthorizationPermissionMismatch", objectstore.ErrDenied}, {404, "ContainerNotFound", objectstore.ErrNoBucket},
		{503, "ServerBusy", objectstore.ErrThrottled}, {500, "OperationTimedOut", objectstore.ErrPassing},
		{307, "Elsewhere", objectstore.ErrElsewhere}, {412, "LeaseIdMissing", objectstore.ErrRejected},
		{400, "InvalidHeaderValue", objectstore.ErrRejected},
	} {
		server.Requests()
		server.Fail(func(azure.Request) azure.Fault { return azure.Fault{Status: test.status, Code: test.code} })
		_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: plain + records, Key: "k"}, body("y"))
		var answer *objectstore.Error
		if !errors.Is(err, test.want) || !errors.As(err, &answer) || answer.Code != test.code {
			t.Errorf("%s: %v", test.code, err)
		}
		if errors.Is(err, objectstore.ErrDenied) && len(answer.Needs) == 0 {
			t.Errorf("%v names no permission", err)
		}
		if n := len(server.Requests()); n != 1 {
			t.Errorf("%s: a write was sent %d times", test.code, n)
		}
	}
	failures := 0
	server.Fail(func(azure.Request) azure.Fault {
		if failures++; failures < 4 {
			return azure.Fault{Status: http.StatusServiceUnavailable, Code: "ServerBusy"}
		}
		return azure.Fault{}
	})
	if _, err := s.Stat(t.Context(), objectstore.Ref{Bucket: plain + records, Key: "k"}, 0); err != nil {
		t.Errorf("a read that fails three times: %v", err)
	}
}

// TestFence sends nothing once the fence is down.
func TestFence(t *testing.T) {
	server, s := start(t, nil)
	put(t, s, plain+records, "k", "x")
	server.Requests()
	down := errors.New("the lease is lost")
	ctx := objectstore.WithFence(t.Context(), func() error { return down })
	_, err := s.Put(ctx, objectstore.NewObject{Bucket: plain + records, Key: "k"}, body("y"))
	if !errors.Is(err, down) {
		t.Errorf("put: %v", err)
	}
	errs, err := s.Delete(ctx, plain+records, []objectstore.Deletion{{Key: "k", VersionID: "null"}})
	if err == nil {
		err = errs[0]
	}
	if !errors.Is(err, down) {
		t.Errorf("delete: %v", err)
	}
	if sent := server.Requests(); len(sent) != 0 {
		t.Errorf("sent %v", sent)
	}
	// One that falls while a body is sent.
	asked := 0
	ctx = objectstore.WithFence(t.Context(), func() error {
		if asked++; asked > 3 {
			return down
		}
		return nil
	})
	large := bytes.Repeat([]byte("x"), 8<<20)
	_, err = s.Put(ctx, objectstore.NewObject{Bucket: plain + records, Key: "k"},
		objectstore.Body{Reader: bytes.NewReader(large), Size: int64(len(large))})
	if !errors.Is(err, down) {
		t.Errorf("put of a large body: %v", err)
	}
	if got := len(entries(t, s, plain+records)); got != 1 {
		t.Errorf("%d entries", got)
	}
}

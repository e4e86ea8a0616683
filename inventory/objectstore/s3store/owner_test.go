package s3store_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
)

// everyRequest asks for whatever concerns a bucket.
func everyRequest(t *testing.T, s *s3store.Store, bucket string) map[string]error {
	t.Helper()
	ctx := t.Context()
	errs := make(map[string]error)
	ref := objectstore.Ref{Bucket: bucket, Key: "k"}
	object := objectstore.NewObject{Bucket: bucket, Key: "k"}
	body := func() objectstore.Body { return objectstore.Body{Reader: strings.NewReader("text"), Size: 4} }
	_, errs["BucketRegion"] = s.BucketRegion(ctx, bucket)
	_, errs["Put"] = s.Put(ctx, object, body())
	_, errs["PutMarker"] = s.PutMarker(ctx, bucket, "k")
	_, errs["CreateUpload"] = s.CreateUpload(ctx, object)
	_, errs["UploadPart"] = s.UploadPart(ctx, bucket, "k", "id", 1, body())
	_, errs["CompleteUpload"] = s.CompleteUpload(ctx, object, "id", []objectstore.Part{{Number: 1, ETag: "e"}},
		objectstore.Checksum{})
	_, errs["Copy"] = s.Copy(ctx, ref, object)
	_, errs["CopyPart"] = s.CopyPart(ctx, ref, 0, 1, bucket, "k", "id", 1)
	_, errs["Open"] = s.Open(ctx, ref, 0)
	_, errs["Stat"] = s.Stat(ctx, ref, 0)
	_, errs["Tags"] = s.Tags(ctx, ref)
	_, errs["Delete"] = s.Delete(ctx, bucket, []objectstore.Deletion{{Key: "k", VersionID: "v"}})
	errs["DeleteIf"] = s.DeleteIf(ctx, bucket, objectstore.Deletion{Key: "k", VersionID: "v", ETag: "e"})
	errs["AbortUpload"] = s.AbortUpload(ctx, bucket, "k", "id")
	_, errs["Versioning"] = s.Versioning(ctx, bucket)
	errs["SetVersioning"] = s.SetVersioning(ctx, bucket, objectstore.Enabled)
	for _, err := range s.Versions(ctx, bucket, "", "") {
		errs["Versions"] = err
	}
	for _, err := range s.Uploads(ctx, bucket, "") {
		errs["Uploads"] = err
	}
	return errs
}

// A real server refuses every request about a bucket that is not of the account
// that is named, and takes them where it is. What is refused is said.
func TestOwner(t *testing.T) {
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{"eu-west-1"}})
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
	ours := storeAt(t, s3store.Options{Profile: "sandbox", Account: box.AccessKey}, box.Endpoints["eu-west-1"])
	if err := ours.CreateBucket(t.Context(), "bucket", false); err != nil {
		t.Fatal(err)
	}
	for name, err := range everyRequest(t, ours, "bucket") {
		if errors.Is(err, objectstore.ErrDenied) {
			t.Errorf("%s on our own bucket: %v", name, err)
		}
	}
	before, err := storetest.Snapshot(t.Context(), box.Client("eu-west-1"), "bucket", "")
	if err != nil {
		t.Fatal(err)
	}
	theirs := storeAt(t, s3store.Options{Profile: "sandbox", Account: "somebody"}, box.Endpoints["eu-west-1"])
	for name, err := range everyRequest(t, theirs, "bucket") {
		if !errors.Is(err, objectstore.ErrDenied) {
			t.Errorf("%s on the bucket of somebody else: %v, want ErrDenied", name, err)
		}
	}
	if _, err := theirs.BucketRegion(t.Context(), "bucket"); !errors.Is(err, objectstore.ErrOwner) ||
		err.Error() != "HeadBucket cloud:bucket: access denied: the bucket belongs to another account: it is not "+
			"somebody, which every request names as the owner" {
		t.Errorf("BucketRegion = %v, want ErrOwner", err)
	}
	if _, err := theirs.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: "k"},
		objectstore.Body{Reader: strings.NewReader("text"), Size: 4}); !strings.HasSuffix(fmt.Sprint(err),
		"; or the bucket does not belong to somebody, which every request names as its owner") {
		t.Errorf("Put = %v", err)
	}
	after, err := storetest.Snapshot(t.Context(), box.Client("eu-west-1"), "bucket", "")
	if d := storetest.Diff(before, after); err != nil || d != "" {
		t.Errorf("the bucket was changed: %v\n%s", err, d)
	}
}

// With Amazon, the account is asked for once, and named in every request about a
// bucket, at both ends of a copy. If nobody answers, none is named.
func TestOwnerAsked(t *testing.T) {
	for _, tt := range []struct{ answer, want, check string }{
		{"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>", "123456789012", "every request names 123456789012, by STS"},
		{"", "",
			"not checked, because STS in eu-west-1 did not say whose credentials these are (AccessDenied), and the " +
				"provider has no account in the configuration"},
	} {
		var mu sync.Mutex
		asked, unnamed := 0, []string{}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case r.URL.Path == "/" && r.Method == http.MethodPost:
				asked++
				if tt.answer == "" {
					w.WriteHeader(http.StatusForbidden)
					fmt.Fprint(w,
						"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>")
					return
				}
				w.Header().Set("Content-Type", "text/xml")
				fmt.Fprint(w, tt.answer)
				return
			case r.Header.Get("X-Amz-Expected-Bucket-Owner") != tt.want, r.Header.Get("X-Amz-Copy-Source") != "" &&
				r.Header.Get("X-Amz-Source-Expected-Bucket-Owner") != tt.want:
				unnamed = append(unnamed, storetest.Operation(r))
			case tt.want != "" && !strings.Contains(r.Header.Get("Authorization"), "x-amz-expected-bucket-owner"):
				unnamed = append(unnamed, storetest.Operation(r)+", not signed")
			}
			w.WriteHeader(http.StatusNotFound)
		}))
		t.Cleanup(server.Close)
		t.Setenv("AWS_ENDPOINT_URL", server.URL)
		t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
		t.Setenv("AWS_MAX_ATTEMPTS", "1")
		p, err := s3store.Open(t.Context(), s3store.Anywhere(s3store.Options{Name: "aws", Amazon: true,
			Endpoints: map[string]string{"eu-west-1": ""}}))
		if err != nil {
			t.Fatal(err)
		}
		everyRequest(t, p.Region("eu-west-1"), "bucket")
		if _, err := p.Region("eu-west-1").Buckets(t.Context()); err == nil {
			t.Error("Buckets = nil, want not found")
		}
		if got := p.Region("eu-west-1").OwnerCheck(t.Context()).String(); got != tt.check {
			t.Errorf("owner check: %s, want %s", got, tt.check)
		}
		if asked != 1 {
			t.Errorf("asked %d times, want once", asked)
		}
		want := ""
		if tt.want != "" {
			want = "ListBuckets"
		}
		if got := strings.Join(unnamed, ", "); got != want {
			t.Errorf("requests that do not name %q as the owner: %s", tt.want, got)
		}
	}
}

// Credentials that expire before their time are asked for anew, and the request
// is sent again; if the chain has no others, the error says so and once.
func TestRenewal(t *testing.T) {
	dir := t.TempDir()
	count := filepath.Join(dir, "count")
	script := filepath.Join(dir, "credentials.sh")
	text := "#!/bin/sh\necho x >>" + count + "\nn=$(wc -l <" + count + ")\n[ $n -gt 2 ] && n=2\n" +
		`echo "{\"Version\":1,\"AccessKeyId\":\"AKID$((n))\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t$((n))\"}"` +
		"\n"
	config := filepath.Join(dir, "config")
	for path, content := range map[string]string{script: text, config: "[profile p]\ncredential_process = " + script +
		"\n"} {
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AWS_CONFIG_FILE", config)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "none"))
	var mu sync.Mutex
	good, requests := "AKID2", 0
	s := newStore(t, s3store.Options{Profile: "p"}, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		requests++
		if !strings.Contains(r.Header.Get("Authorization"), "Credential="+good+"/") {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, "<Error><Code>ExpiredToken</Code></Error>")
			return
		}
		w.Header().Set("Etag", `"e"`)
	})
	put := func() error {
		_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "b", Key: "k"},
			objectstore.Body{Reader: strings.NewReader("text"), Size: 4})
		return err
	}
	if err := put(); err != nil || requests != 2 {
		t.Errorf("Put = %v after %d requests, want 2", err, requests)
	}
	mu.Lock()
	good, requests = "AKID3", 0
	mu.Unlock()
	if err := put(); !errors.Is(err, objectstore.ErrCredentials) || requests != 1 {
		t.Errorf("Put = %v after %d requests, want ErrCredentials after 1", err, requests)
	}
}

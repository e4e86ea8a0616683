package s3store

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/iam"
)

// Whatever this package asks for is in the table of permissions.
func TestEveryRequestHasPermissions(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	asks := regexp.MustCompile(`&(?:s3|sts)\.([A-Z][A-Za-z0-9]+)Input\{`)
	found := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range asks.FindAllSubmatch(text, -1) {
			found++
			if operation := string(m[1]); !iam.Known(operation) {
				t.Errorf("%s asks for %s, of which package iam does not know what it needs", name, operation)
			}
		}
	}
	if found < 50 {
		t.Errorf("%d requests were found, which are too few to be all", found)
	}
}

// A refusal names what would have been needed.
func TestDeniedNamesThePermission(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "<Error><Code>AccessDenied</Code></Error>")
	}))
	defer server.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "k")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	p, err := Open(t.Context(), Options{Name: "cloud", Endpoints: map[string]string{"eu-west-1": server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	s := p.Region("eu-west-1")
	_, head := s.Stat(t.Context(), objectstore.Ref{Bucket: "b", Key: "k", VersionID: "v"}, 0)
	_, setting := s.Setting(t.Context(), "b", objectstore.Encryption)
	_, whole := s.Delete(t.Context(), "b", []objectstore.Deletion{{Key: "k", VersionID: "v"}})
	_, tags := s.Tags(t.Context(), objectstore.Ref{Bucket: "b", Key: "k"})
	for want, err := range map[string]error{
		"it needs s3:GetObjectVersion": head, "it needs s3:GetEncryptionConfiguration": setting,
		"it needs s3:DeleteObjectVersion": whole, "it needs s3:GetObjectTagging": tags,
	} {
		if err == nil || !strings.HasSuffix(err.Error(), want) || !errors.Is(err, objectstore.ErrDenied) {
			t.Errorf("%v, want %q at its end", err, want)
		}
	}
}

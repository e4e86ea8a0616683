package azurestore_test

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
)

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
		for v, err := range s.Versions(t.Context(), plain+records, kind, "") {
			if err != nil || v.Kind.String() != want {
				t.Errorf("%s is listed as %q, %v", kind, v.Kind, err)
			}
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
		_, err := s.Open(t.Context(), objectstore.Ref{Bucket: plain + records, Key: name}, 0)
		if !errors.Is(err, test.want) {
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
		{401, "InvalidAuthenticationInfo", objectstore.ErrCredentials},
		{403, "AuthenticationFailed", objectstore.ErrCredentials},
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

package gcsstore

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// TestTimeoutsAreTheNetworks: those of connections claim to be of the context as well.
func TestTimeoutsAreTheNetworks(t *testing.T) {
	_, timeout := (&net.Dialer{Deadline: time.Unix(1, 0)}).DialContext(t.Context(), "tcp", "127.0.0.1:1")
	if timeout == nil {
		t.Fatal("a deadline that has passed keeps nobody from dialling")
	}
	r := &request{op: "storage.objects.get", where: "cloud:bucket"}
	if err := r.failed(t.Context(), timeout); !errors.Is(err, objectstore.ErrUnanswered) {
		t.Errorf("%v is taken for %v", timeout, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.failed(ended, timeout); !errors.Is(err, context.Canceled) || errors.Is(err, objectstore.ErrUnanswered) {
		t.Errorf("after the context's end: %v", err)
	}
}

// TestRefusals are what callers decide on, and what is missing is named.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		op     string
		status int
		body   string
		want   error
	}{
		{"storage.objects.get", 404, `No such object: bucket/secret`, objectstore.ErrNotFound},
		{"storage.objects.get", 404, document("notFound", "The specified bucket does not exist."), objectstore.ErrNoBucket},
		{"storage.objects.list", 404, document("notFound", "Not Found"), objectstore.ErrNoBucket},
		{"storage.objects.get", 401, document("authError", ""), objectstore.ErrCredentials},
		{"storage.objects.get", 403, document("forbidden", "x does not have access to secret"), objectstore.ErrDenied},
		{"storage.objects.get", 403, document("quotaExceeded", ""), objectstore.ErrThrottled},
		{"storage.objects.delete", 403, document("retentionPolicyNotMet", ""), objectstore.ErrLocked},
		{"storage.objects.delete", 403, document("forbidden", "Object 'bucket/secret' is under active Temporary hold and "+
			"cannot be deleted"), objectstore.ErrLocked},
		{"storage.objects.insert", 412, document("conditionNotMet", ""), objectstore.ErrPrecondition},
		{"storage.objects.get", 304, ``, objectstore.ErrPrecondition},
		{"storage.objects.insert", 400, document("invalid", `Provided MD5 hash "a" doesn't match calculated MD5 hash "b".`),
			objectstore.ErrCorrupt},
		{"storage.objects.insert", 400, document("invalid", "Invalid object name: secret"), objectstore.ErrRejected},
		{"storage.multipartUploads.complete", 400, `<Error><Code>NotImplemented</Code></Error>`, objectstore.ErrNotOffered},
		{"storage.multipartUploads.abort", 404, `<Error><Code>NoSuchUpload</Code></Error>`, objectstore.ErrNotFound},
		{"storage.multipartUploads.abort", 404, `<Error><Code>NoSuchBucket</Code></Error>`, objectstore.ErrNoBucket},
		{"storage.buckets.insert", 409, document("conflict", ""), objectstore.ErrExists},
		{"storage.buckets.delete", 409, document("conflict", ""), objectstore.ErrRejected},
		{"storage.objects.rewrite", 409, document("conflict", ""), objectstore.ErrPassing},
		{"storage.objects.get", 429, document("rateLimitExceeded", ""), objectstore.ErrThrottled},
		{"storage.objects.get", 500, document("internalError", ""), objectstore.ErrPassing},
		{"storage.objects.get", 502, `<html>`, objectstore.ErrPassing},
		{"storage.objects.get", 501, ``, objectstore.ErrNotOffered},
		{"storage.objects.get", 410, ``, objectstore.ErrNotFound},
		{"storage.objects.get", 416, ``, objectstore.ErrRange},
		{"storage.objects.get", 418, ``, objectstore.ErrRejected},
	} {
		r := &request{op: c.op, where: "cloud:bucket"}
		err := r.refused(&answer{status: c.status, data: []byte(c.body), header: make(http.Header)})
		var said *objectstore.Error
		if !errors.Is(err, c.want) || !errors.As(err, &said) || said.Status != c.status {
			t.Errorf("%s, %d %s: %v", c.op, c.status, c.body, err)
		}
		if errors.Is(err, objectstore.ErrDenied) && len(said.Needs) == 0 {
			t.Errorf("%s: no permission is named", c.op)
		}
	}
}

func document(reason, message string) string {
	return `{"error":{"message":` + strconv.Quote(message) + `,"errors":[{"reason":"` + reason + `"}]}}`
}

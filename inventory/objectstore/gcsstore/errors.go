package gcsstore

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/wire"
)

// failed makes an error of a request that got no answer, or half of one. Whether its context
// has ended does not show in the error: timeouts of the network claim the same.
func (r *request) failed(ctx context.Context, err error) error {
	e := &objectstore.Error{Op: r.op, Bucket: r.where}
	switch ended := ctx.Err(); {
	case ended != nil:
		e.Err = ended
	case errors.Is(err, objectstore.ErrStalled):
		e.Err = wire.Cause(err) // says so itself
	case errors.Is(err, wire.ErrEndless):
		e.Err = wire.ErrEndless
	case errors.As(err, new(*ourError)):
		e.Err = errors.Unwrap(err)
	default:
		e.Kind, e.Err = objectstore.ErrUnanswered, wire.Cause(err)
	}
	return e
}

// broken makes an error of an answer that cannot be right.
func (s *Store) broken(r *request, err error) error {
	return &objectstore.Error{Op: r.op, Bucket: r.where, Err: err}
}

// said is what a refusal says: a code that is safe to show, and a message that is not,
// because it may hold the key.
type said struct{ code, message string }

// parseRefusal reads what the JSON API says (its "HTTP status and error codes"), or the
// XML API (its own page of that name). Answers of neither kind say nothing.
func parseRefusal(data []byte) said {
	var j struct {
		Error struct {
			Message string
			Errors  []struct{ Reason, Message string }
		}
	}
	if json.Unmarshal(data, &j) == nil && (j.Error.Message != "" || len(j.Error.Errors) > 0) {
		s := said{message: j.Error.Message}
		if len(j.Error.Errors) > 0 {
			s.code = j.Error.Errors[0].Reason
		}
		return s
	}
	var x struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
		Details string
	}
	if xml.Unmarshal(data, &x) == nil {
		return said{x.Code, x.Message + " " + x.Details}
	}
	return said{message: string(data[:min(len(data), 4<<10)])} // media is refused in plain text
}

// word tells whether a code is one, and not something that could hold a key.
func word(code string) bool {
	return len(code) <= 64 && strings.Trim(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// refused makes an error of an answer that refuses.
func (r *request) refused(a *answer) error {
	s := parseRefusal(a.data)
	e := &objectstore.Error{Op: r.op, Bucket: r.where, Code: noCode, Status: a.status}
	if s.code != "" && word(s.code) {
		e.Code = s.code
	}
	e.Kind = r.kind(a.status, s)
	switch {
	case errors.Is(e.Kind, objectstore.ErrDenied):
		if e.Needs = needs(r.op); len(e.Needs) > 0 {
			e.Hint = "it needs " + strings.Join(e.Needs, ", ")
		}
		if r.payer != "" { // "Requester Pays", use and access requirements
			e.Needs = append(e.Needs, "serviceusage.services.use")
			e.Hint += "; or serviceusage.services.use in project " + r.payer + ", which is to pay"
		}
	case errors.Is(e.Kind, objectstore.ErrElsewhere):
		if to, err := url.Parse(a.header.Get("Location")); err == nil && to.Host != "" {
			e.Hint = "it points to " + to.Scheme + "://" + to.Host + ", which is not followed, because requests carry data"
		}
	}
	return e
}

// kind maps a refusal to what callers decide on (JSON API, "HTTP status and error codes
// for JSON"; XML API, "HTTP status and error codes for XML").
func (r *request) kind(status int, s said) error {
	switch status {
	case http.StatusBadRequest:
		return rejected(s)
	case http.StatusUnauthorized:
		return objectstore.CredentialsError{Text: "Google does not take the credentials, or they have expired",
			Next: signIn}
	case http.StatusForbidden:
		return forbidden(s)
	case http.StatusNotFound, http.StatusGone:
		return r.missing(s)
	case http.StatusConflict:
		switch r.op {
		case "storage.buckets.insert":
			return objectstore.ErrExists
		case "storage.buckets.delete":
			return objectstore.ErrRejected // it is not empty
		}
		return objectstore.ErrPassing
	}
	if k := wire.Kind(status); k != nil {
		return k
	}
	return objectstore.ErrRejected
}

// rejected tells sums that differ from what else a request may be refused for.
func rejected(s said) error {
	switch {
	case s.code == "BadDigest", s.code == "InvalidDigest", strings.Contains(s.message, "doesn't match calculated"):
		return objectstore.ErrCorrupt
	case s.code == "UserProjectMissing", strings.Contains(s.message, "requester pays bucket but no user project"):
		return errPays
	case s.code == "NotImplemented":
		return objectstore.ErrNotOffered
	case strings.Contains(s.message, "customer-supplied encryption key"):
		return objectstore.ErrCustomerKey
	}
	return objectstore.ErrRejected
}

// forbidden tells what is locked and what asks to slow down from what is denied.
func forbidden(s said) error {
	switch s.code {
	case "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded":
		return objectstore.ErrThrottled
	case "retentionPolicyNotMet", "RetentionPolicyNotMet", "objectUnderActiveHold", "ObjectUnderActiveHold":
		return objectstore.ErrLocked
	}
	if strings.Contains(s.message, "retention") && strings.Contains(s.message, "cannot be") ||
		strings.Contains(s.message, "under active") && strings.Contains(s.message, "hold") {
		return objectstore.ErrLocked
	}
	return objectstore.ErrDenied
}

// missing tells a bucket that is gone from an object that is, where that is certain.
func (r *request) missing(s said) error {
	bucket := r.op == "storage.buckets.get" || r.op == "storage.buckets.update" || r.op == "storage.buckets.delete" ||
		r.op == "storage.objects.list" || s.code == "NoSuchBucket"
	if bucket || strings.HasPrefix(s.message, "The specified bucket does not exist") {
		return objectstore.ErrNoBucket
	}
	return objectstore.ErrNotFound
}

// needs are the permissions of a method (Cloud Storage documentation, "IAM permissions for
// JSON methods" and "IAM permissions for XML methods"). A write that replaces an object
// needs to delete as well.
func needs(op string) []string {
	switch op {
	case "storage.buckets.insert":
		return []string{"storage.buckets.create"}
	case "storage.buckets.update":
		return []string{"storage.buckets.get", "storage.buckets.update"}
	case "storage.objects.insert":
		return []string{"storage.objects.create", "storage.objects.delete"}
	case "storage.objects.rewrite":
		return []string{"storage.objects.get", "storage.objects.create", "storage.objects.delete"}
	case "storage.multipartUploads.create":
		return []string{"storage.multipartUploads.create", "storage.objects.create"}
	case "storage.multipartUploads.complete":
		return []string{"storage.multipartUploads.create", "storage.objects.create", "storage.objects.delete"}
	}
	return []string{op}
}

// noCode stands for a code where an answer has none.
const noCode = "no code"

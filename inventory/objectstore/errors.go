package objectstore

import (
	"errors"
	"fmt"
)

// What callers decide on.
var (
	ErrNotFound     = errors.New("not found")
	ErrPrecondition = errors.New("precondition not met")
	ErrDenied       = errors.New("access denied")
	ErrCredentials  = errors.New("credentials missing, invalid or expired")
	ErrExists       = errors.New("already exists")
	ErrNotOffered   = errors.New("not offered by this endpoint")
	ErrThrottled    = errors.New("told to slow down")
	ErrCorrupt      = errors.New("bytes differ from their checksum")
	ErrLocked       = errors.New("locked by retention or legal hold")
	ErrOrder        = errors.New("listing out of order")
	ErrRejected     = errors.New("request rejected")
	ErrCustomerKey  = errors.New("encrypted under a key of the customer's own (SSE-C) that is not at hand")
	ErrArchived     = errors.New("archived, and not restored")
)

// Error is what a store answered to one request. Its text names the operation
// and the bucket, never the key.
type Error struct {
	Op     string // S3's name of the operation, for example PutObject
	Bucket string // as provider:bucket, or the endpoint where no bucket is involved
	Code   string // the service's error code; empty if no answer came
	Status int    // HTTP status; 0 if no answer came
	Kind   error  // one of this package's sentinels, or nil
	Err    error
}

func (e *Error) Error() string {
	switch {
	case e.Code != "" && e.Kind != nil:
		return fmt.Sprintf("%s %s: %v (%s, HTTP %d)", e.Op, e.Bucket, e.Kind, e.Code, e.Status)
	case e.Code != "":
		return fmt.Sprintf("%s %s: %s, HTTP %d", e.Op, e.Bucket, e.Code, e.Status)
	case e.Kind != nil && e.Err != nil:
		return fmt.Sprintf("%s %s: %v: %v", e.Op, e.Bucket, e.Kind, e.Err)
	default:
		return fmt.Sprintf("%s %s: %v", e.Op, e.Bucket, e.Err)
	}
}

// Unwrap yields the kind and the cause.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// Permanent tells whether trying the same request again cannot help: the
// answer was about the request, the permission or the credentials, not about
// the weather.
func Permanent(err error) bool {
	for _, kind := range []error{ErrNotFound, ErrPrecondition, ErrDenied, ErrCredentials, ErrExists, ErrNotOffered, ErrLocked, ErrOrder, ErrRejected, ErrCustomerKey, ErrArchived} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

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
	ErrUnlistable   = errors.New("the server does not list this key as it is")
	ErrRejected     = errors.New("request rejected")
	ErrUnanswered   = errors.New("no answer")
	ErrStalled      = errors.New("the connection stalled")
	ErrOwner        = fmt.Errorf("%w: the bucket belongs to another account", ErrDenied)
	ErrNoBucket     = fmt.Errorf("%w: there is no such bucket", ErrNotFound)
	ErrCustomerKey  = errors.New("encrypted under a key of the customer's own (SSE-C) that is not at hand")
	ErrElsewhere    = errors.New("redirected to another place, which is not followed")
	ErrArchived     = errors.New("archived, and not restored")
	ErrPassing      = errors.New("failed for the moment")
	ErrOneRegion    = fmt.Errorf("%w: the way to it copies nothing across regions", ErrNotOffered)
)

// ErrClock is a kind of ErrCredentials whose remedy is another.
var ErrClock error = clock{}

type clock struct{}

func (clock) Error() string        { return "the clocks differ too much" }
func (clock) Is(target error) bool { return target == ErrCredentials }

// Hopeless tells whether an error of one request is that of all that would
// follow: the credentials, the bucket, or everything is gone, or the way there does
// not serve it. A run stops at it instead of asking again for every key.
func Hopeless(err error) bool {
	for _, kind := range []error{ErrCredentials, ErrNoBucket, ErrOwner, ErrOneRegion} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// Outage tells whether an error says nothing but that nobody answers, which
// passes by itself or concerns every request.
func Outage(err error) bool {
	return errors.Is(err, ErrUnanswered) || errors.Is(err, ErrStalled)
}

// Error is what a store answered to one request. Its text names the operation
// and the bucket, never the key.
type Error struct {
	Op     string // S3's name of the operation, for example PutObject
	Bucket string // as provider:bucket, or the endpoint where no bucket is involved
	Code   string // the service's error code; empty if no answer came
	Status int    // HTTP status; 0 if no answer came
	Kind   error  // one of this package's sentinels, or nil
	Err    error
	Hint   string // what else the answer tells, free of keys and secrets; may be empty
}

func (e *Error) Error() string {
	if e.Hint != "" {
		return e.text() + "; " + e.Hint
	}
	return e.text()
}

func (e *Error) text() string {
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

// Lasting tells whether an error stands until somebody changes something: a
// permission, a key, what is archived. What is gone, there already or another by
// now is for a further look.
func Lasting(err error) bool {
	for _, kind := range []error{ErrDenied, ErrNotOffered, ErrRejected, ErrCustomerKey, ErrArchived, ErrElsewhere} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// Permanent tells whether trying the same request again cannot help: the
// answer was about the request, the permission or the credentials, not about
// the weather.
func Permanent(err error) bool {
	for _, kind := range []error{ErrNotFound, ErrPrecondition, ErrDenied, ErrCredentials, ErrExists, ErrNotOffered, ErrLocked, ErrOrder, ErrUnlistable, ErrRejected, ErrCustomerKey, ErrArchived, ErrElsewhere} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

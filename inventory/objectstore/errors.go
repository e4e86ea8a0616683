package objectstore

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/remedy"
)

const outage = "run residency doctor to see whether the endpoint answers, then run the same command again; it resumes"

// What callers decide on.
var (
	ErrNotFound     = errors.New("not found")
	ErrPrecondition = errors.New("precondition not met")
	ErrDenied       = errors.New("access denied")
	ErrCredentials  = remedy.New("credentials missing, invalid or expired",
		"check the profile or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, then run the same command again; it resumes")
	// ErrSettings reports settings of this machine, such as variables and profiles, with
	// which nobody can be asked anything.
	ErrSettings = remedy.New("the AWS settings of this machine cannot be used",
		"correct the variables AWS_… and the files ~/.aws/config and ~/.aws/credentials")
	ErrExists     = errors.New("already exists")
	ErrNotOffered = errors.New("not offered by this endpoint")
	ErrThrottled  = errors.New("asked to slow down")
	ErrCorrupt    = errors.New("bytes differ from their checksum")
	ErrLocked     = errors.New("locked by retention or legal hold")
	ErrOrder      = errors.New("listing out of order")
	ErrKeyOrder   = fmt.Errorf("%w: keys are not in byte order", ErrOrder)
	ErrUnlistable = remedy.New("the server cannot list this key as it is",
		"rename such keys at the source, or plan again with --exclude-unlistable, which leaves them there and moves "+
			"the rest")
	ErrRejected = errors.New("request rejected")
	// ErrRange reports bytes, or a part, that an object does not have. Some servers answer so
	// for a part that has no bytes.
	ErrRange      = fmt.Errorf("%w: it has no such bytes", ErrRejected)
	ErrUnanswered = remedy.New("no answer", outage)
	ErrStalled    = remedy.New("the connection stalled", outage)
	ErrOwner      = remedy.Wrap(fmt.Errorf("%w: the bucket belongs to another account", ErrDenied),
		"choose another destination.bucket; or, if you mean that account, name it as the provider's account (one "+
			"provider per account)")
	// ErrSourceClosed reports a source that does not let the destination's service read it.
	ErrSourceClosed = remedy.Wrap(fmt.Errorf("%w: the destination's service may not read the source", ErrDenied),
		"have the source let this identity read there, and the network rules of its account let the destination's service "+
			"in; the same command then resumes. Or residency migrate --abort ID takes this plan's copies back, and a plan "+
			"made with --stream has the bytes pass through this machine")
	ErrNoBucket = remedy.Wrap(fmt.Errorf("%w: there is no such bucket", ErrNotFound),
		"find out who deleted the bucket; then residency migrate --plan ID creates the destination again and copies "+
			"what is missing, as long as the source is untouched")
	ErrCustomerKey = errors.New("encrypted under a customer-provided key (SSE-C) that is not configured")
	ErrElsewhere   = errors.New("redirected to another place, which is not followed")
	ErrArchived    = errors.New("archived, and not restored")
	ErrPassing     = errors.New("failed temporarily")
	ErrMarker      = fmt.Errorf("%w: a delete marker is there", ErrNotFound)
	// ErrNotByItself reports a version that a service does not copy by itself; see SomeCopier.
	ErrNotByItself = fmt.Errorf("%w: the service does not copy it by itself", ErrNotOffered)
	ErrOneRegion   = fmt.Errorf("%w: the network path does not copy across regions", ErrNotOffered)
)

// NotAllowed is what it means that an operation is refused for its method: every service
// offers to read objects, so that a delete marker lies under the ID that was asked for
// (Amazon S3 User Guide, "Working with delete markers"); others may not be offered.
func NotAllowed(op string) error {
	if op == "GetObject" || op == "HeadObject" {
		return ErrMarker
	}
	return ErrNotOffered
}

// ErrClock is a kind of ErrCredentials whose remedy is another.
var ErrClock error = clock{}

type clock struct{}

func (clock) Error() string { return "the clocks differ too much" }
func (clock) Remedy() string {
	return "set this machine's clock, then run the same command again; it resumes"
}
func (clock) Is(target error) bool { return target == ErrCredentials }

// CredentialsError is a kind of ErrCredentials that is called by its own name.
type CredentialsError struct {
	Text string // what is the matter
	Next string // what to do about it; see package remedy
}

func (e CredentialsError) Error() string { return e.Text }

// Remedy implements what package remedy asks for.
func (e CredentialsError) Remedy() string {
	return e.Next + "; then run the same command again, which resumes"
}

// Is tells that it is an ErrCredentials.
func (CredentialsError) Is(target error) bool { return target == ErrCredentials }

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

// Passes tells whether the same request may be answered otherwise in a moment.
func Passes(err error) bool {
	return errors.Is(err, ErrThrottled) || errors.Is(err, ErrPassing) || Outage(err)
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
	// Needs are the permissions that a denied request needs; empty where they are not known.
	Needs []string
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
	case e.Kind != nil:
		return fmt.Sprintf("%s %s: %v", e.Op, e.Bucket, e.Kind)
	default:
		return fmt.Sprintf("%s %s: %v", e.Op, e.Bucket, e.Err)
	}
}

// Remedy says which permission is missing where a request was denied, as package remedy
// asks for it; of other answers, what their kind has.
func (e *Error) Remedy() string {
	if said := remedy.For(e.Kind); said != "" || !errors.Is(e.Kind, ErrDenied) {
		return cmp.Or(said, remedy.For(e.Err))
	}
	missing := "the missing permission"
	if len(e.Needs) > 0 {
		missing = strings.Join(e.Needs, ", ")
	}
	return "grant " + missing + " at " + e.Bucket + " (residency permissions prints what each stage needs); the same " +
		"command then resumes"
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

// Only tells whether an error, and each of those that were joined to it, is of a kind: where several things were asked
// for, one that is not there, or denied, must not stand for another that has failed.
func Only(err, kind error) bool {
	switch e := any(err).(type) { // the error itself, and not what it is around
	case *Error:
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		return len(all) > 0 && !slices.ContainsFunc(all, func(err error) bool { return !Only(err, kind) })
	case interface{ Unwrap() error }:
		if next := e.Unwrap(); next != nil {
			return Only(next, kind)
		}
	}
	return errors.Is(err, kind)
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
	for _, kind := range []error{ErrNotFound, ErrPrecondition, ErrDenied, ErrCredentials, ErrExists, ErrNotOffered,
		ErrLocked, ErrOrder, ErrUnlistable, ErrRejected, ErrCustomerKey, ErrArchived, ErrElsewhere} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

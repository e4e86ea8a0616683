package s3store

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/iam"
	"github.com/residency/residency/inventory/objectstore/wire"
)

// passing are the codes of what passes by itself, although some have the status of a
// request that is wrong (Amazon S3 API Reference, "Error responses"): a request of
// which too little came in time, or that met another about the same thing. Whoever
// repeats a write looks first what became of it.
func passing() []string {
	return []string{
		"InternalError", // also in the body of an answer that began as a success
		"RequestTimeout", "IncompleteBody",
		"OperationAborted", "ConditionalRequestConflict",
	}
}

// kind maps S3's error codes (Amazon S3 API Reference, "Error responses") to
// what callers decide on.
func kind(code string) error {
	switch code {
	case "NoSuchBucket":
		return objectstore.ErrNoBucket
	case "NoSuchKey", "NoSuchVersion", "NoSuchUpload", "NotFound", "NoSuchTagSet":
		return objectstore.ErrNotFound
	case "PreconditionFailed":
		return objectstore.ErrPrecondition
	case "AccessDenied", "Forbidden", "AllAccessDisabled", "AccountProblem":
		return objectstore.ErrDenied
	case "ExpiredToken", "TokenRefreshRequired":
		return errTokenExpired
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestExpired", "InvalidToken", "XAdminUserNotFound":
		return objectstore.ErrCredentials
	case "RequestTimeTooSkewed":
		return objectstore.ErrClock
	case "BucketAlreadyExists", "BucketAlreadyOwnedByYou":
		return objectstore.ErrExists
	case "NotImplemented", "MethodNotAllowed", "UnsupportedOperation":
		return objectstore.ErrNotOffered
	case "SlowDown", "ServiceUnavailable", "TooManyRequests", "RequestLimitExceeded", "Throttling", "ThrottlingException":
		return objectstore.ErrThrottled
	case "BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest", "XAmzContentChecksumMismatch":
		return objectstore.ErrCorrupt
	case "InvalidRange":
		return objectstore.ErrRange
	case "ObjectLocked":
		return objectstore.ErrLocked
	case "InvalidObjectState":
		return objectstore.ErrArchived
	case "KeyTooLongError", "InvalidArgument", "InvalidRequest", "InvalidBucketName", "EntityTooLarge", "EntityTooSmall",
		"InvalidTag", "MetadataTooLarge", "MalformedXML", "IllegalLocationConstraintException", "InvalidLocationConstraint",
		"InvalidBucketState":
		return objectstore.ErrRejected
	}
	if slices.Contains(passing(), code) {
		return objectstore.ErrPassing
	}
	return nil
}

// byStatus serves answers without a body, such as HEAD's.
func byStatus(status int) error {
	if status == http.StatusUnauthorized {
		return objectstore.ErrDenied
	}
	return wire.Kind(status)
}

// fail makes an objectstore.Error of what the SDK returned; nil stays nil.
//
// Cases are what a request has besides its query and header; see package iam.
func (s *Store) fail(op, bucket string, err error, cases ...iam.Case) error {
	if err == nil {
		return nil
	}
	where := s.where(bucket)
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return &objectstore.Error{Op: op, Bucket: where, Err: ended} // the SDK's text may hold the URL and so the key
		}
	}
	e := &objectstore.Error{Op: op, Bucket: where}
	var nobody *identityError
	if errors.As(err, &nobody) { // before answers, which are to other questions then
		e.Kind, e.Err = nobody.named()
		return e
	}
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		e.Status = response.HTTPStatusCode()
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		e.Code = api.ErrorCode()
		// BadRequest is no code of S3's: a server that lost its place in the
		// connection says so, and the next attempt has another. A HEAD's answer has
		// no code, and the SDK makes this one of its status.
		switch e.Kind = kind(e.Code); {
		case e.Kind != nil:
		case e.Code == "BadRequest" && !strings.HasPrefix(op, "Head"):
			e.Kind = objectstore.ErrPassing
		case e.Status != 0:
			e.Kind = byStatus(e.Status)
		}
		if e.Status == http.StatusMethodNotAllowed {
			if e.Kind = objectstore.NotAllowed(op); op == "HeadObject" && ofMethod(response) {
				e.Err = errMethod
			}
		}
		if s.amazon && cmp.Or(s.named.Partition, "aws") == "aws" && unknownKeys(e.Code) && optedIn(s.region) {
			e.Kind = notEnabled(s.region)
		}
		switch message := api.ErrorMessage(); {
		case strings.Contains(message, sseStored):
			e.Kind = objectstore.ErrCustomerKey
		case strings.Contains(message, oneRegion):
			e.Kind = objectstore.ErrOneRegion
		}
		if e.Hint = s.hint(e, response, bucket, cases); e.Kind == nil && redirects(e.Status) {
			e.Kind = objectstore.ErrElsewhere
		}
		return e
	}
	if e.Kind = byStatus(e.Status); e.Kind != nil {
		e.Code = "no code"
		return e
	}
	var unsent *smithyhttp.RequestSendError
	switch {
	case errors.Is(err, objectstore.ErrStalled), errors.Is(err, objectstore.ErrInsecure):
		// Says so itself.
	case errors.As(err, &unsent):
		e.Kind = objectstore.ErrUnanswered
	}
	// The SDK's text may hold the request's URL and so the key: keep the cause
	// that lies beneath it.
	e.Err = wire.Cause(err)
	return e
}

// oneRegion is what Amazon says, as of a denial, to a copy across regions by a VPC
// endpoint (recorded: github.com/terricain/aioboto3, issue 348, and
// github.com/data-science-on-aws/data-science-on-aws, issue 221).
const oneRegion = "VPC endpoints do not support cross-region requests"

// hint says what more can be told of a refusal.
func (s *Store) hint(e *objectstore.Error, response *awshttp.ResponseError, bucket string, cases []iam.Case) string {
	switch {
	case redirects(e.Status):
		if region := response.Response.Header.Get("X-Amz-Bucket-Region"); region != "" && s.amazon {
			return "the bucket is in " + region
		}
		return elsewhere(response)
	case e.Code == "RequestTimeTooSkewed":
		if at, ok := answered(response); ok {
			return "this machine's clock " + offBy(s.now().Sub(at))
		}
		return "this machine's clock is wrong"
	case errors.As(e.Kind, new(objectstore.CredentialsError)):
		return "" // says so itself
	case s.amazon && (e.Code == "InvalidAccessKeyId" || e.Code == "InvalidClientTokenId"):
		return "keys are known in one partition of Amazon alone, and " + s.region + " is in " + s.named.Partition +
			"; the provider's regions, AWS_REGION or the profile say which is asked"
	case errors.Is(e.Kind, objectstore.ErrOneRegion):
		return "a VPC endpoint is in between: run this where there is none, or configure the destination as a provider " +
			"of its own, of the same type, so that bytes are streamed through this machine"
	case errors.Is(e.Kind, objectstore.ErrDenied):
		hint := ""
		e.Needs, hint = needed(e.Op, response, cases)
		if account := s.owner.known(); account != "" && bucket != "" {
			hint = joined(hint, "or the bucket does not belong to "+account+", which every request names as its owner")
		}
		return hint
	}
	return ""
}

// needed names the permissions that a refused request needs, and says so.
func needed(op string, response *awshttp.ResponseError, cases []iam.Case) ([]string, string) {
	if response != nil && response.Response != nil && response.Response.Request != nil {
		r := response.Response.Request
		if name := awsmiddleware.GetOperationName(r.Context()); name != "" {
			op = name
		}
		if len(cases) == 0 {
			cases = iam.Cases(r.URL.Query(), r.Header)
		}
	}
	return neededFor(op, cases...)
}

func neededFor(op string, cases ...iam.Case) (actions []string, hint string) {
	if !iam.Known(op) {
		return nil, "which permission " + op + " needs is not known"
	}
	for _, n := range iam.Needs(op, cases...) {
		if !slices.Contains(actions, n.Action) {
			actions = append(actions, n.Action)
		}
	}
	if len(actions) == 0 {
		return nil, ""
	}
	return actions, "it needs " + strings.Join(actions, ", ")
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect,
		http.StatusPermanentRedirect:
		return true
	}
	return false
}

// elsewhere says where an answer points, by host alone: the rest may hold the key.
func elsewhere(response *awshttp.ResponseError) string {
	to, err := response.Response.Location()
	if err != nil {
		return ""
	}
	return "it points to " + (&url.URL{Scheme: to.Scheme, Host: to.Host}).String() +
		", which is not followed, because requests carry keys and data"
}

// answered is the endpoint's clock at its answer.
func answered(response *awshttp.ResponseError) (time.Time, bool) {
	if response == nil || response.Response == nil {
		return time.Time{}, false
	}
	at, err := http.ParseTime(response.Response.Header.Get("Date"))
	return at, err == nil
}

// offBy says how far a clock is from another.
func offBy(d time.Duration) string {
	if d = d.Round(time.Second); d < 0 {
		return "is " + (-d).String() + " behind the endpoint's"
	}
	return "is " + d.String() + " ahead of the endpoint's"
}

// broken makes an objectstore.Error of an answer that cannot be right.
func (s *Store) broken(op, bucket string, err error) error {
	return &objectstore.Error{Op: op, Bucket: s.where(bucket), Err: err}
}

package s3store

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/wire"
)

// free settles what has cost nothing.
func free(error) error { return nil }

// turn waits until an attempt may be made, where the rules bound how many there are at
// a time; what it returns is told how it went.
func (t *transport) turn(ctx context.Context) (settle func(error) error, err error) {
	if rules, ok := t.rules.(aws.RetryerV2); ok {
		return rules.GetAttemptToken(ctx)
	}
	return free, nil
}

// pause waits before a request is repeated that has been sent so many times.
func (t *transport) pause(ctx context.Context, attempts int, failed error) (refund func(error) error, err error) {
	refund, err = t.rules.GetRetryToken(ctx, failed)
	if err != nil {
		return nil, errors.Join(failed, err)
	}
	delay, err := t.rules.RetryDelay(attempts, failed)
	if err != nil {
		return nil, errors.Join(failed, err)
	}
	return refund, objectstore.Sleep(ctx, delayed(delay, failed))
}

// delayed is a delay that a refusal may ask to be longer, by five seconds at most (AWS SDK,
// "adjustForRetryAfterHeader").
func delayed(delay time.Duration, failed error) time.Duration {
	var response *awshttp.ResponseError
	if !errors.As(failed, &response) || response.Response == nil {
		return delay
	}
	return wire.Wait(delay, asked(response.Response.Header), 5*time.Second)
}

// asked is for how long a refusal asks to wait: Amazon's services do so in milliseconds.
func asked(h http.Header) time.Duration {
	if ms, err := strconv.ParseUint(h.Get("X-Amz-Retry-After"), 10, 31); err == nil {
		return time.Duration(ms) * time.Millisecond
	}
	return wire.Asked(h)
}

// paced waits between attempts as it is told, and else does as the SDK.
type paced struct {
	aws.Retryer
	backoff func(int, error) (time.Duration, error)
}

// RetryDelay implements aws.Retryer.
func (p paced) RetryDelay(attempt int, err error) (time.Duration, error) {
	return p.backoff(attempt, err)
}

// passes tells whether another attempt is worth while: by the rules, or because a network
// in between has answered.
func (t *transport) passes(err error) bool {
	var response *awshttp.ResponseError
	return t.rules.IsErrorRetryable(err) || errors.As(err, &response) && wire.Weather(response.HTTPStatusCode())
}

// damaged tells whether what was sent arrived otherwise: its digest was made of it here.
func damaged(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && errors.Is(kind(api.ErrorCode()), objectstore.ErrCorrupt)
}

// unexpected tells whether a request was refused because it waits to be told to send its
// body (RFC 9110, section 10.1.1: it may be repeated without).
func unexpected(resp *http.Response, r *http.Request) bool {
	return resp != nil && resp.StatusCode == http.StatusExpectationFailed && r.Header.Get("Expect") != ""
}

// renew asks the credential chain anew when the service says that what it gave has
// expired, which it may before the time that it was given for. It tells whether the
// chain now gives other credentials than those used.
func (t *transport) renew(ctx context.Context, used aws.Credentials) bool {
	differ := func() bool {
		now, err := t.chain.Retrieve(ctx)
		return err == nil && (now.AccessKeyID != used.AccessKeyID || now.SessionToken != used.SessionToken)
	}
	if differ() {
		return true // another request has renewed them
	}
	cache, ok := t.chain.(interface{ Invalidate() })
	if !ok {
		return false
	}
	cache.Invalidate()
	return differ()
}

func expired(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "ExpiredToken", "TokenRefreshRequired", "RequestExpired":
		return true
	}
	return false
}

// late tells whether a request was refused for its date. It may have been on its way
// for so long, as when the machine slept: signed anew it is another.
func late(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "RequestTimeTooSkewed"
}

// skewTolerance is what services allow between their clock and a signature's,
// less a minute (the SDK's clock skew correction takes the same).
const skewTolerance = 4 * time.Minute

// skewed tells whether a request was refused because the clocks differ, and
// takes the service's from then on.
func (t *transport) skewed(err error) bool {
	var response *awshttp.ResponseError
	var api smithy.APIError
	if !errors.As(err, &response) || !errors.As(err, &api) || response.Response.Header.Get("Age") != "" {
		return false
	}
	switch api.ErrorCode() {
	case "RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure",
		"AccessDeniedException":
	default:
		return false
	}
	theirs, parseErr := http.ParseTime(response.Response.Header.Get("Date"))
	if parseErr != nil {
		return false
	}
	skew := theirs.Sub(t.now())
	return (skew - time.Duration(t.skew.Swap(int64(skew)))).Abs() > skewTolerance
}

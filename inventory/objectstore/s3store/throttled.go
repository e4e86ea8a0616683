package s3store

import (
	"context"
	"errors"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/residency/residency/inventory/objectstore"
)

// A service says that it wants fewer requests by the status of its answer, which
// client sees of every request, whoever built it; or by a code within an answer of
// another status, a success even (Amazon S3 API Reference, "CopyObject",
// "CompleteMultipartUpload", "DeleteObjects").

// slow tells whether an answer's status asks to slow down.
func slow(status int) bool {
	return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
}

// tell passes on what an attempt's error asks for, unless its status has.
func (c *client) tell(ctx context.Context, err error) {
	var api smithy.APIError
	if err == nil || !errors.As(err, &api) || !errors.Is(kind(api.ErrorCode()), objectstore.ErrThrottled) {
		return
	}
	var response *awshttp.ResponseError
	if errors.As(err, &response) && slow(response.HTTPStatusCode()) {
		return
	}
	objectstore.Throttled(ctx, c.address)
}

// middleware looks at each attempt of the SDK's.
func (c *client) middleware(stack *middleware.Stack) error {
	look := func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleFinalize(ctx, in)
		c.tell(ctx, err)
		return out, metadata, err
	}
	return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("ResidencyThrottled", look), "Retry", middleware.After)
}

// at is the client that tells of itself by an address.
func (c *client) at(address string) *client {
	named := *c
	named.address = address
	return &named
}

package s3store

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// renewal asks the credential chain anew when the service says that what it
// gave has expired, which it may before the time that it was given for.
type renewal struct{ chain aws.CredentialsProvider }

// middleware sends a request once more if that brings other credentials. A
// request refused for them has done nothing.
func (n *renewal) middleware(stack *middleware.Stack) error {
	return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("ResidencyRenewal", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		r, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return next.HandleFinalize(ctx, in)
		}
		used, usedErr := n.chain.Retrieve(ctx)
		again := r.Clone()
		out, metadata, err := next.HandleFinalize(ctx, in)
		if usedErr != nil || !expired(err) || !n.renew(ctx, used) || again.RewindStream() != nil {
			return out, metadata, err
		}
		in.Request = again
		return next.HandleFinalize(ctx, in)
	}), middleware.Before)
}

// renew tells whether the chain now gives other credentials than those used.
func (n *renewal) renew(ctx context.Context, used aws.Credentials) bool {
	differ := func() bool {
		now, err := n.chain.Retrieve(ctx)
		return err == nil && (now.AccessKeyID != used.AccessKeyID || now.SessionToken != used.SessionToken)
	}
	if differ() {
		return true // another request has renewed them
	}
	cache, ok := n.chain.(interface{ Invalidate() })
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

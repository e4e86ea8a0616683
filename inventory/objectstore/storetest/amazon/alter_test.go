package amazon_test

import (
	"context"
	"errors"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// alter changes a request before it is signed, or behind that.
func alter(signed bool, f func(*smithyhttp.Request)) func(*s3.Options) {
	add := func(stack *middleware.Stack) error {
		m := middleware.FinalizeMiddlewareFunc("Alter", func(ctx context.Context, in middleware.FinalizeInput,
			next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
			if r, ok := in.Request.(*smithyhttp.Request); ok {
				f(r)
			}
			return next.HandleFinalize(ctx, in)
		})
		if signed {
			return stack.Finalize.Add(m, middleware.After)
		}
		return stack.Finalize.Insert(m, "Signing", middleware.Before)
	}
	return func(o *s3.Options) { o.APIOptions = append(o.APIOptions, add) }
}

func header(name, value string) func(*s3.Options) {
	return alter(false, func(r *smithyhttp.Request) { r.Header.Set(name, value) })
}

func unsigned(name, value string) func(*s3.Options) {
	return alter(true, func(r *smithyhttp.Request) { r.Header.Set(name, value) })
}

func without(name string) func(*s3.Options) {
	return alter(false, func(r *smithyhttp.Request) { r.Header.Del(name) })
}

func query(name string) func(*s3.Options) {
	return alter(false, func(r *smithyhttp.Request) {
		q := r.URL.Query()
		q.Set(name, "")
		r.URL.RawQuery = q.Encode()
	})
}

func redirectedTo(err error) string {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) {
		return ""
	}
	return response.Response.Header.Get("X-Amz-Bucket-Region")
}

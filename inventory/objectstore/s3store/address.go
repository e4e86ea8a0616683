package s3store

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyauth "github.com/aws/smithy-go/auth"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/residency/residency/inventory/objectstore"
)

// address is where a bucket's requests go and for whom they are signed.
type address struct {
	scheme, host  string
	path, rawPath string // what comes before the key's slash: nothing, or the bucket
	scope         scope
	header        http.Header
}

// address asks the SDK once per bucket: it knows partitions, virtual hosts and
// what a bucket's name can be.
func (o *objects) address(ctx context.Context, bucket string) (*address, error) {
	o.mu.Lock()
	a := o.addresses[bucket]
	o.mu.Unlock()
	if a != nil {
		return a, nil
	}
	at := parameters(&o.options)
	at.Bucket = &bucket
	endpoint, err := o.options.EndpointResolverV2.ResolveEndpoint(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("resolve the endpoint: %w", err)
	}
	a = &address{
		scheme: endpoint.URI.Scheme, host: endpoint.URI.Host, header: endpoint.Headers,
		path: endpoint.URI.Path, rawPath: endpoint.URI.EscapedPath(), scope: scope{"s3", o.options.Region},
	}
	if options, ok := smithyauth.GetAuthOptions(&endpoint.Properties); ok && len(options) > 0 {
		// The rules for endpoints name a scheme without its namespace.
		if id := options[0].SchemeID; id != smithyauth.SchemeIDSigV4 && "aws.auth#"+id != smithyauth.SchemeIDSigV4 {
			return nil, fmt.Errorf("%w: the bucket wants its requests signed as %s", objectstore.ErrNotOffered, id)
		}
		if name, ok := smithyhttp.GetSigV4SigningName(&options[0].SignerProperties); ok {
			a.scope.service = name
		}
		if region, ok := smithyhttp.GetSigV4SigningRegion(&options[0].SignerProperties); ok {
			a.scope.region = region
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.addresses[bucket] = a
	return a, nil
}

// parameters are what decide on an endpoint besides the bucket.
func parameters(o *s3.Options) s3.EndpointParameters {
	return s3.EndpointParameters{
		Region: &o.Region, Endpoint: o.BaseEndpoint, ForcePathStyle: &o.UsePathStyle, Accelerate: &o.UseAccelerate,
		UseArnRegion: &o.UseARNRegion, DisableMultiRegionAccessPoints: &o.DisableMultiRegionAccessPoints,
		DisableS3ExpressSessionAuth: o.DisableS3ExpressSessionAuth,
		UseFIPS:                     aws.Bool(o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack:                aws.Bool(o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
	}
}

// resolved is the address that a client sends to. Amazon's own is the one that the SDK
// resolves, so that what the environment puts in its place shows. It is empty where
// that fails: every request fails as well then, and says why.
func resolved(client *s3.Client) string {
	o := client.Options()
	if o.BaseEndpoint != nil {
		return *o.BaseEndpoint
	}
	at, err := o.EndpointResolverV2.ResolveEndpoint(context.Background(), parameters(&o))
	if err != nil {
		return ""
	}
	return at.URI.String()
}

// escapePath escapes a key for a URL's path and its signature: all but
// unreserved characters and slashes.
func escapePath(key string) string {
	const digits = "0123456789ABCDEF"
	escaped := 0
	for i := range len(key) {
		if !plainInPath(key[i]) {
			escaped++
		}
	}
	if escaped == 0 {
		return key
	}
	b := make([]byte, 0, len(key)+2*escaped)
	for i := range len(key) {
		if c := key[i]; plainInPath(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}

func plainInPath(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' ||
		c == '~' || c == '/'
}

// escapeQuery escapes a value of a query, in which a slash is one more
// character to escape.
func escapeQuery(value string) string { return strings.ReplaceAll(escapePath(value), "/", "%2F") }

package s3store

import (
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyauth "github.com/aws/smithy-go/auth"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/residency/residency/inventory/objectstore"
)

// address is where a bucket's requests go and for whom they are signed.
type address struct {
	scheme, host    string
	path, rawPath   string // what comes before the key's slash: nothing, or the bucket
	region, service string
	header          http.Header
}

// address asks the SDK once per bucket: it knows partitions, virtual hosts and
// what a bucket's name can be.
func (w *wire) address(ctx context.Context, bucket string) (*address, error) {
	w.mu.Lock()
	a := w.addresses[bucket]
	w.mu.Unlock()
	if a != nil {
		return a, nil
	}
	o := w.options
	endpoint, err := o.EndpointResolverV2.ResolveEndpoint(ctx, s3.EndpointParameters{
		Bucket: &bucket, Region: &o.Region, Endpoint: o.BaseEndpoint,
		ForcePathStyle: &o.UsePathStyle, Accelerate: &o.UseAccelerate, UseArnRegion: &o.UseARNRegion,
		DisableMultiRegionAccessPoints: &o.DisableMultiRegionAccessPoints, DisableS3ExpressSessionAuth: o.DisableS3ExpressSessionAuth,
		UseFIPS:      aws.Bool(o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack: aws.Bool(o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
	})
	if err != nil {
		return nil, fmt.Errorf("resolve the endpoint: %w", err)
	}
	a = &address{
		scheme: endpoint.URI.Scheme, host: endpoint.URI.Host, header: endpoint.Headers,
		path: endpoint.URI.Path, rawPath: endpoint.URI.EscapedPath(), region: o.Region, service: "s3",
	}
	if options, ok := smithyauth.GetAuthOptions(&endpoint.Properties); ok && len(options) > 0 {
		// The rules for endpoints name a scheme without its namespace.
		if id := options[0].SchemeID; id != smithyauth.SchemeIDSigV4 && "aws.auth#"+id != smithyauth.SchemeIDSigV4 {
			return nil, fmt.Errorf("%w: the bucket wants its requests signed as %s", objectstore.ErrNotOffered, id)
		}
		if name, ok := smithyhttp.GetSigV4SigningName(&options[0].SignerProperties); ok {
			a.service = name
		}
		if region, ok := smithyhttp.GetSigV4SigningRegion(&options[0].SignerProperties); ok {
			a.region = region
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addresses[bucket] = a
	return a, nil
}

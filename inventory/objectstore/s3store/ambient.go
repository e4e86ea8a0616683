package s3store

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/residency/residency/inventory/objectstore"
)

// ambient refuses addresses that the environment or a profile puts in the place
// of those of Amazon that the options leave to be found.
func (o Options) ambient(base aws.Config) error {
	if o.anywhere || !o.leavesOpen() {
		return nil
	}
	client := s3.NewFromConfig(base)
	if err := o.amazons(client.Options().BaseEndpoint, "S3", "AWS_ENDPOINT_URL_S3"); err != nil {
		return err
	}
	if !o.asks() {
		return nil
	}
	return o.amazons(sts.NewFromConfig(base).Options().BaseEndpoint, "STS", "AWS_ENDPOINT_URL_STS")
}

// leavesOpen tells whether any region's endpoint is left to be found.
func (o Options) leavesOpen() bool {
	if o.Endpoint != "" {
		return false
	}
	for _, e := range o.Endpoints {
		if e == "" {
			return true
		}
	}
	return len(o.Endpoints) == 0
}

func (o Options) amazons(endpoint *string, service, variable string) error {
	if endpoint == nil {
		return nil
	}
	u, err := url.Parse(*endpoint)
	if err != nil || u.Host == "" {
		return fmt.Errorf("provider %s: %s, or the profile, gives %s an endpoint that is no URL: %w",
			o.Name, variable, service, objectstore.ErrAmbient)
	}
	if _, ok := objectstore.AmazonHost(u.Hostname(), strings.ToLower(service)); ok {
		return nil
	}
	at := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() // the rest may be a password
	return fmt.Errorf("provider %s: the environment (%s, AWS_ENDPOINT_URL) or the profile (endpoint_url) "+
		"gives %s the endpoint %s, %w", o.Name, variable, service, at, objectstore.ErrAmbient)
}

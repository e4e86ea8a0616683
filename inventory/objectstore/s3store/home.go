package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
)

// unnamed is the one region of Amazon that CreateBucket names by saying nothing
// (Amazon S3 API Reference, "CreateBucket", LocationConstraint). It is asked where
// neither the configuration nor the environment names any.
const unnamed = "us-east-1"

// load reads the credentials of the environment or a profile. What they are had from
// is asked in the home region as well.
func load(ctx context.Context, o Options) (base aws.Config, err error) {
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(connections(o)), config.WithLogger(logger(o.Say))}
	if o.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(o.Profile))
	}
	base, err = config.LoadDefaultConfig(ctx, options...)
	if home := o.home(base.Region); err == nil && home != base.Region {
		base, err = config.LoadDefaultConfig(ctx, append(options, config.WithRegion(home))...)
	}
	if err != nil {
		return base, fmt.Errorf("provider %s: %w", o.Name, unloaded(err))
	}
	return base, nil
}

// logger has somebody told what the SDK would write to standard error. Its credential
// chain does so.
func logger(say func(string)) logging.Logger {
	if say == nil {
		return logging.Nop{}
	}
	return logging.LoggerFunc(func(_ logging.Classification, format string, args ...any) {
		say(fmt.Sprintf(format, args...))
	})
}

// home is the region that is asked for what is of no region: the list of buckets, and
// whose the credentials are. Each of a partition can tell. Nobody is asked whom the
// configuration leaves out, and the United States only if there is no other.
func (o Options) home(ambient string) string {
	var configured []string
	if o.Amazon {
		for code := range o.Endpoints {
			configured = append(configured, code)
		}
		slices.Sort(configured)
	}
	abroad := slices.IndexFunc(configured, func(code string) bool { return !strings.HasPrefix(code, "us-") })
	switch {
	case len(configured) == 0 && regional(ambient), slices.Contains(configured, ambient):
		return ambient
	case len(configured) == 0:
		return unnamed
	case abroad >= 0:
		return configured[abroad]
	}
	return configured[0]
}

// regional tells whether a name is that of one region, and not of what stands for all
// of a partition, such as aws-global (AWS SDK, "partitions.json").
func regional(name string) bool {
	return name != "" && !strings.HasSuffix(name, "-global")
}

// elsewhereIn reads off a refusal in which region the bucket is. Amazon says so in the
// header, to whoever may not see the bucket as well (Amazon S3 API Reference,
// "HeadBucket", x-amz-bucket-region).
func (s *Store) elsewhereIn(err error) string {
	var response *awshttp.ResponseError
	if !s.amazon || !errors.As(err, &response) || response.Response == nil {
		return ""
	}
	region := response.Response.Header.Get("X-Amz-Bucket-Region")
	switch status := response.HTTPStatusCode(); {
	case region == s.region || !regional(region):
	case redirects(status), status == http.StatusBadRequest, status == http.StatusForbidden:
		return region
	}
	return ""
}

// where names what was asked about, and for Amazon in which region.
func (s *Store) where(bucket string) string {
	switch {
	case bucket == "":
		return s.provider + " " + s.region
	case s.amazon:
		return s.provider + ":" + bucket + " in " + s.region
	}
	return s.provider + ":" + bucket
}

package s3store

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/residency/residency/inventory/objectstore"
)

// identity is whose the credentials are, as STS tells it. It is asked once.
type identity struct {
	client *sts.Client // nil: the service has none
	region string

	mu   sync.Mutex
	told *sts.GetCallerIdentityOutput
	err  error
}

func newIdentity(o Options, base aws.Config) *identity {
	i := &identity{region: base.Region}
	if o.hasSTS() {
		i.client = sts.NewFromConfig(base)
	}
	return i
}

// get asks STS, unless it has answered before. A question that the context ended is
// asked again.
func (i *identity) get(ctx context.Context) (*sts.GetCallerIdentityOutput, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.told == nil && i.err == nil {
		out, err := i.client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		i.told, i.err = out, err
	}
	return i.told, i.err
}

// Caller implements objectstore.Identifier.
func (s *Store) Caller(ctx context.Context) objectstore.Caller {
	who := s.owner.who
	if who.client == nil {
		return objectstore.Caller{Reason: "the service does not say whose credentials these are"}
	}
	ctx, stop := context.WithTimeout(ctx, askTime)
	defer stop()
	out, err := who.get(ctx)
	switch {
	case err != nil:
		return objectstore.Caller{Reason: "STS in " + who.region + " did not tell (" + refusal(err) + ")"}
	case aws.ToString(out.Arn) == "":
		return objectstore.Caller{Reason: "STS answered without a name"}
	}
	return objectstore.Caller{ARN: *out.Arn}
}

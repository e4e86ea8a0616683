package s3store

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/residency/residency/inventory/objectstore"
)

// Every request that concerns a bucket names the account that must own it,
// where that is known: somebody else's bucket under the name that we expect can
// then neither receive data nor be taken for ours (Amazon S3 User Guide,
// "Verifying bucket ownership with bucket owner condition").
const (
	ownerHeader       = "X-Amz-Expected-Bucket-Owner"
	sourceOwnerHeader = "X-Amz-Source-Expected-Bucket-Owner"
)

// owner is the account that the buckets of a provider belong to. It is told, or
// asked for when it is first needed.
type owner struct {
	who     *identity
	mu      sync.Mutex
	account string // empty: not known
	ask     func(context.Context) (string, error)
	by      string // who told
	reason  string // why nobody did
	demand  bool   // the configuration wants it known
}

// newOwner knows the account if it is given one. Amazon itself is asked whose
// the credentials are; other services have no such question.
func newOwner(o Options, base aws.Config) *owner {
	w := &owner{who: newIdentity(o, base), account: o.Account, by: "the configuration", demand: o.OwnerRequired}
	switch {
	case o.Account != "":
	case !o.asks():
		w.reason = "the service does not say whose credentials these are, and the provider has no account in the " +
			"configuration"
	default:
		w.by, w.reason = "STS", "STS has not been asked"
		w.ask = func(ctx context.Context) (string, error) {
			out, err := w.who.get(ctx)
			if err != nil {
				return "", err
			}
			return aws.ToString(out.Account), nil
		}
	}
	return w
}

// asks tells whether the account is to be asked for.
func (o Options) asks() bool { return o.Account == "" && o.hasSTS() }

// hasSTS tells whether Amazon's STS knows the credentials.
func (o Options) hasSTS() bool {
	return o.Amazon && !custom(o.Endpoint) && !slices.ContainsFunc(slices.Collect(maps.Values(o.Endpoints)), custom)
}

// custom tells that an endpoint is not Amazon's.
func custom(endpoint string) bool {
	_, own := objectstore.AmazonS3(endpoint)
	return endpoint != "" && !own
}

// askTime bounds the one question; without an answer requests go on as they
// would to any other service.
const askTime = 10 * time.Second

// name returns the account, empty if it is not known: nobody told and the
// service does not say.
func (w *owner) name(ctx context.Context) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ask != nil {
		bounded, stop := context.WithTimeout(ctx, askTime)
		account, err := w.ask(bounded)
		stop()
		if ctx.Err() != nil {
			return "" // the next request asks again
		}
		switch {
		case err != nil:
			w.reason = "STS in " + w.who.region + " did not say whose credentials these are (" + refusal(err) +
				"), and the provider has no account in the configuration"
		case account == "":
			w.reason = "STS answered without an account, and the provider has none in the configuration"
		default:
			w.account, w.reason = account, ""
		}
		w.ask = nil
	}
	return w.account
}

// refusal is the code of an answer, or that there was none: texts differ from time
// to time, and plans are compared.
func refusal(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return unanswered
}

// unanswered stands for the code of an answer that did not come.
const unanswered = "no answer"

// OwnerCheck implements objectstore.OwnerChecker.
func (s *Store) OwnerCheck(ctx context.Context) objectstore.OwnerCheck {
	account := s.owner.name(ctx)
	s.owner.mu.Lock()
	defer s.owner.mu.Unlock()
	c := objectstore.OwnerCheck{Account: account, Reason: s.owner.reason, Required: s.owner.demand}
	if account != "" {
		c.By, c.Reason = s.owner.by, ""
	}
	return c
}

// known returns the account as far as it is known, and asks nobody.
func (w *owner) known() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.account
}

type anyOwnerKey struct{}

// expect adds to a request's header whose bucket it is meant for.
func (w *owner) expect(ctx context.Context, operation string, h http.Header) {
	switch operation {
	case "ListBuckets", "CreateBucket":
		return // no bucket is there yet
	}
	if ctx.Value(anyOwnerKey{}) != nil {
		return
	}
	account := w.name(ctx)
	if account == "" {
		return
	}
	h.Set(ownerHeader, account)
	if h.Get("X-Amz-Copy-Source") != "" {
		h.Set(sourceOwnerHeader, account)
	}
}

// foreign tells whether a bucket that refused us is there for us as long as
// nobody is named as its owner: then it is another account's.
func (s *Store) foreign(ctx context.Context, bucket string) bool {
	if s.owner.name(ctx) == "" {
		return false
	}
	_, err := s.client.HeadBucket(context.WithValue(ctx, anyOwnerKey{}, true), &s3.HeadBucketInput{Bucket: &bucket})
	return err == nil
}

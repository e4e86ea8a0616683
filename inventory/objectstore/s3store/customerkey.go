package s3store

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/residency/residency/inventory/objectstore"
)

// CustomerKey is a key of SSE-C. However it is printed, only its name shows.
type CustomerKey struct{ secret, name string }

// NewCustomerKey makes a key of 32 bytes.
func NewCustomerKey(secret []byte) (CustomerKey, error) {
	if len(secret) != 32 {
		return CustomerKey{}, fmt.Errorf("an SSE-C key has 32 bytes, not %d", len(secret))
	}
	sum := md5.Sum(secret)
	return CustomerKey{base64.StdEncoding.EncodeToString(secret), base64.StdEncoding.EncodeToString(sum[:])}, nil
}

// Name is the key's MD5 in base64, by which services call it too.
func (k CustomerKey) Name() string { return k.name }

// Format implements fmt.Formatter, so that no verb prints the secret.
func (k CustomerKey) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "SSE-C key %s", k.name) }

// sseStored is part of the message with which a read without the key is refused
// (Amazon S3 API Reference, "GetObject"); its code says no more than
// InvalidRequest.
const sseStored = "stored using a form of Server Side Encryption"

const (
	sseHeader     = "X-Amz-Server-Side-Encryption-Customer-"
	sseCopyHeader = "X-Amz-Copy-Source-Server-Side-Encryption-Customer-"
)

// with makes a request of the SDK's carry the key, if it is one.
func (k CustomerKey) with(prefix string) func(*s3.Options) {
	if k.name == "" {
		return func(*s3.Options) {}
	}
	return s3.WithAPIOptions(
		smithyhttp.SetHeaderValue(prefix+"Algorithm", "AES256"),
		smithyhttp.SetHeaderValue(prefix+"Key", k.secret),
		smithyhttp.SetHeaderValue(prefix+"Key-Md5", k.name))
}

// fields are what an operation's input has of the key; nil if it is none.
func (k CustomerKey) fields() (algorithm, key, md5 *string) {
	if k.name == "" {
		return nil, nil, nil
	}
	return aws.String("AES256"), &k.secret, &k.name
}

// customerKey finds the key of that name; the empty name is none.
func (s *Store) customerKey(name string) (CustomerKey, error) {
	if name == "" {
		return CustomerKey{}, nil
	}
	for _, k := range s.keys {
		if k.name == name {
			return k, nil
		}
	}
	return CustomerKey{}, objectstore.ErrCustomerKey
}

// unlock reads a version that turned out to be under SSE-C, with the keys that
// there are; the one that served last comes first.
func unlock[T any](s *Store, op, bucket string, read func(CustomerKey) (T, error)) (T, error) {
	var none T
	last := int(s.lastKey.Load())
	for i := range s.keys {
		at := (last + i) % len(s.keys)
		out, err := read(s.keys[at])
		switch {
		case err == nil:
			s.lastKey.Store(int64(at))
			return out, nil
		case errors.Is(err, objectstore.ErrDenied), errors.Is(err, objectstore.ErrRejected),
			errors.Is(err, objectstore.ErrCustomerKey):
			continue // another object's key
		}
		return none, err
	}
	return none, s.fail(op, bucket, objectstore.ErrCustomerKey)
}

// statLocked serves a HEAD that was rejected without a word, as those of
// versions under SSE-C are. Where no key fits, a GET has the reason.
func (s *Store) statLocked(
	ctx context.Context, ref objectstore.Ref, part int, rejected error,
) (objectstore.Info, error) {
	info, err := unlock(s, "HeadObject", ref.Bucket, func(key CustomerKey) (objectstore.Info, error) {
		return s.stat(ctx, ref, part, key)
	})
	if !errors.Is(err, objectstore.ErrCustomerKey) {
		return info, err
	}
	o, getErr := s.open(ctx, ref, part, CustomerKey{})
	if getErr == nil {
		return info, errors.Join(rejected, o.Body.Close())
	}
	if errors.Is(getErr, objectstore.ErrCustomerKey) {
		return info, getErr
	}
	return info, rejected
}

package s3store

import (
	"context"
	"errors"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/residency/residency/inventory/objectstore"
)

// byNumber reads a part of an object, or all of it where the service refuses to be asked
// for the first: it then tells of none. Where it does not say that it never serves parts,
// that is so of this object alone.
func byNumber[T any](s *Store, part int, read func(part int) (T, error)) (T, error) {
	if part == 0 || s.partless.Load() {
		return read(0)
	}
	out, err := read(part)
	never := errors.Is(err, objectstore.ErrNotOffered)
	if part > 1 || !never && !errors.Is(err, objectstore.ErrRejected) {
		return out, err
	}
	whole, wholeErr := read(0)
	if wholeErr != nil {
		return out, err
	}
	if never {
		s.partless.Store(true)
	}
	return whole, nil
}

// noHead tells of a refusal of HEAD itself, as by a proxy that lets GET pass alone. Where a
// delete marker is, the answer says so.
func noHead(err error) bool {
	var said *objectstore.Error
	return errors.As(err, &said) && (said.Status == http.StatusNotImplemented || errors.Is(err, errMethod))
}

// errMethod reports a request that was refused for its method, and not for what is there.
var errMethod = errors.New("the method is not allowed")

// ofMethod tells whether a refusal for the method says nothing of a delete marker.
func ofMethod(response *awshttp.ResponseError) bool {
	if response == nil || response.Response == nil {
		return false
	}
	h := response.Response.Header
	return h.Get("X-Amz-Delete-Marker") == "" && h.Get("X-Amz-Version-Id") == "" && h.Get("Last-Modified") == ""
}

// glance describes an object by the beginning of an answer that brings it.
func (s *Store) glance(
	ctx context.Context, ref objectstore.Ref, part int, key CustomerKey, refused error,
) (objectstore.Info, error) {
	before := s.headless.Swap(true) // and so nobody is asked for a length
	o, err := s.open(ctx, ref, part, key)
	if err != nil {
		s.headless.Store(before)
		if errors.Is(err, objectstore.ErrNotOffered) {
			return objectstore.Info{}, refused
		}
		return objectstore.Info{}, err
	}
	return o.Info, o.Body.Close()
}

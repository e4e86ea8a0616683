// Package conformance finds out what a storage service keeps of what it is
// given, through the interface that migrations use. A service that answers that
// it does not have something, or keeps something else, does not offer it; the
// difference between services is the table in the help topic compatibility.
package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// Check is one attribute or behaviour.
type Check struct {
	Name string
	Run  func(ctx context.Context, s *Subject) error
}

// Subject is what is examined: two empty buckets of one store, one with versions
// and object lock, one that never had versions.
type Subject struct {
	Store     objectstore.Store
	Versioned string
	Plain     string
	// KMSKey is a key that the service has; empty if it has none.
	KMSKey string
	// CustomerKey names a key of SSE-C that the store holds.
	CustomerKey string
}

// errLost says that something was accepted and not kept.
var errLost = errors.New("not kept")

// Offers runs a check. An error is one that says nothing about the service.
func Offers(ctx context.Context, c Check, s *Subject) (bool, error) {
	err := c.Run(ctx, s)
	var answer *objectstore.Error
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, errLost), errors.Is(err, objectstore.ErrNotOffered), errors.Is(err, objectstore.ErrUnlistable),
		errors.Is(err, objectstore.ErrOrder), errors.Is(err, objectstore.ErrRejected): // before it was sent, too
		return false, nil
	case errors.As(err, &answer) && answer.Status >= 400 && answer.Status < 500 && !errors.Is(err,
		objectstore.ErrDenied) && !errors.Is(err, objectstore.ErrCredentials):
		return false, nil // refused
	}
	return false, fmt.Errorf("%s: %w", c.Name, err)
}

// Checks lists all, in the order in which they are shown.
func Checks() []Check {
	all := append(attributes(), encryption()...)
	all = append(all, multiparts()...)
	all = append(all, histories()...)
	all = append(all, keys()...)
	all = append(all, conditions()...)
	return append(all, settings()...)
}

// Table renders results as that topic has them: one row per check, one column
// per service. offered[i][j] is what service i says of check j; nil is unknown.
func Table(services []string, offered [][]*bool) string {
	var b strings.Builder
	b.WriteString("| | " + strings.Join(services, " | ") + " |\n|---" + strings.Repeat("|---", len(services)) + "|\n")
	for j, c := range Checks() {
		b.WriteString("| " + c.Name)
		for i := range services {
			switch known := offered[i][j]; {
			case known == nil:
				b.WriteString(" | –")
			case *known:
				b.WriteString(" | carried")
			default:
				b.WriteString(" | not offered")
			}
		}
		b.WriteString(" |\n")
	}
	return b.String()
}

// put writes an object and returns what a HEAD says of it.
func (s *Subject) put(
	ctx context.Context, bucket string, o objectstore.NewObject, body objectstore.Body,
) (objectstore.Info, error) {
	o.Bucket = bucket
	text := []byte("body of " + o.Key)
	body.Reader, body.Size = bytes.NewReader(text), int64(len(text))
	w, err := s.Store.Put(ctx, o, body)
	if err != nil {
		return objectstore.Info{}, err
	}
	ref := objectstore.Ref{Bucket: bucket, Key: o.Key}
	if w.VersionID != objectstore.NullVersion {
		ref.VersionID = w.VersionID
	}
	got, err := s.Store.Open(ctx, ref, 0)
	if err != nil {
		return objectstore.Info{}, err
	}
	read, err := io.ReadAll(got.Body)
	if err = errors.Join(err, got.Body.Close()); err != nil {
		return objectstore.Info{}, err
	}
	if !bytes.Equal(read, text) {
		return objectstore.Info{}, fmt.Errorf("%w: other bytes", errLost)
	}
	return s.Store.Stat(ctx, ref, 0)
}

// kept turns an observation into the result of a check.
func kept(ok bool, err error) error {
	if err == nil && !ok {
		return errLost
	}
	return err
}

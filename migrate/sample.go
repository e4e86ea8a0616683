package migrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
)

// sample asks about the 1st, 2nd, 4th, 8th, … version of a move what a listing
// does not tell. That is a few requests whatever there is, and the same ones for
// the same source. What it misses is found by the run, which then erases
// nothing.
func (p *planner) sample(ctx context.Context, source objectstore.Store, m *Move, history []manifest.Entry, o *obstacles) error {
	n := m.Totals.Versions
	for i := len(history) - 1; i >= 0; i-- {
		e := history[i]
		if e.Marker {
			continue
		}
		if n&(n-1) == 0 {
			if n == 1 {
				p.first = e
				p.annotator, _ = source.(objectstore.Annotator)
			}
			ref := e.Ref(m.Bucket, m.Versioning)
			if _, err := source.Stat(ctx, ref, 0); errors.Is(err, objectstore.ErrCustomerKey) {
				note(&o.sseC, string(e.Key))
			}
			p.annotations(ctx, ref, &o.annotated)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		n--
	}
	return nil
}

// annotations asks until the endpoint says that it has none.
func (p *planner) annotations(ctx context.Context, ref objectstore.Ref, annotated *Issue) {
	if p.annotator == nil {
		return
	}
	n, err := p.annotator.Annotations(ctx, ref)
	if err != nil {
		p.annotator = nil // not offered, or not allowed to ask
	} else if n > 0 {
		note(annotated, ref.Key)
	}
}

// access finds out whether access control lists are in force in a source bucket,
// and whether they can be carried.
func (p *planner) access(ctx context.Context, source objectstore.Store, m *Move) error {
	granter, ok := source.(objectstore.Granter)
	if !ok || p.first.Key == "" {
		return nil
	}
	ownership, err := source.Setting(ctx, m.Bucket, objectstore.Ownership)
	switch {
	case errors.Is(err, objectstore.ErrNotOffered), bytes.Contains(ownership, []byte("BucketOwnerEnforced")):
		return nil // no lists, or none that anybody heeds
	case errors.Is(err, objectstore.ErrDenied):
		return nil // settings says so
	case err != nil:
		return fmt.Errorf("%s of %s: %w", objectstore.Ownership, bucketName(*m), err)
	}
	ref := p.first.Ref(m.Bucket, m.Versioning)
	ref.ETag = ""
	warning := Issue{Rule: "acl", Location: bucketName(*m), Text: "ACLs are in force there; grants of single objects are not carried"}
	switch _, _, err := granter.Grants(ctx, ref); {
	case errors.Is(err, objectstore.ErrNotOffered), errors.Is(err, objectstore.ErrNotFound):
		return ctx.Err()
	case errors.Is(err, objectstore.ErrDenied):
		warning.Text += ", for they cannot be read (access denied)"
		p.warn(warning)
		return nil
	case err != nil:
		return fmt.Errorf("access control of %s: %w", bucketName(*m), err)
	}
	if m.Prefix != "" {
		warning.Text += ", because only a prefix of the bucket moves and the destination gets no ACLs"
		p.warn(warning)
		return nil
	}
	m.ACLs = true
	if m.Source.Provider != p.Destination.Provider {
		p.warn(Issue{Rule: "acl-accounts", Location: bucketName(*m), Text: "ACLs are in force there; what they grant to groups is carried, what they grant to accounts is not: " + p.Destination.Provider + " does not know them"})
	}
	if ownership == nil {
		// A bucket from before this setting; a new one would enforce the owner.
		p.plan.Parity = append(p.plan.Parity, Parity{Bucket: bucketName(*m), Setting: string(objectstore.Ownership), Outcome: carried,
			Detail: "none is set, which is object writer", Value: []byte(`{"Rules":[{"ObjectOwnership":"ObjectWriter"}]}`)})
	}
	return nil
}

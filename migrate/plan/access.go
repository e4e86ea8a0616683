package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// access finds out whether access control lists are in force in a source bucket,
// and whether they can be carried.
func (p *sampler) access(ctx context.Context, source objectstore.Store, m *Move) error {
	granter, ok := source.(objectstore.Granter)
	if !ok {
		return nil
	}
	ownership, err := source.Setting(ctx, m.Bucket, objectstore.Ownership)
	switch {
	case errors.Is(err, objectstore.ErrNotOffered), bytes.Contains(ownership, []byte("BucketOwnerEnforced")):
		return nil // no lists, or none that anybody heeds
	case errors.Is(err, objectstore.ErrDenied):
		return nil // settings says so
	case err != nil:
		return fmt.Errorf("%s of %s: %w", objectstore.Ownership, BucketName(*m), err)
	}
	if err := p.bucketAccess(ctx, granter, m); err != nil || p.first.Key == "" {
		return err
	}
	return p.objectAccess(ctx, granter, m, ownership == nil)
}

// bucketAccess names what the bucket's own list gives to others than its owner:
// the destination's gives nothing.
func (p *sampler) bucketAccess(ctx context.Context, granter objectstore.Granter, m *Move) error {
	owner, grants, err := granter.BucketGrants(ctx, m.Bucket)
	warning := Issue{Rule: "bucket-acl", Location: BucketName(*m), Region: m.Source.Code}
	switch {
	case errors.Is(err, objectstore.ErrNotOffered):
		return nil
	case errors.Is(err, objectstore.ErrDenied):
		warning.Text = "the bucket's access control list could not be read (access denied); " +
			"it is not carried"
		p.warn(warning)
		return nil
	case err != nil:
		return fmt.Errorf("access control list of %s: %w", BucketName(*m), err)
	}
	var given []string
	for _, g := range grants {
		text := g.Permission + " to the account " + g.ID
		if g.URI != "" {
			text = g.Permission + " to the group " + g.URI[strings.LastIndex(g.URI, "/")+1:]
		}
		if (g.URI != "" || g.ID != owner) && !slices.Contains(given, text) {
			given = append(given, text)
		}
	}
	if len(given) == 0 {
		return nil
	}
	warning.Text = "the bucket's access control list grants access to others, which is not carried: " +
		strings.Join(given, ", ")
	p.warn(warning)
	p.plan.Parity = append(p.plan.Parity, Parity{
		Bucket: BucketName(*m), Setting: "access control list", Outcome: notCarried,
		Detail: "only the destination's owner has access through it",
	})
	return nil
}

// objectAccess decides whether grants of single objects are carried. unowned
// tells that the bucket has no ownership controls.
func (p *sampler) objectAccess(
	ctx context.Context, granter objectstore.Granter, m *Move, unowned bool,
) error {
	ref := p.first.Ref(m.Bucket, m.Versioning)
	ref.ETag = ""
	warning := Issue{Rule: "acl", Location: BucketName(*m), Region: m.Source.Code,
		Text: "ACLs are in force there; grants of single objects are not carried"}
	switch _, _, err := granter.Grants(ctx, ref); {
	case errors.Is(err, objectstore.ErrNotOffered), errors.Is(err, objectstore.ErrNotFound):
		return ctx.Err()
	case errors.Is(err, objectstore.ErrDenied):
		warning.Text += ", because they cannot be read (access denied)"
		p.warn(warning)
		return nil
	case err != nil:
		return fmt.Errorf("access control of %s: %w", BucketName(*m), err)
	}
	if m.Prefix != "" {
		warning.Text += ", because only a prefix of the bucket moves and the destination gets no ACLs"
		p.warn(warning)
		return nil
	}
	// A bucket from before this setting; a new one would enforce the owner.
	row := Parity{Bucket: BucketName(*m), Setting: string(objectstore.Ownership), Outcome: carried,
		Detail: "none is set, which means object writer", Value: []byte(`{"Rules":[{"ObjectOwnership":"ObjectWriter"}]}`)}
	offered, err := p.has(ctx, *m, objectstore.Ownership)
	if err != nil {
		return err
	}
	if !offered {
		row.Outcome, row.Value = notOffered, nil
		warning.Text += ": the destination has no ownership controls, and it is not known whether it honors such lists"
		p.warn(warning)
	}
	if unowned {
		p.plan.Parity = append(p.plan.Parity, row)
	}
	if !offered {
		return nil
	}
	m.ACLs = true
	if m.Source.Provider != p.Destination.Provider {
		p.warn(Issue{Rule: "acl-accounts", Location: BucketName(*m), Region: m.Source.Code,
			Text: "ACLs are in force there; grants to " +
				"groups are carried, grants to accounts are not: " + p.Destination.Provider + " does not have these accounts"})
	}
	return nil
}

// TagAction is the permission to read the tags of what a move moves (Amazon S3 API
// Reference, "GetObjectTagging").
func TagAction(m Move) string {
	if m.Versioning == objectstore.Unversioned {
		return "s3:GetObjectTagging"
	}
	return "s3:GetObjectVersionTagging"
}

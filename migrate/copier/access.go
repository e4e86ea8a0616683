package copier

import (
	"context"
	"errors"

	"github.com/residency/residency/inventory/objectstore"
)

// grants returns what an object's access control list gives to others than its
// owner, with the owner's own grant, and nothing where that is all or where
// lists are not in force. Between providers an account's ID means nothing, so
// only what groups are given is kept; the plan has said so.
func (c *ends) grants(ctx context.Context, at objectstore.Reader, ref objectstore.Ref) ([]objectstore.Grant, error) {
	granter, ok := at.(objectstore.Granter)
	if !c.ACLs || !ok {
		return nil, nil
	}
	ref.ETag = ""
	owner, all, err := granter.Grants(ctx, ref)
	if err != nil {
		return nil, err
	}
	var kept []objectstore.Grant
	shared := false
	for _, g := range all {
		if g.URI == "" && !c.Accounts {
			continue
		}
		kept = append(kept, g)
		shared = shared || g.URI != "" || g.ID != owner
	}
	if !shared {
		return nil, nil
	}
	return kept, nil
}

// copyLocked copies within the service. That a source is under SSE-C shows in
// the refusal; its key then goes with a second request.
func (s *serverSide) copyLocked(
	ctx context.Context, source objectstore.Ref, target objectstore.NewObject,
) (objectstore.Written, error) {
	w, err := s.destination.Copy(ctx, source, target)
	if !errors.Is(err, objectstore.ErrCustomerKey) && !errors.Is(err, objectstore.ErrRejected) {
		return w, err
	}
	info, statErr := s.source.Stat(ctx, source, 0)
	switch {
	case errors.Is(statErr, objectstore.ErrCustomerKey):
		return w, statErr
	case statErr != nil || info.CustomerKey == "":
		return w, err
	}
	source.CustomerKey, target.CustomerKey = info.CustomerKey, info.CustomerKey
	return s.destination.Copy(ctx, source, target)
}

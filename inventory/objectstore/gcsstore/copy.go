package gcsstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/residency/residency/inventory/objectstore"
)

// maxIdle is how many answers in a row may tell of no progress before a copy is given up.
const maxIdle = 20

var (
	errUnlocked = errors.New("it is under retention or a hold, which the copy would not be")
	errStuck    = errors.New("the copy makes no progress")
	errNotEqual = fmt.Errorf("%w: the copy has another checksum than its source", objectstore.ErrCorrupt)
)

// Copy implements objectstore.Writer. The source is pinned to one version in one state.
// Without Explicit the copy carries what the source does, contexts and custom time too,
// but for its lock and its storage class, which are the new object's if it names one. What is
// under a lock and is to be copied without one is ErrRejected.
func (s *Store) Copy(
	ctx context.Context, source objectstore.Ref, o objectstore.NewObject,
) (objectstore.Written, error) {
	if err := s.carries("storage.objects.rewrite", o); err != nil {
		return objectstore.Written{}, err
	}
	from, _, err := s.stat(ctx, source)
	if err != nil {
		return objectstore.Written{}, err
	}
	if !o.Explicit && o.Lock == (objectstore.Lock{}) && from.lock().At(s.now()) != (objectstore.Lock{}) {
		return objectstore.Written{}, &objectstore.Error{Op: "storage.objects.rewrite", Bucket: s.where(source.Bucket),
			Kind: objectstore.ErrRejected, Err: errUnlocked}
	}
	n := resourceOf(o.Attributes)
	if !o.Explicit {
		n = from.again()
		n.lock(o.Lock)
		if o.StorageClass != "" {
			n.StorageClass = o.StorageClass
		}
	}
	return s.rewrite(ctx, source.Bucket, from, o, n)
}

// again is what another object carries that is to be like this one.
func (o *resource) again() newResource {
	n := newResource{ContentType: o.ContentType, CacheControl: o.CacheControl, ContentDisposition: o.ContentDisposition,
		ContentEncoding: o.ContentEncoding, ContentLanguage: o.ContentLanguage, CustomTime: o.CustomTime,
		Metadata: o.Metadata, StorageClass: o.StorageClass}
	if o.Contexts != nil {
		n.Contexts = o.Contexts
	}
	return n
}

// rewritten is what each step of a copy answers (JSON API, "Objects: rewrite").
type rewritten struct {
	Done     bool     `json:"done"`
	Token    string   `json:"rewriteToken"`
	Total    int64    `json:"totalBytesRewritten,string"`
	Resource resource `json:"resource"`
}

// rewrite copies one version, in as many steps as the service takes: each goes on where
// the token of the one before says.
func (s *Store) rewrite(
	ctx context.Context, bucket string, from *resource, o objectstore.NewObject, n newResource,
) (objectstore.Written, error) {
	r := s.request("storage.objects.rewrite", o.Bucket, http.MethodPost, objectPath(bucket, from.Name)+"/rewriteTo/b/"+
		escape(o.Bucket)+"/o/"+escape(o.Key), query{
		"sourceGeneration": decimal(from.Generation), "ifSourceGenerationMatch": decimal(from.Generation),
		"ifSourceMetagenerationMatch": decimal(from.Metageneration), "destinationKmsKeyName": o.KMSKey,
		"fields": "done,rewriteToken,totalBytesRewritten,resource(" + writtenFields + ")",
	})
	if from.CustomerKey != nil {
		return objectstore.Written{}, &objectstore.Error{Op: r.op, Bucket: r.where, Kind: objectstore.ErrCustomerKey}
	}
	r.query.guard(o.Guard)
	// With metadata of its own a copy has to name a type (package
	// cloud.google.com/go/storage, "Copier"); this is the service's own for none.
	n.ContentType = cmp.Or(n.ContentType, "application/octet-stream")
	var total int64
	for idle := 0; ; {
		if err := r.withJSON(n); err != nil {
			return objectstore.Written{}, err
		}
		var step rewritten
		a, err := s.read(ctx, r, &step)
		switch {
		case err != nil:
			return objectstore.Written{}, err
		case step.Done:
			return s.copied(r, from, &step.Resource, o, a)
		case step.Total > total:
			total, idle = step.Total, 0
		default:
			idle++
		}
		if step.Token == "" || idle == maxIdle {
			return objectstore.Written{}, s.broken(r, errStuck)
		}
		r.query["rewriteToken"] = step.Token
	}
}

// copied holds a copy against its source.
func (s *Store) copied(
	r *request, from, made *resource, o objectstore.NewObject, a *answer,
) (objectstore.Written, error) {
	w := made.written(a)
	switch {
	case made.Generation <= 0 || made.Name != o.Key:
		return w, s.broken(r, errOther)
	case made.CRC32C != from.CRC32C || made.Size != from.Size:
		return w, s.broken(r, errNotEqual)
	}
	return w, nil
}

// CopyPart implements objectstore.Writer: Google copies into no part.
func (s *Store) CopyPart(
	_ context.Context, _ objectstore.Ref, _, _ int64, bucket, _, _ string, _ int,
) (objectstore.Part, error) {
	return objectstore.Part{}, &objectstore.Error{Op: "storage.multipartUploads.create", Bucket: s.where(bucket),
		Kind: objectstore.ErrNotOffered}
}

package gcsstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// Stat implements objectstore.Reader. Google tells of no parts: whatever part is asked for,
// the answer is of the whole object.
func (s *Store) Stat(ctx context.Context, ref objectstore.Ref, _ int) (objectstore.Info, error) {
	o, a, err := s.stat(ctx, ref)
	if err != nil {
		return objectstore.Info{}, err
	}
	info := o.info()
	info.Answered = a.at
	return info, nil
}

// stat asks for a version's metadata.
func (s *Store) stat(ctx context.Context, ref objectstore.Ref) (*resource, *answer, error) {
	r := s.request("storage.objects.get", ref.Bucket, "GET", objectPath(ref.Bucket, ref.Key),
		query{"fields": objectFields})
	if err := s.named(r, ref.VersionID); err != nil {
		return nil, nil, err
	}
	if ref.ETag != "" {
		r.query.match("", ref.ETag)
	}
	o := new(resource)
	a, err := s.read(ctx, r, o)
	if err != nil {
		return nil, nil, err
	}
	if o.Generation <= 0 || o.Metageneration <= 0 || o.Name != ref.Key ||
		ref.VersionID != "" && decimal(o.Generation) != ref.VersionID {
		return nil, nil, s.broken(r, errOther)
	}
	return o, a, nil
}

var errOther = errors.New("the answer is about another version")

// named has a request be about one version; without an ID, about the live one.
func (s *Store) named(r *request, id string) error {
	if id == "" {
		return nil
	}
	if objectstore.IsMarkerOf(id) {
		return &objectstore.Error{Op: r.op, Bucket: r.where, Kind: objectstore.ErrMarker}
	}
	if _, err := parseGeneration(id); err != nil {
		return &objectstore.Error{Op: r.op, Bucket: r.where, Kind: objectstore.ErrNotFound, Err: err}
	}
	r.query["generation"] = id
	return nil
}

// match adds the conditions that an ETag stands for; of a copy's source, where of says
// "Source".
func (q query) match(of, etag string) {
	g, m := parseETag(etag)
	q["if"+of+"GenerationMatch"] = decimal(g)
	if m > 0 {
		q["if"+of+"MetagenerationMatch"] = decimal(m)
	}
}

// Open implements objectstore.Reader. What describes the object is asked for first, as the
// answer that has the bytes leaves out most of it; the bytes are those of the same version
// in the same state, or the error is ErrPrecondition. They are the whole object's, whatever
// part is asked for.
func (s *Store) Open(ctx context.Context, ref objectstore.Ref, _ int) (*objectstore.Object, error) {
	o, a, err := s.stat(ctx, ref)
	if err != nil {
		return nil, err
	}
	info := o.info()
	info.Answered = a.at
	r := s.request("storage.objects.get", ref.Bucket, "GET", objectPath(ref.Bucket, ref.Key), query{"alt": "media",
		"generation": decimal(o.Generation), "ifMetagenerationMatch": decimal(o.Metageneration)})
	if o.CustomerKey != nil {
		return nil, &objectstore.Error{Op: r.op, Bucket: r.where, Kind: objectstore.ErrCustomerKey}
	}
	r.object = true
	if a, err = s.transport.send(ctx, r); err != nil {
		return nil, err
	}
	if err := stored(a, o); err != nil {
		_ = a.body.Close()
		return nil, s.broken(r, err)
	}
	return &objectstore.Object{Info: info, Body: &objectBody{ReadCloser: a.body, r: r, ctx: ctx}}, nil
}

var (
	errTranscoded = fmt.Errorf("%w: the bytes do not come as they are stored", objectstore.ErrCorrupt)
	errSums       = fmt.Errorf("%w: the answer names another checksum than the object's", objectstore.ErrCorrupt)
)

// stored checks that an answer has the bytes that are stored (Cloud Storage documentation,
// "Transcoding of gzip-compressed files": of what is decompressed on its way no length is
// told, and no hash that fits).
func stored(a *answer, o *resource) error {
	if a.length != o.Size {
		return errTranscoded
	}
	if is := a.header.Get("X-Goog-Stored-Content-Length"); is != "" && is != decimal(o.Size) {
		return errTranscoded
	}
	if is := a.header.Get("X-Goog-Generation"); is != "" && is != decimal(o.Generation) {
		return errOther
	}
	if crc, ok := hashes(a.header.Values("X-Goog-Hash"))["crc32c"]; ok && o.CRC32C != "" && crc != o.CRC32C {
		return errSums
	}
	return nil
}

// hashes reads the values of x-goog-hash: each is one sum, or several between commas.
func hashes(values []string) map[string]string {
	sums := make(map[string]string, 2)
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if name, sum, ok := strings.Cut(strings.TrimSpace(part), "="); ok {
				sums[name] = sum
			}
		}
	}
	return sums
}

// objectBody makes the errors of a body those of its request.
type objectBody struct {
	io.ReadCloser
	r   *request
	ctx context.Context // of the request
}

func (b *objectBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.r.failed(b.ctx, err)
	}
	return n, err
}

// Tags implements objectstore.Reader: there are none. Object contexts are something else:
// Info.Incomplete says where an object has some.
func (s *Store) Tags(ctx context.Context, ref objectstore.Ref) ([]objectstore.Tag, error) {
	_, _, err := s.stat(ctx, ref)
	return nil, err
}

// Lock implements objectstore.Reader.
func (s *Store) Lock(ctx context.Context, ref objectstore.Ref) (objectstore.Lock, error) {
	o, _, err := s.stat(ctx, ref)
	if err != nil {
		return objectstore.Lock{}, err
	}
	return o.lock(), nil
}

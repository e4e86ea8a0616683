package evidence

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
)

func (c *Collector) aboutWrites() []question {
	s := c.Near.Store
	return []question{
		about("put-if-absent", "If-None-Match keeps a write from what is there",
			writes, "412 PreconditionFailed", func(ctx context.Context) (string, bool, error) {
				if _, err := put(ctx, s, object(c.plain(), "put-if-absent")); err != nil {
					return "", false, fmt.Errorf("%w: %w", errUnasked, err)
				}
				o := object(c.plain(), "put-if-absent")
				o.Guard.Absent = true
				_, err := put(ctx, s, o)
				return coded(err, 412, "PreconditionFailed")
			}),
		about("put-if-same", "If-Match keeps a write from what has another ETag",
			writes, "412 PreconditionFailed", func(ctx context.Context) (string, bool, error) {
				o := object(c.plain(), "put-if-absent")
				o.Guard.ETag = objectstore.ImpossibleETag
				_, err := put(ctx, s, o)
				return coded(err, 412, "PreconditionFailed")
			}),
		about("put-if-absent-twice", "of writes at once under If-None-Match one is done",
			writes, "1 of 8 is done, the others are refused with 409 or 412", c.race),
		about("put-wrong-sum", "what has another SHA-256 than is said is refused",
			reference+"PutObject", "400 with the code of a checksum", func(ctx context.Context) (string, bool, error) {
				wrong := body(objectstore.Body{SHA256: hex.EncodeToString(make([]byte, 32))})
				_, err := s.Put(ctx, object(c.plain(), "put-wrong-sum"), wrong)
				return outcome(err, objectstore.ErrCorrupt)
			}),
		about("put-locked-bare", "object lock demands a checksum",
			guide+`"Object Lock considerations"`, "400 InvalidRequest", func(ctx context.Context) (string, bool, error) {
				// What is small gets a checksum by itself.
				const size = 2 << 20
				large := objectstore.Body{Reader: strings.NewReader(strings.Repeat("p", size)), Size: size}
				_, err := s.Put(ctx, object(c.locked(), "bare"), large)
				return coded(err, 400, "InvalidRequest")
			}),
		about("put-kms", "the ETag of an object under SSE-KMS is no MD5",
			reference+"Object, ETag", "another ETag than the MD5", c.underKMS),
		about("tagging-count", "an answer tells how many tags a version has",
			reference+"HeadObject, x-amz-tagging-count", "2 tags", c.tagCount),
	}
}

// race writes one key several times at once.
func (c *Collector) race(ctx context.Context) (string, bool, error) {
	const racers = 8
	errs := make([]error, racers)
	g, gctx := errgroup.WithContext(ctx)
	for i := range errs {
		g.Go(func() error {
			o := object(c.plain(), "put-if-absent-twice")
			o.Guard.Absent = true
			_, errs[i] = put(gctx, c.Near.Store, o)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return "", false, err
	}
	done, refused := 0, map[string]int{}
	for _, err := range errs {
		var answer *objectstore.Error
		switch {
		case err == nil:
			done++
		case errors.As(err, &answer) && answer.Status != 0:
			refused[fmt.Sprint(answer.Status)]++
		default:
			return "", false, err
		}
	}
	as := done == 1 && refused["409"]+refused["412"] == racers-1
	return fmt.Sprintf("%d done, refused by status: %v", done, refused), as, nil
}

// The MD5 and the CRC-64/NVME of what is written.
const (
	probeMD5   = "8da843ff65205a61374b09b81ed0fa35"
	probeCRC64 = "O8bbmJm9D2w="
)

func (c *Collector) underKMS(ctx context.Context) (string, bool, error) {
	o := object(c.plain(), "put-kms")
	o.KMSKey = "alias/aws/s3"
	w, err := put(ctx, c.Near.Store, o)
	if err != nil {
		return "", false, err
	}
	plain, err := put(ctx, c.Near.Store, object(c.plain(), "put-no-kms"))
	if err != nil {
		return "", false, err
	}
	as := w.ETag != plain.ETag && strings.HasPrefix(w.Encrypted, "aws:kms")
	return fmt.Sprintf("ETag %s under %s, %s without", w.ETag, w.Encrypted, plain.ETag), as, nil
}

func (c *Collector) tagCount(ctx context.Context) (string, bool, error) {
	o := object(c.plain(), "tagged")
	o.Tags = []objectstore.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}
	if _, err := put(ctx, c.Near.Store, o); err != nil {
		return "", false, err
	}
	info, err := c.Near.Store.Stat(ctx, objectstore.Ref{Bucket: c.plain(), Key: o.Key}, 0)
	if err != nil {
		return "", false, err
	}
	return fmt.Sprintf("%d tags", info.TagCount), info.TagCount == 2, nil
}

func (c *Collector) aboutHistories() []question {
	return []question{
		about("order-in-a-second", "versions and markers of one second are listed newest first",
			reference+"ListObjectVersions", "the order in which they were made, turned round", c.order),
		about("null-after-switch", "what was there before versioning stays as null, beneath what is written then",
			guide+`"How S3 Versioning works"`, "an ID, then null", c.switched),
		about("locked-summed", "what has a checksum is taken under object lock, and deleted where nothing retains it",
			guide+`"Object Lock considerations"`, "done", func(ctx context.Context) (string, bool, error) {
				_, err := c.Near.Store.Put(ctx, object(c.locked(), "summed"), body(objectstore.Body{MD5: probeMD5}))
				return outcome(err, nil)
			}),
	}
}

// order writes a history as fast as it can.
func (c *Collector) order(ctx context.Context) (string, bool, error) {
	s, key := c.Near.Store, "history"
	var made []string
	for i := range 6 {
		var w objectstore.Written
		var err error
		if i%3 == 2 {
			w, err = s.PutMarker(ctx, c.kept(), key)
		} else {
			w, err = put(ctx, s, object(c.kept(), key))
		}
		if err != nil {
			return "", false, err
		}
		made = append([]string{w.VersionID}, made...)
	}
	var listed []string
	for v, err := range s.Versions(ctx, c.kept(), key, "") {
		if err != nil {
			return "", false, err
		}
		listed = append(listed, v.VersionID)
	}
	as := strings.Join(made, " ") == strings.Join(listed, " ")
	return fmt.Sprintf("%d entries, in order: %t", len(listed), as), as, nil
}

// switched turns versioning on over an object, and writes at once.
func (c *Collector) switched(ctx context.Context) (string, bool, error) {
	s, key := c.Near.Store, "switched"
	if _, err := put(ctx, s, object(c.later(), key)); err != nil {
		return "", false, err
	}
	if err := s.SetVersioning(ctx, c.later(), objectstore.Enabled); err != nil {
		return "", false, err
	}
	w, err := put(ctx, s, object(c.later(), key))
	if err != nil {
		return "", false, err
	}
	var listed []string
	for v, err := range s.Versions(ctx, c.later(), key, "") {
		if err != nil {
			return "", false, err
		}
		listed = append(listed, map[bool]string{true: "null", false: "an ID"}[v.VersionID == objectstore.NullVersion])
	}
	text := strings.Join(listed, ", ")
	observed := fmt.Sprintf("listed: %s; the write right after was answered with %q", text, w.VersionID)
	return observed, text == "an ID, null", nil
}

package memstore_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
)

const region = "us-east-1"

// client does one sequence of operations on one store and writes down what it
// is told. IDs are named in the order in which they are met; times are left
// out.
type client struct {
	t      *testing.T
	store  objectstore.Store
	bucket string
	log    []string
	ids    map[string]string // by the service's ID
}

func (c *client) ctx() context.Context { return c.t.Context() }

func (c *client) id(id string) string {
	if id == "" || id == objectstore.NullVersion {
		return id
	}
	if c.ids[id] == "" {
		c.ids[id] = fmt.Sprintf("#%d", len(c.ids)+1)
	}
	return c.ids[id]
}

func (c *client) say(format string, args ...any) {
	c.log = append(c.log, fmt.Sprintf(format, args...))
}

// kind is what callers decide on.
func kind(err error) string {
	if err == nil {
		return "done"
	}
	for _, k := range []error{
		objectstore.ErrNotFound, objectstore.ErrPrecondition, objectstore.ErrDenied, objectstore.ErrCredentials,
		objectstore.ErrExists,
		objectstore.ErrNotOffered, objectstore.ErrThrottled, objectstore.ErrCorrupt, objectstore.ErrLocked,
		objectstore.ErrOrder, objectstore.ErrRejected,
	} {
		if errors.Is(err, k) {
			return k.Error()
		}
	}
	return "some error"
}

func (c *client) object(key string, guard objectstore.Guard) objectstore.NewObject {
	return objectstore.NewObject{Bucket: c.bucket, Key: key, Guard: guard}
}

func (c *client) written(what, key string, w objectstore.Written, err error) objectstore.Written {
	c.say("%s %s: %s, version %s, ETag %s, checksum %v", what, key, kind(err), c.id(w.VersionID), w.ETag, w.Checksum)
	return w
}

func body(text string) objectstore.Body {
	sum := sha256.Sum256([]byte(text))
	return objectstore.Body{Reader: strings.NewReader(text), Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}
}

func sha256Checksum(text string) objectstore.Checksum {
	sum := sha256.Sum256([]byte(text))
	return objectstore.Checksum{Algorithm: "SHA256", Value: base64.StdEncoding.EncodeToString(sum[:])}
}

func etag(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }

func (c *client) put(key, text string, guard objectstore.Guard) objectstore.Written {
	w, err := c.store.Put(c.ctx(), c.object(key, guard), body(text))
	return c.written("put", key, w, err)
}

func (c *client) putWith(key string, b objectstore.Body, a objectstore.Attributes) objectstore.Written {
	o := c.object(key, objectstore.Guard{})
	o.Attributes = a
	w, err := c.store.Put(c.ctx(), o, b)
	return c.written("put", key, w, err)
}

func (c *client) marker(key string) objectstore.Written {
	w, err := c.store.PutMarker(c.ctx(), c.bucket, key)
	c.say("marker %s: %s, version %s", key, kind(err), c.id(w.VersionID))
	return w
}

func (c *client) info(what string, i objectstore.Info, err error) {
	if err != nil {
		c.say("%s: %s", what, kind(err))
		return
	}
	if i.StorageClass == "STANDARD" { // S3 does not say so, others do
		i.StorageClass = ""
	}
	c.say("%s: version %s, ETag %s, size %d, length %d, parts %d, tags %d, checksum %v, attributes %+v", what,
		c.id(i.VersionID), i.ETag, i.Size, i.Length, i.PartCount, i.TagCount, i.Checksum, i.Attributes)
}

func (c *client) read(ref objectstore.Ref, part int) {
	ref.Bucket = c.bucket
	what := fmt.Sprintf("%s@%s part %d", ref.Key, c.id(ref.VersionID), part)
	o, err := c.store.Open(c.ctx(), ref, part)
	if err != nil {
		c.say("open %s: %s", what, kind(err))
	} else {
		data, err := io.ReadAll(o.Body)
		_ = o.Body.Close()
		c.info("open "+what, o.Info, err)
		c.say("body %x of %d", sha256.Sum256(data), len(data))
	}
	i, err := c.store.Stat(c.ctx(), ref, part)
	c.info("stat "+what, i, err)
	if part == 0 {
		tags, err := c.store.Tags(c.ctx(), ref)
		c.say("tags %s: %s %v", what, kind(err), tags)
	}
}

// list shows the bucket and reads every version in it.
func (c *client) list(prefix, after string) {
	c.say("list %q after %q", prefix, after)
	for v, err := range c.store.Versions(c.ctx(), c.bucket, prefix, after) {
		if err != nil {
			c.say("  %s", kind(err))
			break
		}
		c.say("  %q %s marker %t latest %t size %d ETag %s class %s", v.Key, c.id(v.VersionID), v.Marker, v.Latest, v.Size,
			v.ETag, v.StorageClass)
	}
	for u, err := range c.store.Uploads(c.ctx(), c.bucket, prefix) {
		c.say("  upload %q %s, %s", u.Key, c.id(u.UploadID), kind(err))
	}
}

func (c *client) delete(entries ...objectstore.Deletion) {
	results, err := c.store.Delete(c.ctx(), c.bucket, entries)
	c.say("delete %d: %s", len(entries), kind(err))
	for i, r := range results {
		c.say("  %s@%s: %s", entries[i].Key, c.id(entries[i].VersionID), kind(r))
	}
}

func (c *client) deleteIf(key, id, etag string) {
	err := c.store.DeleteIf(c.ctx(), c.bucket, objectstore.Deletion{Key: key, VersionID: id, ETag: etag})
	c.say("delete %s@%s if %s: %s", key, c.id(id), etag, kind(err))
}

func (c *client) versioning(v objectstore.Versioning) {
	err := c.store.SetVersioning(c.ctx(), c.bucket, v)
	got, getErr := c.store.Versioning(c.ctx(), c.bucket)
	c.say("versioning %s: %s; %s %s", v, kind(err), got, kind(getErr))
}

const partSize = 5 << 20 // bytes; the least that S3 takes for a part that is not the last

func (c *client) upload(
	key string, o objectstore.NewObject, guard objectstore.Guard, parts ...string,
) objectstore.Written {
	o.Bucket, o.Key, o.Guard = c.bucket, key, guard
	id, err := c.store.CreateUpload(c.ctx(), o)
	c.say("begin %s: %s, %s", key, kind(err), c.id(id))
	var done []objectstore.Part
	var all bytes.Buffer
	for i, text := range parts {
		b := body(text)
		all.WriteString(text)
		if o.Algorithm == "SHA256" {
			b.Checksum = sha256Checksum(text)
		}
		p, err := c.store.UploadPart(c.ctx(), c.bucket, key, id, i+1, b)
		c.say("  part %d: %s, size %d, ETag %s", i+1, kind(err), p.Size, p.ETag)
		if p.Checksum.Algorithm == "" {
			p.Checksum = b.Checksum
		}
		done = append(done, p)
	}
	c.list(key, "")
	w, err := c.store.CompleteUpload(c.ctx(), o, id, done, objectstore.Checksum{})
	w = c.written("complete", key, w, err)
	if err != nil {
		c.say("abort %s: %s", key, kind(c.store.AbortUpload(c.ctx(), c.bucket, key, id)))
	}
	c.say("abort what is done or gone: %s", kind(c.store.AbortUpload(c.ctx(), c.bucket, key, id)))
	return w
}

type sequence struct {
	name string
	do   func(c *client)
}

func sequences() []sequence {
	first, second, third := objectstore.Guard{Absent: true}, objectstore.Guard{ETag: etag("one")},
		objectstore.Guard{ETag: etag("three")}
	return []sequence{
		{"one object, no versions", func(c *client) {
			c.put("k", "one", first)
			c.put("k", "two", first)
			c.put("k", "two", third)
			c.put("k", "two", second)
			c.read(objectstore.Ref{Key: "k"}, 0)
			c.read(objectstore.Ref{Key: "k", ETag: etag("one")}, 0)
			c.read(objectstore.Ref{Key: "k", ETag: etag("two")}, 0)
			c.read(objectstore.Ref{Key: "gone"}, 0)
			c.list("", "")
			c.delete(objectstore.Deletion{Key: "k", VersionID: objectstore.NullVersion})
			c.list("", "")
			c.delete(objectstore.Deletion{Key: "k", VersionID: objectstore.NullVersion})
		}},
		{"history with markers", func(c *client) {
			c.versioning(objectstore.Enabled)
			a := c.put("k", "one", first)
			b := c.put("k", "two", objectstore.Guard{})
			m := c.marker("k")
			c.read(objectstore.Ref{Key: "k"}, 0)
			d := c.put("k", "three", objectstore.Guard{})
			c.list("", "")
			for _, w := range []objectstore.Written{a, b, d} {
				c.read(objectstore.Ref{Key: "k", VersionID: w.VersionID}, 0)
			}
			c.delete(objectstore.Deletion{Key: "k", VersionID: b.VersionID}, objectstore.Deletion{Key: "other",
				VersionID: b.VersionID})
			c.list("", "")
			c.delete(objectstore.Deletion{Key: "k", VersionID: d.VersionID})
			c.list("", "")
			c.read(objectstore.Ref{Key: "k"}, 0)
			c.delete(objectstore.Deletion{Key: "k", VersionID: m.VersionID})
			c.read(objectstore.Ref{Key: "k"}, 0)
			c.delete(objectstore.Deletion{Key: "k", VersionID: a.VersionID})
			c.list("", "")
		}},
		{"guards over a history", func(c *client) {
			c.versioning(objectstore.Enabled)
			c.put("k", "one", first)
			c.put("k", "two", second)
			c.put("k", "two", second)
			c.put("k", "three", objectstore.Guard{ETag: etag("two")})
			c.put("k", "four", first)
			c.list("", "")
		}},
		{"byte order and prefixes", func(c *client) {
			c.versioning(objectstore.Enabled)
			for _, k := range []string{"b", "a.", "a/b", "a-b", "aa", "B", "a/ö", "a/z", "~"} {
				c.put(k, k, objectstore.Guard{})
			}
			c.put("a.", "again", objectstore.Guard{})
			c.marker("aa")
			c.list("", "")
			c.list("a", "")
			c.list("a/", "")
			c.list("", "a/b")
			c.list("", "a/c")
			c.list("nothing", "")
		}},
		{"null versions beside others", func(c *client) {
			c.put("k", "one", first)
			c.put("l", "other", first)
			c.versioning(objectstore.Enabled)
			c.put("k", "two", second)
			c.list("", "")
			c.read(objectstore.Ref{Key: "k"}, 0)
			c.marker("l")
			c.list("", "")
			c.delete(objectstore.Deletion{Key: "k", VersionID: objectstore.NullVersion})
			c.list("", "")
		}},
		{"bytes that are not what they are said to be", func(c *client) {
			b := body("one")
			b.SHA256 = body("two").SHA256
			c.putWith("a", b, objectstore.Attributes{})
			b = body("one")
			b.MD5 = etag("two")
			c.putWith("b", b, objectstore.Attributes{})
			b = body("one")
			b.Checksum = sha256Checksum("two")
			c.putWith("c", b, objectstore.Attributes{})
			b = body("one")
			b.MD5, b.Checksum = etag("one"), sha256Checksum("one")
			c.putWith("d", b, objectstore.Attributes{})
			c.read(objectstore.Ref{Key: "d"}, 0)
			c.list("", "")
		}},
		{"attributes and tags", func(c *client) {
			c.versioning(objectstore.Enabled)
			c.putWith("k", body("one"), objectstore.Attributes{
				ContentType: "text/plain", CacheControl: "no-store", ContentDisposition: "inline", ContentLanguage: "de",
				Metadata: map[string]string{"a": "1", "b": "two words"}, Tags: []objectstore.Tag{{Key: "z", Value: "1"},
					{Key: "a", Value: "x y"}},
			})
			c.read(objectstore.Ref{Key: "k"}, 0)
			c.read(objectstore.Ref{Key: "k"}, 1)
		}},
		{"parts", func(c *client) {
			c.versioning(objectstore.Enabled)
			x, y := strings.Repeat("x", partSize), strings.Repeat("y", partSize+3)
			w := c.upload("k", objectstore.NewObject{Attributes: objectstore.Attributes{ContentType: "text/plain",
				Tags: []objectstore.Tag{{Key: "a", Value: "b"}}}}, first, x, y, "z")
			c.read(objectstore.Ref{Key: "k", VersionID: w.VersionID}, 0)
			for part := range 3 {
				c.read(objectstore.Ref{Key: "k", VersionID: w.VersionID}, part+1)
			}
			c.upload("k", objectstore.NewObject{}, first, "small")
			c.upload("k", objectstore.NewObject{}, objectstore.Guard{ETag: w.ETag}, "small")
			c.upload("l", objectstore.NewObject{}, first, "too small", "for a first part")
			c.upload("m", objectstore.NewObject{Algorithm: "SHA256", Composite: true}, first, x, "y")
			c.list("", "")
		}},
		{"an upload that is left", func(c *client) {
			id, err := c.store.CreateUpload(c.ctx(), c.object("k", objectstore.Guard{}))
			c.say("begin: %s, %s", kind(err), c.id(id))
			c.list("", "")
			c.say("abort: %s", kind(c.store.AbortUpload(c.ctx(), c.bucket, "k", id)))
			_, err = c.store.UploadPart(c.ctx(), c.bucket, "k", id, 1, body("late"))
			c.say("part: %s", kind(err))
			c.list("", "")
		}},
		{"copies within the service", func(c *client) {
			c.versioning(objectstore.Enabled)
			w := c.putWith("k", body("one"), objectstore.Attributes{ContentType: "text/plain",
				Metadata: map[string]string{"a": "1"}, Tags: []objectstore.Tag{{Key: "t", Value: "v"}}})
			c.put("k", "two", objectstore.Guard{})
			for _, tt := range []struct{ to, etag string }{{"copy", w.ETag}, {"other", etag("two")}} {
				got, err := c.store.Copy(c.ctx(), objectstore.Ref{Bucket: c.bucket, Key: "k", VersionID: w.VersionID,
					ETag: tt.etag}, c.object(tt.to, objectstore.Guard{}))
				got.Checksum = objectstore.Checksum{} // told by some services only
				c.written("copy", tt.to, got, err)
			}
			c.read(objectstore.Ref{Key: "copy"}, 0)
			c.list("", "")
		}},
		{"no such bucket", func(c *client) {
			c.bucket = "there-is-no-such-bucket"
			c.put("k", "one", first)
			c.read(objectstore.Ref{Key: "k"}, 0)
			c.list("", "")
			c.delete(objectstore.Deletion{Key: "k", VersionID: objectstore.NullVersion})
			_, err := c.store.BucketRegion(c.ctx(), c.bucket)
			c.say("region: %s", kind(err))
			_, err = c.store.Setting(c.ctx(), c.bucket, objectstore.Policy)
			c.say("policy: %s", kind(err))
		}},
		{"buckets", func(c *client) {
			c.say("again: %s", kind(c.store.CreateBucket(c.ctx(), c.bucket, false)))
			tags, err := c.store.BucketTags(c.ctx(), c.bucket)
			c.say("tags: %v %s", tags, kind(err))
			c.say("set: %s", kind(c.store.SetBucketTags(c.ctx(), c.bucket, []objectstore.Tag{{Key: "b", Value: "1"},
				{Key: "a", Value: "2"}})))
			tags, err = c.store.BucketTags(c.ctx(), c.bucket)
			c.say("tags: %v %s", tags, kind(err))
			got, err := c.store.Setting(c.ctx(), c.bucket, objectstore.CORS)
			c.say("CORS: %s %s", got, kind(err))
			c.put("k", "one", first)
			c.say("delete: %t", c.store.DeleteBucket(c.ctx(), c.bucket) == nil)
			c.delete(objectstore.Deletion{Key: "k", VersionID: objectstore.NullVersion})
			c.say("delete: %t", c.store.DeleteBucket(c.ctx(), c.bucket) == nil)
			c.list("", "")
		}},
		{"versioning suspended", func(c *client) {
			c.versioning(objectstore.Enabled)
			c.put("k", "one", first)
			c.versioning(objectstore.Suspended)
			c.put("k", "two", objectstore.Guard{})
			c.list("", "")
			c.put("k", "three", objectstore.Guard{})
			c.list("", "")
			c.put("fresh", "four", first)
			c.versioning(objectstore.Enabled)
			c.put("k", "five", objectstore.Guard{})
			c.list("", "")
		}},
		{"conditional deletions", func(c *client) {
			c.put("k", "one", first)
			c.deleteIf("k", objectstore.NullVersion, etag("one"))
			c.list("", "")
		}},
		{"conditional deletions without an ID", func(c *client) {
			c.put("k", "one", first)
			c.deleteIf("k", "", etag("two"))
			c.list("", "")
			c.deleteIf("k", "", etag("one"))
			c.list("", "")
		}},
		{"conditional deletions of versions", func(c *client) {
			c.put("k", "one", first)
			c.versioning(objectstore.Enabled)
			w := c.put("k", "two", objectstore.Guard{})
			c.deleteIf("k", objectstore.NullVersion, etag("two"))
			c.deleteIf("k", w.VersionID, etag("one"))
			c.list("", "")
			c.deleteIf("k", objectstore.NullVersion, etag("one"))
			c.deleteIf("k", w.VersionID, etag("two"))
			c.list("", "")
		}},
		{"conditional deletions where a marker would be made", func(c *client) {
			c.versioning(objectstore.Enabled)
			c.put("k", "one", first)
			c.deleteIf("k", "", etag("two"))
			c.list("", "")
			c.deleteIf("k", "", etag("one"))
			c.list("", "")
		}},
	}
}

// Whatever a client of this package's store is told, a real server has told
// it too: versitygw, whose habits are set as traits.
func TestSameAsRealServer(t *testing.T) {
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{region}})
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
	provider, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox",
		Endpoints: map[string]string{region: box.Endpoints[region]}})
	if err != nil {
		t.Fatal(err)
	}
	mem := memstore.New(memstore.Options{Endpoint: "memory", Now: time.Now, Traits: memstore.Traits{MinPart: partSize,
		MarkerIsPresence: true, ComparesVersions: true, DefaultType: "application/octet-stream"}}).Region(region)
	for i, s := range sequences() {
		t.Run(s.name, func(t *testing.T) {
			var logs [2]string
			for j, store := range []objectstore.Store{provider.Region(region), mem} {
				c := &client{t: t, store: store, bucket: fmt.Sprintf("bucket-%d", i), ids: map[string]string{}}
				if err := store.CreateBucket(t.Context(), c.bucket, false); err != nil {
					t.Fatal(err)
				}
				s.do(c)
				logs[j] = strings.Join(c.log, "\n")
			}
			if d := cmp.Diff(logs[0], logs[1]); d != "" {
				t.Errorf("the real server (-) and this package (+) differ:\n%s", d)
			}
		})
	}
}

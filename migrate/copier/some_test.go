package copier_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// pair is two accounts of one Azure, in two regions.
type pair struct {
	t        *testing.T
	server   *azure.Server
	from, to objectstore.Store
	locked   bool
}

const (
	usBucket, euBucket = "acmeus.records", "acmene.records"
	// otherMD5 is that of no bytes here.
	otherMD5 = "AAAAAAAAAAAAAAAAAAAAAA=="
)

func newPair(t *testing.T) *pair {
	t.Helper()
	server := azure.Start(t, azure.Options{Accounts: []azure.Account{
		{Name: "acmeus", Versioning: true, Location: "eastus", VersionLocking: true},
		{Name: "acmene", Versioning: true, Location: "northeurope", VersionLocking: true}}})
	server.Container("acmeus", "records")
	server.Container("acmene", "records")
	provider, err := azurestore.Open(t.Context(), azurestore.Options{Name: "blob", Endpoint: server.URL,
		ARMEndpoint: server.URL, Subscription: server.Subscription(), Credential: token(server.Token())})
	if err != nil {
		t.Fatal(err)
	}
	return &pair{t: t, server: server, from: provider.Region("eastus"), to: provider.Region("northeurope")}
}

func (p *pair) put(o objectstore.NewObject, text string) objectstore.Written {
	p.t.Helper()
	o.Bucket = usBucket
	w, err := p.from.Put(p.t.Context(), o, objectstore.Body{Reader: strings.NewReader(text), Size: int64(len(text))})
	if err != nil {
		p.t.Fatal(err)
	}
	return w
}

// blocks writes a blob in blocks, which has no MD5.
func (p *pair) blocks(key, text string) {
	p.t.Helper()
	o := objectstore.NewObject{Bucket: usBucket, Key: key}
	id, err := p.from.CreateUpload(p.t.Context(), o)
	if err != nil {
		p.t.Fatal(err)
	}
	part, err := p.from.UploadPart(p.t.Context(), usBucket, key, id, 1, objectstore.Body{Reader: strings.NewReader(text),
		Size: int64(len(text))})
	if err == nil {
		_, err = p.from.CompleteUpload(p.t.Context(), o, id, []objectstore.Part{part}, objectstore.Checksum{})
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// planned are the histories of the source, oldest first.
func (p *pair) planned() map[string][]manifest.Entry {
	p.t.Helper()
	all := make(map[string][]manifest.Entry)
	for v, err := range p.from.Versions(p.t.Context(), usBucket, "", "") {
		if err != nil {
			p.t.Fatal(err)
		}
		all[v.Key] = slices.Insert(all[v.Key], 0, manifest.FromVersion(v))
	}
	return all
}

// copy copies a history beside what the destination holds of it.
func (p *pair) copy(entries []manifest.Entry, change func(*copier.Options)) []receipt.Receipt {
	p.t.Helper()
	o := copier.Options{Versioning: objectstore.Enabled, Attempts: 3, Locked: p.locked,
		Sleep: func(context.Context, time.Duration) error { return nil }}
	if change != nil {
		change(&o)
	}
	var held []objectstore.Version
	for v, err := range p.to.Versions(p.t.Context(), euBucket, string(entries[0].Key), "") {
		if err != nil {
			p.t.Fatal(err)
		}
		held = slices.Insert(held, 0, v)
	}
	var receipts []receipt.Receipt
	if err := copier.New(p.from, usBucket, p.to, euBucket, o).History(p.t.Context(), entries, held, nil,
		func(r receipt.Receipt) error {
			receipts = append(receipts, r)
			return nil
		}); err != nil {
		p.t.Fatal(err)
	}
	return receipts
}

// passed are how many bytes of blobs have passed, up and down, since the last call, and how often a copy was asked for.
func (p *pair) passed() (down, up, copies int) {
	for _, r := range p.server.Requests() {
		switch r.Op {
		case "Get Blob":
			down += r.Sent
		case "Put Blob", "Put Block":
			up += r.Received
		case "Put Blob From URL":
			copies++
		}
	}
	return down, up, copies
}

// TestSomeByItself has the service copy what has an MD5, whatever else that carries, and the rest streamed: each is
// proven, and its receipt says which way its bytes went.
func TestSomeByItself(t *testing.T) {
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	rich := objectstore.Attributes{ContentType: "text/x", CacheControl: "no-store", StorageClass: "Cool",
		Metadata: map[string]string{"with-hyphen": "Zürich"}, Tags: []objectstore.Tag{{Key: "a", Value: "b"}}}
	for name, test := range map[string]struct {
		prepare func(*pair)
		within  bool
		method  receipt.Method
		copies  int
	}{
		"plain": {func(p *pair) { p.put(objectstore.NewObject{Key: "k"}, "bytes") }, true, receipt.ETagMD5, 1},
		"rich": {func(p *pair) { p.put(objectstore.NewObject{Key: "k", Attributes: rich}, "bytes") }, true,
			receipt.ETagMD5, 1},
		"empty":     {func(p *pair) { p.put(objectstore.NewObject{Key: "k"}, "") }, true, receipt.ETagMD5, 1},
		"in blocks": {func(p *pair) { p.blocks("k", "bytes") }, false, receipt.SentChecksum, 0},
		"another MD5": {func(p *pair) {
			p.blocks("k", "bytes")
			p.server.Claim("acmeus", "records", "k", otherMD5)
		}, false, receipt.SentChecksum, 1},
		"locked": {func(p *pair) {
			p.locked = true
			p.put(objectstore.NewObject{Key: "k", Attributes: objectstore.Attributes{
				Lock: objectstore.Lock{Mode: "GOVERNANCE", Until: until, Hold: true}}}, "bytes")
		}, false, receipt.SentChecksum, 0},
		"a long key": {func(p *pair) {
			p.put(objectstore.NewObject{Key: strings.Repeat("ü", 400)}, "bytes")
		}, false, receipt.SentChecksum, 0},
		"blocks with their MD5": {func(p *pair) {
			p.blocks("k", "bytes")
			p.server.Claim("acmeus", "records", "k", "SzpiGLs+OnMD6KFxpg/Pkg==")
		}, true, receipt.ETagMD5, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			test.prepare(p)
			all := p.planned()
			p.server.Requests()
			for key, entries := range all {
				receipts := p.copy(entries, nil)
				r := receipts[0]
				if len(receipts) != 1 || r.Verdict != receipt.Verified || r.Within != test.within || r.Method != test.method {
					t.Fatalf("receipts %+v", receipts)
				}
				down, up, copies := p.passed()
				if copies != test.copies || test.within && down+up != 0 || !test.within && (down != 5 || up != 5) {
					t.Errorf("%d bytes down, %d up, %d copies", down, up, copies)
				}
				was, err := p.from.Stat(t.Context(), objectstore.Ref{Bucket: usBucket, Key: key}, 0)
				is, err2 := p.to.Stat(t.Context(), objectstore.Ref{Bucket: euBucket, Key: key}, 0)
				if err = errors.Join(err, err2); err != nil || is.Size != was.Size || is.ContentType != was.ContentType ||
					is.CacheControl != was.CacheControl || is.StorageClass != was.StorageClass || is.TagCount != was.TagCount ||
					!maps.Equal(is.Metadata, was.Metadata) || !is.Lock.Same(was.Lock) {
					t.Errorf("%+v became %+v, %v", was, is, err)
				}
			}
		})
	}
}

// TestSomeHistory keeps the order of a history whose versions go both ways, and is given it again.
func TestSomeHistory(t *testing.T) {
	p := newPair(t)
	p.put(objectstore.NewObject{Key: "k"}, "one")
	p.blocks("k", "two")
	p.put(objectstore.NewObject{Key: "k"}, "three")
	if _, err := p.from.(objectstore.Writer).PutMarker(t.Context(), usBucket, "k"); err != nil {
		t.Fatal(err)
	}
	entries := p.planned()["k"]
	first := p.copy(entries[:1], nil)
	p.server.Requests()
	receipts := p.copy(entries, nil)
	var within []bool
	for i, r := range receipts {
		if r.Verdict != receipt.Verified || r.Held != (i == 0) {
			t.Errorf("receipt %d: %+v", i, r)
		}
		within = append(within, r.Within)
	}
	// What is there already is read at both ends: nothing else proves it, and the receipt says so.
	if !slices.Equal(within, []bool{false, false, true, false}) || !first[0].Within ||
		receipts[0].Method != receipt.ReadbackSHA256 {
		t.Errorf("within the service: %v of %+v", within, receipts)
	}
	if got := p.server.History("acmene", "records", "k"); got != "ppp" {
		t.Errorf("history %q", got)
	}
	if down, up, copies := p.passed(); down != 3+3+3 || up != 3 || copies != 1 {
		t.Errorf("%d bytes down, %d up, %d copies", down, up, copies)
	}
}

// TestSomeRefused is about what is not copied, and takes no other way for that.
func TestSomeRefused(t *testing.T) {
	t.Run("firewall", func(t *testing.T) {
		p := newPair(t)
		p.put(objectstore.NewObject{Key: "k"}, "bytes")
		p.server.Close("acmeus", true)
		p.server.Requests()
		r := p.copy(p.planned()["k"], nil)[0]
		if r.Verdict != receipt.Failed || !r.Lasting || !strings.Contains(r.Reason, "network rules") || r.Within {
			t.Errorf("receipt %+v", r)
		}
		if down, up, _ := p.passed(); down+up != 0 {
			t.Errorf("%d bytes passed", down+up)
		}
		// A plan that says so has the bytes pass.
		r = p.copy(p.planned()["k"], func(o *copier.Options) { o.Streamed = true })[0]
		if down, up, copies := p.passed(); r.Verdict != receipt.Verified || r.Within || down != 5 || up != 5 || copies != 0 {
			t.Errorf("streamed: %+v, %d bytes down, %d up", r, down, up)
		}
	})
	t.Run("written over", func(t *testing.T) {
		p := newPair(t)
		p.server.SetVersioning("acmeus", false)
		p.put(objectstore.NewObject{Key: "k"}, "bytes")
		entries := p.planned()["k"]
		p.to = meddled{Store: p.to, before: func() { p.put(objectstore.NewObject{Key: "k"}, "other") }}
		r := p.copy(entries, func(o *copier.Options) { o.Versioning = objectstore.Unversioned })[0]
		if r.Verdict != receipt.Failed || !strings.Contains(r.Reason, copier.ErrDrift.Error()) {
			t.Errorf("receipt %+v", r)
		}
		if got := p.server.History("acmene", "records", "k"); got != "" {
			t.Errorf("history %q", got)
		}
	})
	t.Run("lost answer", func(t *testing.T) {
		p := newPair(t)
		p.put(objectstore.NewObject{Key: "k"}, "bytes")
		lost := false
		p.server.Fail(func(r azure.Request) azure.Fault {
			if r.Op == "Put Blob From URL" && !lost {
				lost = true
				return azure.Fault{Lost: true}
			}
			return azure.Fault{}
		})
		r := p.copy(p.planned()["k"], nil)[0]
		if got := p.server.History("acmene", "records", "k"); r.Verdict != receipt.Verified || got != "c" || r.Within {
			t.Errorf("receipt %+v, history %q", r, got)
		}
	})
}

// meddled is a destination before whose copies something happens, or whose answers to them tell another MD5.
type meddled struct {
	objectstore.Store
	before func()
	sum    *objectstore.Checksum
}

func (m meddled) Capabilities() objectstore.Capabilities { return objectstore.CapabilitiesOf(m.Store) }
func (m meddled) CanCopyFrom(objectstore.End) bool       { return true }
func (m meddled) CopiesVersion(bucket string, v objectstore.Version) bool {
	return objectstore.CopiesVersion(m.Store, bucket, v)
}

func (m meddled) Copy(
	ctx context.Context, source objectstore.Ref, o objectstore.NewObject,
) (objectstore.Written, error) {
	if m.before != nil {
		m.before()
	}
	w, err := m.Store.Copy(ctx, source, o)
	if m.sum != nil {
		w.Sum = *m.sum
	}
	return w, err
}

// TestSomeUntold has a copy of which the service does not tell the MD5 read at both ends, and one of which it tells
// another found to be none.
func TestSomeUntold(t *testing.T) {
	for _, sum := range []objectstore.Checksum{{}, {Algorithm: objectstore.MD5, Value: fmt.Sprintf("%032d", 0)}} {
		p := newPair(t)
		p.put(objectstore.NewObject{Key: "k"}, "bytes")
		p.to = meddled{Store: p.to, sum: &sum}
		r := p.copy(p.planned()["k"], nil)[0]
		down, _, copies := p.passed()
		if sum.Value == "" && (r.Verdict != receipt.Verified || r.Method != receipt.ReadbackSHA256 || r.Within || down != 10) ||
			sum.Value != "" && r.Verdict != receipt.Mismatch || copies != 1 {
			t.Errorf("told %q: %+v, %d bytes down", sum.Value, r, down)
		}
	}
}

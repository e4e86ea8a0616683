package migrate_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
)

// vault makes a server behave as if some objects were archived until they are
// restored, which takes until done is called.
type vault struct {
	mu    sync.Mutex
	class map[string]string // by key
	asked map[string]string // the body of each request, by key
	ready bool
}

func (v *vault) fault(r storetest.Request) storetest.Fault {
	v.mu.Lock()
	defer v.mu.Unlock()
	class := v.class[r.Key]
	switch {
	case r.Operation == "ListObjectVersions":
		return storetest.Fault{ReplaceResponseBody: v.list}
	case class == "":
		return storetest.Fault{}
	case r.Operation == "RestoreObject":
		if v.asked[r.Key] != "" && !v.ready {
			return storetest.Fault{Status: 409, Code: "RestoreAlreadyInProgress"}
		}
		v.asked[r.Key] = r.Query.Get("versionId")
		return storetest.Fault{Status: 202, Code: "Accepted"}
	case r.Operation == "GetObject" && !v.ready:
		return storetest.Fault{Status: 403, Code: "InvalidObjectState"}
	}
	return storetest.Fault{}
}

// list rewrites a page of a listing.
func (v *vault) list(page []byte) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	parts := bytes.SplitAfter(page, []byte("</Version>"))
	for i, part := range parts {
		for key, class := range v.class {
			if !bytes.Contains(part, []byte("<Key>"+key+"</Key>")) {
				continue
			}
			status := ""
			switch {
			case v.asked[key] != "" && v.ready:
				status = "<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>2099-01-01T00:00:00.000Z</RestoreExpiryDate></RestoreStatus>"
			case v.asked[key] != "":
				status = "<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>"
			}
			parts[i] = bytes.Replace(part, []byte("<StorageClass>STANDARD</StorageClass>"),
				[]byte("<StorageClass>"+class+"</StorageClass>"+status), 1)
		}
	}
	return bytes.Join(parts, nil)
}

func newVault(f *fixture) *vault {
	v := &vault{class: map[string]string{"plain/00002": "GLACIER", "plain/00005": "DEEP_ARCHIVE"},
		asked: map[string]string{}}
	f.from.SetFault(v.fault)
	return v
}

func rules(issues []plan.Issue) []string {
	var out []string
	for _, i := range issues {
		out = append(out, i.Rule)
	}
	return out
}

// Archived versions block, unless the plan restores them: then a run asks for
// that, copies nothing, and a later one goes on.
func TestRestore(t *testing.T) {
	f := newFixture(t, true)
	f.fill(8, 100)
	before := f.snapshot(us, f.bucket)
	v := newVault(f)
	if p := f.plan("auto"); !slices.Equal(rules(p.Blockers), []string{"archived"}) || p.Blockers[0].Count != 2 {
		t.Errorf("blockers %+v, want two versions archived", p.Blockers)
	}
	f.restore = "Expedited"
	if p := f.plan("auto"); !slices.Equal(rules(p.Blockers), []string{"restore-tier"}) {
		t.Errorf("blockers %+v, want restore-tier: DEEP_ARCHIVE has no Expedited", p.Blockers)
	}
	f.restore = "Bulk"
	p := f.plan("auto")
	if len(p.Blockers) > 0 || !slices.Contains(rules(p.Warnings), "restore") {
		t.Fatalf("blockers %+v, warnings %v, want only the warning restore", p.Blockers, rules(p.Warnings))
	}
	for i, want := range []migrate.RestoringError{{Asked: 2}, {Waiting: 2}} {
		r, err := f.run(p)
		var waiting *migrate.RestoringError
		if !errors.As(err, &waiting) || waiting.Asked != want.Asked || waiting.Waiting != want.Waiting || r != nil {
			t.Fatalf("run %d: %v, want %d asked and %d waited for\n%s", i+1, err, want.Asked, want.Waiting, problems(r))
		}
		if n := f.from.Counts()["GetObject"]; n > 0 {
			t.Fatalf("%d versions were read before their restore", n)
		}
	}
	for key, id := range v.asked {
		if id == "" || !strings.Contains(before[key][0].VersionID, id) {
			t.Errorf("%s: version %q was restored, want %q", key, id, before[key][0].VersionID)
		}
	}
	f.intact(before)
	v.mu.Lock()
	v.ready = true
	v.mu.Unlock()
	if again := f.plan("auto"); again.Digest != p.Digest {
		t.Error("the digest changed with the restore")
	}
	r, err := f.run(p)
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.from.SetFault(nil)
	f.moved(before)
	if n := f.from.Counts()["RestoreObject"]; n != 2 {
		t.Errorf("%d RestoreObject, want one per archived version", n)
	}
}

// What is restored already needs no flag.
func TestRestoredAlready(t *testing.T) {
	f := newFixture(t, true)
	f.fill(8, 100)
	before := f.snapshot(us, f.bucket)
	v := newVault(f)
	v.ready = true
	v.asked["plain/00002"], v.asked["plain/00005"] = "x", "x"
	r, err := f.run(f.plan("auto"))
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.from.SetFault(nil)
	f.moved(before)
}

// Versions in the archive access tiers of INTELLIGENT_TIERING come back for good, which
// Amazon takes no days for; which ones are there, each is asked.
func TestRestoreOutOfAccessTiers(t *testing.T) {
	a := versionedOnAmazon(t)
	in := func(class types.StorageClass) func(*s3.PutObjectInput) {
		return func(in *s3.PutObjectInput) { in.StorageClass = class }
	}
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		a.put(key, "text", in(types.StorageClassIntelligentTiering))
	}
	a.put("f", "text", in(types.StorageClassGlacier))
	a.put("g", "text", nil)
	a.server.SetArchiveTier(amazonSource, "b", "ARCHIVE_ACCESS") // planning asks about it
	a.server.SetArchiveTier(amazonSource, "c", "DEEP_ARCHIVE_ACCESS")
	if p := a.plan(); !slices.Equal(rules(p.Blockers), []string{"archived", "archive-access-tier"}) {
		t.Errorf("blockers %v", rules(p.Blockers))
	}
	a.restore = "Expedited"
	p := a.plan()
	if len(p.Blockers) > 0 {
		t.Fatalf("blockers %+v", p.Blockers)
	}
	if _, err := a.run(p); err == nil || !strings.Contains(err.Error(),
		"DEEP_ARCHIVE_ACCESS cannot be restored at tier Expedited") {
		t.Errorf("run: %v, want that there is no such tier", err)
	}
	a.restore = "Standard"
	p = a.plan()
	if i := slices.IndexFunc(p.Warnings, func(w plan.Issue) bool { return w.Rule == "restore-tiering" }); i < 0 ||
		p.Warnings[i].Count != 5 {
		t.Errorf("warnings %+v", p.Warnings)
	}
	for i, want := range []migrate.RestoringError{{Asked: 3}, {Waiting: 2}} {
		_, err := a.run(p)
		var waiting *migrate.RestoringError
		if !errors.As(err, &waiting) || waiting.Asked != want.Asked || waiting.Waiting != want.Waiting ||
			waiting.Until.Before(time.Now().Add(11*time.Hour)) {
			t.Fatalf("run %d: %v, want %d asked and %d waited for, 12 hours long", i+1, err, want.Asked, want.Waiting)
		}
	}
	a.server.EndRestores(amazonSource)
	if again := a.plan(); again.Digest != p.Digest {
		t.Error("the digest changed with the restore")
	}
	r, err := a.run(p)
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	for _, key := range []string{"b", "c"} {
		if h := a.head(key); h.StorageClass != types.StorageClassIntelligentTiering {
			t.Errorf("%s is in %s", key, h.StorageClass)
		}
	}
}

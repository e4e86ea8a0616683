package migrate_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/inventory/remedy"
)

// A role that STS takes away in the middle ends the run, at once and by its name: no entry
// fails for it. Given back, the run resumes.
func TestRoleTakenAway(t *testing.T) {
	f := newFixture(t, true)
	f.fill(300, 100)
	before := f.snapshot(us, f.bucket)
	var taken atomic.Bool
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if taken.Load() {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")
			return
		}
		// Over already, so that it is asked for each request.
		fmt.Fprintf(w, "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s"+
			"</SecretAccessKey><SessionToken></SessionToken><Expiration>2020-01-01T00:00:00Z</Expiration></Credentials>"+
			"</AssumeRoleResult></AssumeRoleResponse>", f.box.AccessKey, f.box.SecretKey)
	}))
	defer sts.Close()
	settings := filepath.Join(t.TempDir(), "config")
	f.must(nil, os.WriteFile(settings, []byte("[profile role]\nrole_arn = arn:aws:iam::111122223333:role/r\n"+
		"source_profile = sandbox\n"), 0o600))
	t.Setenv("AWS_CONFIG_FILE", settings)
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	var err error
	f.provider, err = s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "role", Backoff: atOnce,
		Endpoints: map[string]string{us: f.from.URL(), eu: f.to.URL()}})
	f.must(nil, err)
	p := f.plan("auto")
	sent := f.to.Counts()["PutObject"]
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "PutObject" && r.N >= sent+60 {
			taken.Store(true)
		}
		return storetest.Fault{}
	})
	r, err := f.run(p)
	if !errors.Is(err, objectstore.ErrCredentials) || errors.Is(err, objectstore.ErrDenied) ||
		!strings.Contains(fmt.Sprint(err), "STS does not let these credentials have the role") ||
		!strings.Contains(remedy.For(err), "sts:AssumeRole") {
		t.Errorf("%v; next: %s", err, remedy.For(err))
	}
	if r != nil && (r.Verdicts["failed"] > 0 || len(r.Problems) > 0) {
		t.Errorf("entries failed for it: %s", problems(r))
	}
	if n := f.to.Counts()["PutObject"] - sent; n < 60 || n > 100 {
		t.Errorf("%d objects were sent; the role was to be taken away in the middle", n)
	}
	f.intact(before)
	f.to.SetFault(nil)
	taken.Store(false)
	if r, err = f.run(p); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
}

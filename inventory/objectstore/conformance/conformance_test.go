package conformance_test

import (
	"bytes"
	"flag"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore/conformance"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
)

const region = "eu-west-1"

var update = flag.Bool("update", false, "write the table into the help topic compatibility")

// server is one kind and what it is known not to offer. A line too many or too
// few is news: change it here, and the table with -update.
type server struct {
	name   string
	start  func(t *testing.T) *storetest.Sandbox
	kmsKey string
	gaps   []string
	// silent are checks whose outcome says nothing: what an emulator answers is
	// not what the service does.
	silent []string
}

func servers() []server {
	return []server{
		{
			name: "versitygw 1.8",
			start: func(t *testing.T) *storetest.Sandbox {
				return storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{region}})
			},
			gaps: []string{
				"storage class",
				"access control list of an object",
				"SSE-KMS under a named key",
				"SSE-C",
				"a null version on top of others",
				"keys that end in `/`",
				"`dir` beside `dir/file`",
				"keys with `//`",
				"keys that begin with `/`",
				"keys with `.` and `..` segments",
				"keys with control characters",
				"keys of 1,024 bytes in one segment",
				"If-None-Match on a copy's destination",
				"bucket's encryption",
				"bucket's public access block",
				"bucket's request payment",
				"bucket's lifecycle",
			},
		},
		{
			name:   "MinIO 2025",
			start:  func(t *testing.T) *storetest.Sandbox { return storetest.StartMinIOWithTLS(t, region) },
			kmsKey: storetest.MinIOKey,
			gaps: []string{
				"website redirect of an object",
				"access control list of an object",
				"delete markers on delete markers",
				"keys that end in `/`",
				"`dir` beside `dir/file`",
				"keys with `//`",
				"keys that begin with `/`",
				"keys with `.` and `..` segments",
				"keys of 1,024 bytes in one segment",
				"If-Match on DELETE",
				"If-None-Match on a copy's destination",
				"bucket's ownership controls",
				"bucket's public access block",
				"bucket's CORS",
				"bucket's website",
				"bucket's request payment",
			},
		},
		{
			name:   "moto 5.2",
			start:  func(t *testing.T) *storetest.Sandbox { return storetest.StartMoto(t, region) },
			kmsKey: "alias/aws/s3",
			gaps: []string{
				"keys with control characters",
				"bucket's request payment",
			},
			silent: aboutBytes(),
		},
	}
}

// aboutBytes are the checks that an emulator is no judge of: it takes wrong
// checksums for right, keeps times in whole seconds, encrypts nothing, and fails
// when it is asked about retention.
func aboutBytes() []string {
	var names []string
	for _, c := range conformance.Checks() {
		for _, part := range []string{"checksum ", "refuses a wrong ", "parts", "composite", "SSE-", "Match on ",
			"condition of", "markers", "null version", "retention", "legal hold"} {
			if strings.Contains(c.Name, part) {
				names = append(names, c.Name)
				break
			}
		}
	}
	return names
}

// TestServers holds what servers do against what they are known to do.
func TestServers(t *testing.T) {
	for _, kind := range servers() {
		t.Run(strings.Fields(kind.name)[0], func(t *testing.T) {
			compare(t, subject(t, kind), kind)
		})
	}
}

// compare runs the checks that say something, and holds their outcome against what is known.
func compare(t *testing.T, s *conformance.Subject, kind server) {
	t.Helper()
	var gaps []string
	for _, c := range conformance.Checks() {
		if slices.Contains(kind.silent, c.Name) {
			continue
		}
		offered, err := conformance.Offers(t.Context(), c, s)
		if err != nil {
			t.Errorf("%v", err)
		} else if !offered {
			gaps = append(gaps, c.Name)
		}
	}
	if got, want := strings.Join(gaps, "\n"), strings.Join(kind.gaps, "\n"); got != want {
		t.Errorf("%s does not offer\n%s\nknown:\n%s", kind.name, got, want)
	}
}

func subject(t *testing.T, kind server) *conformance.Subject {
	t.Helper()
	box := kind.start(t)
	proxy := box.Proxy(t, region) // which speaks plain http to us
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
	key, err := s3store.NewCustomerKey(bytes.Repeat([]byte("k"), 32))
	if err != nil {
		t.Fatal(err)
	}
	provider, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox",
		CustomerKeys: []s3store.CustomerKey{key}, Endpoints: map[string]string{region: proxy.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	s := &conformance.Subject{Store: provider.Region(region), Versioned: "conformance-versions",
		Plain: "conformance-plain", KMSKey: kind.kmsKey, CustomerKey: key.Name()}
	begin(t, s)
	return s
}

// begin makes the buckets that are examined.
func begin(t *testing.T, s *conformance.Subject) {
	t.Helper()
	for bucket, lock := range map[string]bool{s.Versioned: true, s.Plain: false} {
		if err := s.Store.CreateBucket(t.Context(), bucket, lock); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTable holds the tables of the help topics against the servers' known gaps, which
// TestServers holds against the servers.
func TestTable(t *testing.T) {
	table(t, "compatibility.md", "conformance", servers())
	table(t, "clouds.md", "conformance of Azure and Google", []server{standIn(), fakeGCS(), azureStandIn()})
}

func table(t *testing.T, topic, name string, kinds []server) {
	t.Helper()
	var names []string
	var offered [][]*bool
	for _, kind := range kinds {
		names = append(names, kind.name)
		column := make([]*bool, 0, len(conformance.Checks()))
		known := map[string]bool{}
		for _, c := range conformance.Checks() {
			known[c.Name] = true
			yes := !slices.Contains(kind.gaps, c.Name)
			if slices.Contains(kind.silent, c.Name) {
				column = append(column, nil)
				continue
			}
			column = append(column, &yes)
		}
		for _, gap := range append(slices.Clone(kind.gaps), kind.silent...) {
			if !known[gap] {
				t.Errorf("%s: no check is called %q", kind.name, gap)
			}
		}
		offered = append(offered, column)
	}
	path := filepath.Join("..", "..", "..", "cmd", "internal", "manual", "topics", topic)
	storetest.Generated(t, path, name, conformance.Table(names, offered), *update)
}

package main

import (
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest"
)

var update = flag.Bool("update", false, "write the table of requests into the help topic compatibility")

// samples is how many requests about single objects a plan may send to see what they are like, and a run for its probes.
const samples = 40

// TestRequestsPerObject moves objects of 4 KiB, whose bytes are all that they have, between services, counts the
// requests about them, and writes the table of the topic compatibility.
func TestRequestsPerObject(t *testing.T) {
	const objects = 200
	var b strings.Builder
	b.WriteString("| from, to | at the source | at the destination | to erase |\n|---|---|---|---|\n")
	for _, tt := range []struct {
		from, to             string
		read, written, erase string
	}{
		{"s3", "azure", "1 GetObject", "1 Put Blob", "DeleteObjects for 1,000"},
		{"azure", "s3", "1 Get Blob", "1 PutObject", "2 Delete Blob"},
		{"s3", "gcs", "1 GetObject", "1 objects.insert", "DeleteObjects for 1,000"},
		{"gcs", "s3", "2 objects.get", "1 PutObject", "1 objects.delete"},
		{"azure", "azure", "1 Get Blob Properties", "1 Put Blob From URL", "2 Delete Blob"},
		{"gcs", "gcs", "1 objects.get", "1 objects.rewrite", "1 objects.delete"},
	} {
		fmt.Fprintf(&b, "| %s, %s | %s | %s | %s |\n", tt.from, tt.to, tt.read, tt.written, tt.erase)
		t.Run(tt.from+" to "+tt.to, func(t *testing.T) {
			p := newMoved(t, tt.from, tt.to)
			for i := range objects {
				p.clouds["from"].plain(t, fmt.Sprintf("%s%04d", countedKeys, i), 4<<10)
			}
			for _, c := range p.clouds {
				c.requests()
			}
			code, out, errs := p.run("migrate", "--to", p.to, "--customer", "acme", "--yes")
			if code != 0 {
				t.Fatalf("exit code %d\n%s%s", code, out, errs)
			}
			got, few := p.perObject(objects)
			want := []string{tt.read, tt.written, tt.erase}
			want = slices.DeleteFunc(want, func(s string) bool { return strings.Contains(s, "1,000") })
			slices.Sort(want)
			if !slices.Equal(got, want) || few > samples {
				t.Errorf("%q for each object, and %d more; want %q, and at most %d", got, few, want, samples)
			}
		})
	}
	storetest.Generated(t, filepath.Join("..", "internal", "manual", "topics", "compatibility.md"), "requests", b.String(),
		*update)
}

// perObject are the requests that were sent for each of so many objects, and how many there were besides.
func (p *moved) perObject(objects int) (each []string, few int) {
	for _, c := range p.clouds {
		for name, n := range c.requests() {
			_, operation, _ := strings.Cut(name, " ")
			p.t.Logf("%s: %d", name, n)
			if n >= objects {
				each = append(each, fmt.Sprintf("%d %s", n/objects, strings.TrimPrefix(operation, "storage.")))
			}
			few += n % objects
		}
	}
	slices.Sort(each)
	return each, few
}

// moved is a migration between two services, or within one.
type moved struct{ permittedClouds }

func newMoved(t *testing.T, from, to string) *moved {
	t.Helper()
	p := &moved{permittedClouds: permittedClouds{t: t, dir: t.TempDir(), clouds: map[string]*cloud{
		"from": newCloud(t, from, "from")}}}
	config := "version: 1\nstate: state\nproviders:\n  from: " + p.clouds["from"].config + "\n"
	if p.to = "from:" + map[string]string{"azure": "northeurope", "gcs": "europe-west1"}[to]; from != to {
		p.clouds["to"] = newCloud(t, to, "to")
		config += "  to: " + p.clouds["to"].config + "\n"
		p.to = "to:" + p.clouds["to"].region
	}
	config += "customers:\n  acme: {data: [\"from:" + p.clouds["from"].bucket + "\"]}\n"
	p.env = configured(t, p.dir, config, to)
	return p
}

// TestHeldVersionsAreNotMovedWithoutTheirLocks: no bucket of these services says that its versions have locks, and each
// version does. It is not copied as if it had none, and nothing is erased.
func TestHeldVersionsAreNotMovedWithoutTheirLocks(t *testing.T) {
	p := newMoved(t, "gcs", "azure")
	from := p.clouds["from"]
	from.plain(t, "free", 3)
	kept := objectstore.NewObject{Bucket: from.bucket, Key: "kept"}
	kept.Lock = objectstore.Lock{Mode: "GOVERNANCE", Until: time.Now().Add(time.Hour)}
	_, err := from.store.Put(t.Context(), kept, objectstore.Body{Reader: strings.NewReader("x"), Size: 1})
	must(t, err)
	code, out, errs := p.run("migrate", "--to", p.to, "--customer", "acme", "--yes")
	if code != 5 || !strings.Contains(out+errs, "retention or a hold") {
		t.Errorf("exit code %d, want 5\n%s%s", code, out, errs)
	}
	for _, key := range []string{"free", "kept"} {
		if _, err := from.store.Stat(t.Context(), objectstore.Ref{Bucket: from.bucket, Key: key}, 0); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/conformance"
	"github.com/residency/residency/inventory/objectstore/gcsstore"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
)

// googleKey is a key that the stand-in has.
const googleKey = "projects/project/locations/europe-west3/keyRings/ring/cryptoKeys/key"

// standIn is Google Cloud Storage as package google has it: what its column claims rests on
// Google's documentation. Its gaps are what Google has no place for, and what stands in the
// form of S3 alone, such as the names of storage classes and the settings.
func standIn() server {
	return server{name: "Google (by its documentation)", kmsKey: googleKey, gaps: googleGaps(nil)}
}

// fakeGCS is a stand-in of others, which compares no conditions of deletions and copies, and
// passes over holds and keys: what it carries as well rests on two readings of the
// documentation. What it says of storage classes, and of sums that it takes for right, is
// nothing.
func fakeGCS() server {
	return server{name: "fake-gcs-server 1.56", silent: []string{"storage class"}, gaps: googleGaps([]string{
		"legal hold", "SSE-KMS under a named key", "If-Match on DELETE", "source's ETag as a condition of a copy",
		"If-None-Match on a copy's destination"}, "storage class")}
}

// googleGaps are in the order of the checks, with some more, and without others.
func googleGaps(more []string, without ...string) []string {
	all := append(more, settingsOfS3()...)
	all = append(all, noPlace()...)
	var gaps []string
	for _, c := range conformance.Checks() {
		if slices.Contains(all, c.Name) && !slices.Contains(without, c.Name) {
			gaps = append(gaps, c.Name)
		}
	}
	return gaps
}

// noPlace is what Google has no place for.
func noPlace() []string {
	return []string{
		"system headers", // Expires
		"website redirect of an object",
		"object tags",
		"storage class",
		"access control list of an object",
		"checksum SHA-256",
		"refuses a wrong SHA-256",
		"checksum SHA-1",
		"refuses a wrong SHA-1",
		"checksum CRC-64/NVME",
		"refuses a wrong CRC-64/NVME",
		"checksum CRC-32",
		"refuses a wrong CRC-32",
		"SSE-C",
		"parts by number, uneven",
		"composite SHA-256",
		"full CRC-64/NVME of parts",
		"versions and delete markers, in order", // but for one on top
		"delete markers on delete markers",
		"a null version on top of others",
		"keys with control characters", // line breaks
	}
}

func settingsOfS3() []string {
	return []string{"bucket's encryption", "bucket's ownership controls", "bucket's public access block",
		"bucket's CORS", "bucket's website", "bucket's request payment", "bucket's policy", "bucket's lifecycle"}
}

func TestGoogle(t *testing.T) {
	server := google.Start(t, google.Options{KMSKeys: []string{googleKey}})
	compare(t, googleSubject(t, server.URL), standIn())
}

// TestFakeGCSServer does the same with fake-gcs-server, if RESIDENCY_FAKE_GCS names its
// program.
func TestFakeGCSServer(t *testing.T) {
	program := os.Getenv("RESIDENCY_FAKE_GCS")
	if program == "" {
		t.Skip("RESIDENCY_FAKE_GCS is not set")
	}
	compare(t, googleSubject(t, fakeGCSServer(t, program)), fakeGCS())
}

// fakeGCSServer runs the program on loopback, and returns its address once it answers.
func fakeGCSServer(t *testing.T, program string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err = errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, program, "-scheme", "http", "-host", host, "-port", port, "-backend", "memory")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = command.Wait() // it was killed
	})
	address := "http://" + net.JoinHostPort(host, port)
	// The store asks again until somebody answers, which is waited for in this way.
	provider, err := gcsstore.Open(t.Context(), gcsstore.Options{Name: "cloud", Endpoint: address, Project: "project",
		Backoff: func(attempts int) time.Duration { return time.Duration(attempts) * time.Second }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Region("").Buckets(t.Context()); errors.Is(err, objectstore.ErrUnanswered) {
		t.Fatal(err)
	}
	return address
}

// TestGoogleRanges lists by many requests, as a clock that goes fast makes it worth while: what
// comes is what one request after the other finds.
func TestGoogleRanges(t *testing.T) {
	// How many versions some keys have. A token of fake-gcs-server is a name: behind a page that
	// ends in the midst of a history it goes astray, and the listing fails, as it should.
	servers := map[string]int{google.Start(t, google.Options{}).URL: 7}
	if program := os.Getenv("RESIDENCY_FAKE_GCS"); program != "" {
		servers[fakeGCSServer(t, program)] = 1
	}
	for address, versions := range servers {
		var ticks, cuts atomic.Int64
		open := func(listers int) objectstore.Store {
			p, err := gcsstore.Open(t.Context(), gcsstore.Options{Name: "cloud", Project: "project", Endpoint: address,
				Regions: []string{"europe-west3"}, PageSize: 5, Listers: listers,
				Now: func() time.Time { return time.Now().Add(time.Duration(ticks.Add(1)) * 50 * time.Millisecond) },
				Observe: func(x objectstore.Exchange) {
					if u, err := url.Parse(x.URL); err == nil && u.Query().Get("startOffset") != "" &&
						u.Query().Get("pageToken") == "" {
						cuts.Add(1)
					}
				}})
			if err != nil {
				t.Fatal(err)
			}
			return p.Region("")
		}
		s := open(1)
		if err := s.CreateBucket(t.Context(), "ranges", false); err != nil {
			t.Fatal(err)
		}
		if err := s.SetVersioning(t.Context(), "ranges", objectstore.Enabled); err != nil {
			t.Fatal(err)
		}
		for i := range 300 {
			for range 1 + (versions-1)*(i%97/96) {
				_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "ranges", Key: fmt.Sprintf("é/%04d", i)},
					objectstore.Body{Reader: strings.NewReader("x"), Size: 1})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		shown := func(s objectstore.Store) (all []string) {
			for v, err := range s.Versions(t.Context(), "ranges", "", "") {
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, fmt.Sprint(v.Key, v.VersionID, v.Marker, v.Latest, v.ETag))
			}
			return all
		}
		if one, many := shown(s), shown(open(0)); !slices.Equal(one, many) || len(one) != 297+3*versions {
			t.Errorf("%s: %d entries and %d", address, len(one), len(many))
		}
		if cuts.Load() == 0 {
			t.Errorf("%s: no range was begun", address)
		}
	}
}

func googleSubject(t *testing.T, address string) *conformance.Subject {
	t.Helper()
	provider, err := gcsstore.Open(t.Context(), gcsstore.Options{Name: "cloud", Project: "project", Endpoint: address,
		Regions: []string{"europe-west3"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &conformance.Subject{Store: provider.Region(""), Versioned: "conformance-versions", Plain: "conformance-plain",
		KMSKey: googleKey}
	begin(t, s)
	return s
}

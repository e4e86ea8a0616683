package azurestore_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/conformance"
)

// gaps are what Azure does not have of what S3 has, whoever stands in for it.
func gaps() []string {
	return []string{
		"system headers", // of which Expires is one
		"website redirect of an object",
		"object tags", // of which the check has one with an @
		"storage class",
		"access control list of an object",
		// No checksum is kept, and none compared but the one.
		"checksum SHA-256", "refuses a wrong SHA-256", "checksum SHA-1", "refuses a wrong SHA-1", "checksum CRC-64/NVME",
		"checksum CRC-32C", "refuses a wrong CRC-32C", "checksum CRC-32", "refuses a wrong CRC-32",
		"SSE-KMS under a named key", "SSE-C",
		"parts by number, uneven", "composite SHA-256", "full CRC-64/NVME of parts",
		"versions and delete markers, in order", // an inner marker leaves no trace
		"delete markers on delete markers",
		"keys with spaces, quotes, `+ % ? # &`", // of which one has a backslash
		"keys that end in `/`", "keys with `.` and `..` segments",
		"source's ETag as a condition of a copy", "If-None-Match on a copy's destination",
		"bucket's encryption", "bucket's ownership controls", "bucket's public access block", "bucket's CORS",
		"bucket's website", "bucket's request payment", "bucket's policy", "bucket's lifecycle",
	}
}

// conforms holds what a service does against what it is known not to do.
func conforms(t *testing.T, s *conformance.Subject, known []string, silent ...string) {
	t.Helper()
	var all []string
	for _, c := range conformance.Checks() {
		all = append(all, c.Name)
		if slices.Contains(silent, c.Name) {
			continue
		}
		offered, err := conformance.Offers(t.Context(), c, s)
		if errors.Is(err, objectstore.ErrRejected) {
			offered, err = false, nil // refused here, before anything is sent
		}
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if want := !slices.Contains(known, c.Name); offered != want {
			t.Errorf("%s: offered is %t", c.Name, offered)
		}
	}
	for _, name := range slices.Concat(known, silent) {
		if !slices.Contains(all, name) {
			t.Errorf("no check is called %q", name)
		}
	}
}

// TestConformance is on the strict stand-in.
func TestConformance(t *testing.T) {
	_, s := start(t, nil)
	conforms(t, &conformance.Subject{Store: s, Versioned: versioned + records, Plain: plain + records}, gaps())
}

// TestAzurite is on Microsoft's emulator, whose program RESIDENCY_AZURITE names. It has no versions, and obeys what the
// service refuses, so that it says nothing of either.
func TestAzurite(t *testing.T) {
	program := os.Getenv("RESIDENCY_AZURITE")
	if program == "" {
		t.Skip("RESIDENCY_AZURITE names no program")
	}
	const name = "devstoreaccount1"
	key := []byte("a key of a test, which anybody may know")
	endpoint := azurite(t, program, name, key)
	s := open(t, azurestore.Options{Endpoint: endpoint, Regions: map[string][]string{"westeurope": {name}},
		SharedKeys: map[string][]byte{name: key}}).Region("westeurope")
	subject := &conformance.Subject{Store: s, Versioned: name + ".versioned", Plain: name + ".plain"}
	for _, bucket := range []string{subject.Versioned, subject.Plain} {
		if err := s.CreateBucket(t.Context(), bucket, false); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateBucket(t.Context(), bucket, false); !errors.Is(err, objectstore.ErrExists) {
			t.Errorf("made twice: %v", err)
		}
	}
	silent := []string{"a null version on top of others", "retention, governance", "retention, compliance", "legal hold"}
	for _, c := range conformance.Checks() { // of keys: they look for versions with IDs
		if strings.HasPrefix(c.Name, "keys ") || strings.HasPrefix(c.Name, "`dir`") {
			silent = append(silent, c.Name)
		}
	}
	conforms(t, subject, gaps(), silent...)
}

// azurite runs the emulator until the test ends.
func azurite(t *testing.T, program, name string, key []byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := exec.CommandContext(t.Context(), program, "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", port,
		"--disableTelemetry", "--skipApiVersionCheck")
	c.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+name+":"+base64.StdEncoding.EncodeToString(key))
	c.Stdout, c.Stderr, c.WaitDelay = &log, &log, 5*time.Second
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Wait() })
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if n, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second); err == nil {
			_ = n.Close()
			return "http://127.0.0.1:" + port
		}
		if err := objectstore.Sleep(t.Context(), 50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("azurite does not answer: %s", strings.TrimSpace(log.String()))
	return ""
}

package conformance_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/conformance"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
)

// azureStandIn is Azure Blob Storage as package azure has it: what its column claims rests on Microsoft's
// documentation. Its gaps are what Azure has no place for, and what stands in the form of S3 alone.
func azureStandIn() server {
	return server{
		name: "Azure (by its documentation)",
		gaps: append([]string{
			"system headers", // Expires
			"website redirect of an object",
			"object tags", // the check has one with an @
			"storage class",
			"access control list of an object",
			"checksum SHA-256",
			"refuses a wrong SHA-256",
			"checksum SHA-1",
			"refuses a wrong SHA-1",
			"checksum CRC-64/NVME", // it is compared, and not kept
			"checksum CRC-32C",
			"refuses a wrong CRC-32C",
			"checksum CRC-32",
			"refuses a wrong CRC-32",
			"SSE-KMS under a named key",
			"SSE-C",
			"parts by number, uneven",
			"composite SHA-256",
			"full CRC-64/NVME of parts",
			"versions and delete markers, in order", // but for one on top
			"delete markers on delete markers",
			"keys with spaces, quotes, `+ % ? # &`", // one has a backslash
			"keys that end in `/`",
			"keys with `.` and `..` segments",
		}, settingsOfS3()...),
	}
}

// bearer gives everybody the token of the stand-in.
type bearer string

func (b bearer) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(b), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestAzure(t *testing.T) {
	server := azure.Start(t, azure.Options{
		Accounts: []azure.Account{{Name: "versions", Versioning: true}, {Name: "plain"}}})
	provider, err := azurestore.Open(t.Context(), azurestore.Options{Name: "blob", Endpoint: server.URL,
		ARMEndpoint: server.URL, Subscription: server.Subscription(), Credential: bearer(server.Token())})
	if err != nil {
		t.Fatal(err)
	}
	s := &conformance.Subject{Store: provider.Region("westeurope"), Versioned: "versions.records", Plain: "plain.records"}
	begin(t, s)
	compare(t, s, azureStandIn())
}

// TestAzurite does the same with Microsoft's own stand-in, if RESIDENCY_AZURITE names its program: what both do alike
// rests on two readings. It has no versions and takes locks without keeping them, so that it says nothing of either.
func TestAzurite(t *testing.T) {
	program := os.Getenv("RESIDENCY_AZURITE")
	if program == "" {
		t.Skip("RESIDENCY_AZURITE is not set")
	}
	const name = "devstoreaccount1"
	key := []byte("a key of a test, which anybody may know")
	provider, err := azurestore.Open(t.Context(), azurestore.Options{Name: "blob",
		Endpoint: azurite(t, program, name, key), Regions: map[string][]string{"westeurope": {name}}, SharedKeys: map[string][]byte{name: key}})
	if err != nil {
		t.Fatal(err)
	}
	s := &conformance.Subject{Store: provider.Region("westeurope"), Versioned: name + ".versioned", Plain: name + ".plain"}
	for _, bucket := range []string{s.Versioned, s.Plain} {
		if err := s.Store.CreateBucket(t.Context(), bucket, false); err != nil {
			t.Fatal(err)
		}
		if err := s.Store.CreateBucket(t.Context(), bucket, false); !errors.Is(err, objectstore.ErrExists) {
			t.Errorf("made twice: %v", err)
		}
	}
	known := azureStandIn()
	known.silent = []string{"a null version on top of others", "retention, governance", "retention, compliance",
		"legal hold"}
	for _, c := range conformance.Checks() { // of keys: they look for versions with IDs
		if strings.HasPrefix(c.Name, "keys ") || strings.HasPrefix(c.Name, "`dir`") {
			known.silent = append(known.silent, c.Name)
		}
	}
	known.gaps = slices.DeleteFunc(known.gaps, func(name string) bool { return slices.Contains(known.silent, name) })
	compare(t, s, known)
	upload(t, s.Store, s.Plain)
}

// upload makes an object of parts, and erases it.
func upload(t *testing.T, s objectstore.Store, bucket string) {
	t.Helper()
	o := objectstore.NewObject{Bucket: bucket, Key: "parts", Guard: objectstore.Guard{Absent: true}}
	id, err := s.CreateUpload(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var parts []objectstore.Part
	for i, text := range []string{"1234", "56789"} {
		p, err := s.UploadPart(t.Context(), bucket, o.Key, id, i+1, objectstore.Body{Reader: strings.NewReader(text),
			Size: int64(len(text))})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p)
	}
	n := 0
	for u, err := range s.Uploads(t.Context(), bucket, o.Key) {
		if n++; err != nil || u.UploadID != id || u.Key != o.Key {
			t.Errorf("upload %v, %v", u, err)
		}
	}
	held, err := s.(objectstore.PartLister).Parts(t.Context(), bucket, o.Key, id)
	if err != nil || n != 1 || len(held) != 2 || held[1].Size != 5 {
		t.Errorf("%d uploads, parts %v, %v", n, held, err)
	}
	const sum = "rosUhgp5mIg=" // of "123456789" (Catalogue of parametrised CRC algorithms, CRC-64/NVME)
	w, err := s.CompleteUpload(t.Context(), o, id, parts, objectstore.Checksum{})
	if err != nil || w.Checksum.Value != sum {
		t.Fatalf("%+v, %v", w, err)
	}
	if _, err := s.UploadPart(t.Context(), bucket, o.Key, id, 1, objectstore.Body{Reader: strings.NewReader("x"),
		Size: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CompleteUpload(t.Context(), o, id, parts[:1], objectstore.Checksum{}); !errors.Is(err,
		objectstore.ErrPrecondition) {
		t.Errorf("over what is there: %v", err)
	}
	d := objectstore.Deletion{Key: o.Key, VersionID: objectstore.NullVersion, ETag: w.ETag}
	if errs, err := s.Delete(t.Context(), bucket, []objectstore.Deletion{d}); err != nil || errs[0] != nil {
		t.Errorf("%v, %v", errs, err)
	}
	for v, err := range s.Versions(t.Context(), bucket, o.Key, "") {
		t.Errorf("left: %v, %v", v, err)
	}
	for d, err := range s.(objectstore.DeletedLister).Deleted(t.Context(), bucket, o.Key) {
		t.Errorf("kept: %v, %v", d, err)
	}
}

// azurite runs the emulator until the test ends.
func azurite(t *testing.T, program, name string, key []byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err = errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, program, "--inMemoryPersistence", "--blobHost", host, "--blobPort", port,
		"--disableTelemetry", "--skipApiVersionCheck")
	c.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+name+":"+base64.StdEncoding.EncodeToString(key))
	c.Stdout, c.Stderr, c.WaitDelay = &log, &log, 5*time.Second
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = c.Wait() })
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if n, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), time.Second); err == nil {
			_ = n.Close()
			return "http://" + net.JoinHostPort(host, port)
		}
		if err := objectstore.Sleep(t.Context(), 50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("azurite does not answer: %s", strings.TrimSpace(log.String()))
	return ""
}

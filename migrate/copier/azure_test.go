package copier_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// token is the one that a stand-in for Azure believes.
type token string

func (k token) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(k), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// Objects that are too large for the memory go to Azure in blocks, whose sums make that of the whole,
// and from there to S3. Each way is proven by what was sent.
func TestAzureBlocks(t *testing.T) {
	server := azure.Start(t, azure.Options{Accounts: []azure.Account{{Name: "acme", Versioning: true}}})
	server.Container("acme", "records")
	provider, err := azurestore.Open(t.Context(), azurestore.Options{Name: "blob", Endpoint: server.URL,
		ARMEndpoint: server.URL, Subscription: server.Subscription(), Credential: token(server.Token())})
	if err != nil {
		t.Fatal(err)
	}
	blob := provider.Region("westeurope")
	s3 := func() *memstore.Store {
		s := memstore.New(memstore.Options{Endpoint: "s3", Now: time.Now}).Region("x")
		if err := s.CreateBucket(t.Context(), "b", false); err != nil {
			t.Fatal(err)
		}
		return s
	}
	from, to := s3(), s3()
	for i, size := range []int{0, 1, 5 << 20, 17<<20 + 3} {
		o := objectstore.NewObject{Bucket: "b", Key: fmt.Sprintf("k%d", i), Attributes: objectstore.Attributes{
			Metadata: map[string]string{"with-hyphen": "x"}}}
		if _, err := from.Put(t.Context(), o, objectstore.Body{Reader: strings.NewReader(strings.Repeat("x", size)),
			Size: int64(size)}); err != nil {
			t.Fatal(err)
		}
	}
	server.Requests()
	move(t, from, "b", blob, "acme.records", objectstore.Enabled)
	if n := server.Count(); n["Put Block List"] == 0 || n["Put Block"] < 2 {
		t.Errorf("nothing went in blocks: %v", n)
	}
	move(t, blob, "acme.records", to, "b", objectstore.Unversioned)
	for i := range 4 {
		ref := objectstore.Ref{Bucket: "b", Key: fmt.Sprintf("k%d", i)}
		was, err := from.Stat(t.Context(), ref, 0)
		is, err2 := to.Stat(t.Context(), ref, 0)
		if err = errors.Join(err, err2); err != nil || was.Size != is.Size || is.Metadata["with-hyphen"] != "x" {
			t.Errorf("%s: %+v became %+v, %v", ref.Key, was, is, err)
		}
	}
}

// move copies everything and has each proven.
func move(
	t *testing.T, from objectstore.Store, a string, to objectstore.Store, b string, versioning objectstore.Versioning,
) {
	t.Helper()
	c := copier.New(from, a, to, b, copier.Options{Versioning: versioning, Buffered: 2 << 20, Attempts: 1,
		Limits: objectstore.Limits{Single: 6 << 20, Part: 100 << 20, Parts: 10_000, Object: 1 << 40}})
	for v, err := range from.Versions(t.Context(), a, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if err := c.History(t.Context(), []manifest.Entry{manifest.FromVersion(v)}, nil, nil, func(r receipt.Receipt) error {
			if r.Verdict != receipt.Verified {
				t.Errorf("%s of %d bytes: %s (%s)", v.Key, v.Size, r.Verdict, r.Reason)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

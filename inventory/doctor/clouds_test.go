package doctor_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/gcsstore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
)

type bearer string

func (b bearer) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(b), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// cloud is a stand-in with one bucket, and what its permissions are set by.
type cloud struct {
	store       objectstore.Store
	bucket      string
	permit      func([]string)
	permissions func() (used, denied []string)
}

func clouds(t *testing.T) map[string]cloud {
	a := azure.Start(t, azure.Options{Accounts: []azure.Account{{Name: "acme", Versioning: true}}})
	a.Container("acme", "docs")
	blob, err := azurestore.Open(t.Context(), azurestore.Options{Name: "blob", Endpoint: a.URL, ARMEndpoint: a.URL,
		Subscription: a.Subscription(), Credential: bearer(a.Token())})
	if err != nil {
		t.Fatal(err)
	}
	g := google.Start(t, google.Options{})
	g.MakeBucket(google.Bucket{Name: "docs", Location: "europe-west1", Versioning: true, SoftDelete: -1})
	gcs, err := gcsstore.Open(t.Context(), gcsstore.Options{Name: "google", Project: "project", Endpoint: g.URL})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]cloud{
		"azure":  {blob.Region("westeurope"), "acme.docs", a.Permit, a.Permissions},
		"google": {gcs.Region("europe-west1"), "docs", g.Permit, g.Permissions},
	}
}

// Whoever may not delete hears it, and so does whoever may not write.
func TestCloudsDenied(t *testing.T) {
	const blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/"
	for name, c := range clouds(t) {
		c.permit(nil)
		examine := func() []doctor.Check {
			d := &doctor.Doctor{Now: time.Now}
			d.Source(t.Context(), name, c.bucket, c.store)
			d.Destination(t.Context(), name, c.bucket, c.store)
			return d.Checks
		}
		all := examine()
		used, _ := c.permissions()
		for _, check := range all {
			if check.Outcome == doctor.Failed {
				t.Errorf("%s: %s: %s", name, check.What, check.Detail)
			}
		}
		for v, err := range c.store.Versions(t.Context(), c.bucket, "", "") {
			t.Fatalf("%s: left behind: %v, %v", name, v, err)
		}
		for _, tt := range []struct {
			without []string
			fails   map[string]string
		}{
			{[]string{blobs + "deleteBlobVersion/action", "storage.objects.delete"},
				map[string]string{"azure": "delete versions", "google": "delete versions"}},
			{[]string{blobs + "read", "storage.objects.get"},
				map[string]string{"azure": "list versions", "google": "read objects"}},
			{[]string{blobs + "write", "storage.objects.create"},
				map[string]string{"azure": "conditional writes", "google": "write objects"}},
		} {
			c.permit(slices.DeleteFunc(slices.Clone(used), func(p string) bool { return slices.Contains(tt.without, p) }))
			if got := outcome(examine(), tt.fails[name]); got != doctor.Failed {
				t.Errorf("%s without %v: %s: %q", name, tt.without, tt.fails[name], got)
			}
		}
	}
}

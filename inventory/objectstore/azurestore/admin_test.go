package azurestore_test

import (
	"errors"
	"slices"
	"testing"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/storage/armstorage"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
)

// TestBuckets lists, makes and deletes containers, with Resource Manager and without.
func TestBuckets(t *testing.T) {
	for _, without := range []bool{false, true} {
		_, s := start(t, func(o *azure.Options, store *azurestore.Options) {
			o.Accounts[1].ContainerDays = 7
			if without {
				store.Regions = map[string][]string{"westeurope": {plain, keyed, versioned}}
			}
		})
		bucket := plain + ".second"
		if _, err := s.BucketRegion(t.Context(), bucket); !errors.Is(err, objectstore.ErrNoBucket) {
			t.Errorf("there is none: %v", err)
		}
		if err := s.CreateBucket(t.Context(), bucket, false); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateBucket(t.Context(), bucket, false); !errors.Is(err, objectstore.ErrExists) {
			t.Errorf("made twice: %v", err)
		}
		if region, err := s.BucketRegion(t.Context(), bucket); err != nil || region != "westeurope" {
			t.Errorf("region %q, %v", region, err)
		}
		found, err := s.Buckets(t.Context())
		var names []string
		for _, b := range found {
			names = append(names, b.Name)
		}
		slices.Sort(names)
		if want := []string{keyed + records, plain + records, bucket, versioned + records}; err != nil ||
			!slices.Equal(names, want) {
			t.Errorf("buckets %v, %v", names, err)
		}
		tags := []objectstore.Tag{{Key: "cost-center", Value: "4 711"}, {Key: "customer", Value: "acme"}}
		if err := s.SetBucketTags(t.Context(), bucket, tags); err != nil {
			t.Fatal(err)
		}
		if got, err := s.BucketTags(t.Context(), bucket); err != nil || !slices.Equal(got, tags) {
			t.Errorf("tags %v, %v", got, err)
		}
		put(t, s, bucket, "k", "x")
		if err := s.DeleteBucket(t.Context(), bucket); without && !errors.Is(err, objectstore.ErrDenied) ||
			!without && !errors.Is(err, objectstore.ErrRejected) {
			t.Errorf("deleting what is not empty: %v", err)
		}
		if without {
			continue
		}
		erase(t, s, bucket, objectstore.Deletion{Key: "k", VersionID: "null"})
		if err := s.DeleteBucket(t.Context(), bucket); err != nil {
			t.Error(err)
		}
		if err := s.DeleteBucket(t.Context(), versioned+records); !errors.Is(err, objectstore.ErrNotOffered) {
			t.Errorf("where nobody could have back what is written meanwhile: %v", err)
		}
	}
}

// TestVersioning is an account's, and switching it leaves its other properties.
func TestVersioning(t *testing.T) {
	_, s := start(t, nil)
	for _, v := range []objectstore.Versioning{objectstore.Enabled, objectstore.Enabled, objectstore.Suspended} {
		if err := s.SetVersioning(t.Context(), plain+records, v); err != nil {
			t.Fatal(err)
		}
		want := v
		if v == objectstore.Suspended {
			want = objectstore.Unversioned
		}
		if got, err := s.Versioning(t.Context(), plain+records); err != nil || got != want {
			t.Errorf("set to %s: %s, %v", v, got, err)
		}
	}
	if err := s.CreateBucket(t.Context(), versioned+".locked", true); err != nil {
		t.Error(err)
	}
	if err := s.CreateBucket(t.Context(), versioned+".locked", true); !errors.Is(err, objectstore.ErrExists) {
		t.Errorf("made twice: %v", err)
	}
}

// TestSecondRegion is the account in Brazil whose second copy is in Texas, and others that are silent about theirs.
func TestSecondRegion(t *testing.T) {
	server := azure.Start(t, azure.Options{Token: bearer, Accounts: []azure.Account{
		{Name: "acmesao", Location: "brazilsouth", Secondary: "southcentralus", SKU: "Standard_GRS"},
		{Name: "acmesilent", Location: "brazilsouth", SKU: "Standard_RAGRS"},
		{Name: "acmecopied", Location: "brazilsouth", ReplicateTo: "elsewhere"},
		{Name: "acmezone", Location: "brazilsouth", SKU: "Standard_ZRS"}}})
	s := open(t, azurestore.Options{Endpoint: server.URL, ARMEndpoint: server.URL, Subscription: server.Subscription()}).
		Region("brazilsouth")
	for account, want := range map[string][]string{"acmesao": {"southcentralus"}, "acmesilent": {"unknown"},
		"acmecopied": {"unknown"}, "acmezone": nil} {
		server.Container(account, "records")
		facts, err := s.(objectstore.Factual).Facts(t.Context(), account+records)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range facts {
			got = append(got, f.Regions...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: other regions %v, want %v", account, got, want)
		}
	}
}

// TestPartly tells of what can be looked at beside the error of what cannot.
func TestPartly(t *testing.T) {
	server, s := start(t, func(o *azure.Options, _ *azurestore.Options) { o.Accounts[0].SoftDelete = 7 })
	server.Fail(func(r azure.Request) azure.Fault {
		if r.Op == "GET manager" && len(r.Name) > 60 && r.Name[len(r.Name)-len("Policies"):] == "Policies" {
			return azure.Fault{Status: 403, Code: "AuthorizationFailed"}
		}
		return azure.Fault{}
	})
	facts, err := s.(objectstore.Factual).Facts(t.Context(), versioned+records)
	var answer *objectstore.Error
	if !errors.Is(err, objectstore.ErrDenied) || !errors.As(err, &answer) || len(answer.Needs) != 1 {
		t.Errorf("replication cannot be looked at: %v", err)
	}
	if !slices.ContainsFunc(facts, func(f objectstore.Fact) bool { return f.Rule == "soft-delete" }) {
		t.Errorf("facts %v", facts)
	}
}

// TestAsked has Resource Manager asked once for what all buckets of an account share, and again by who was denied.
func TestAsked(t *testing.T) {
	server, s := start(t, nil)
	server.Container(plain, "second")
	for _, bucket := range []string{plain + records, plain + ".second", plain + records} {
		if _, err := s.(objectstore.Factual).Facts(t.Context(), bucket); err != nil {
			t.Fatal(err)
		}
	}
	// Three accounts by pages of one, five things that buckets share, and three times a container.
	if n := server.Count()["GET manager"]; n != 3+5+3 {
		t.Errorf("asked %d times", n)
	}
	server, s = start(t, func(o *azure.Options, store *azurestore.Options) {
		o.NoManager = true
		store.Regions = map[string][]string{"westeurope": {plain}}
		store.Subscription = "00000000-0000-0000-0000-000000000001"
	})
	for range 5 {
		put(t, s, plain+records, "k", "x")
	}
	if n := server.Count()["GET manager"]; n > 1 {
		t.Errorf("denied, and asked %d times", n)
	}
}

// TestOdd has an account that cannot be asked fail alone.
func TestOdd(t *testing.T) {
	f := world()
	list := f.AccountsServer.NewListPager
	f.AccountsServer.NewListPager = func(o *armstorage.AccountsClientListOptions) (
		p azfake.PagerResponder[armstorage.AccountsClientListResponse]) {
		odd := storageAccount("acmeodd", "westeurope", "", "Standard_LRS")
		odd.Properties.PrimaryEndpoints.Blob = to.Ptr("https://acmeodd.blob.core.windows.net.example/")
		p = list(o)
		p.AddPage(200, armstorage.AccountsClientListResponse{AccountListResult: armstorage.AccountListResult{
			Value: []*armstorage.Account{odd}}}, nil)
		return p
	}
	s := open(t, azurestore.Options{Subscription: subscription, ARMEndpoint: microsoft(t, f)}).Region("")
	found, err := s.Buckets(t.Context())
	if err == nil || len(found) != 4 {
		t.Errorf("found %v, %v", found, err)
	}
	if _, err := s.Versioning(t.Context(), "acmeodd.records"); err == nil || errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("asked for by its name: %v", err)
	}
	if v, err := s.Versioning(t.Context(), "acmeams.records"); err != nil || v != objectstore.Enabled {
		t.Errorf("another one: %v, %v", v, err)
	}
}

package azurestore_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/storage/armstorage"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/storage/armstorage/fake"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
)

const (
	subscription = "11111111-2222-3333-4444-555555555555"
	bearer       = "token of a test"
)

// fixed is a credential that always gives the same token.
type fixed string

func (f fixed) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(f), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// microsoft serves Microsoft's own generated server, which takes paths and parameters apart.
func microsoft(t *testing.T, f *fake.ServerFactory) string {
	t.Helper()
	transport := fake.NewServerFactoryTransport(f)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+bearer {
			http.Error(w, `{"error":{"code":"InvalidAuthenticationToken"}}`, http.StatusUnauthorized)
			return
		}
		name := operation(r)
		if name == "" || r.URL.Query().Get("api-version") != "2024-01-01" {
			t.Errorf("%s %s is no operation", r.Method, r.URL)
		}
		r = r.WithContext(context.WithValue(r.Context(), runtime.CtxAPINameKey{}, name))
		r.URL.Scheme, r.URL.Host, r.RequestURI = "https", r.Host, ""
		resp, err := transport.Do(r)
		if err != nil {
			var refused *azcore.ResponseError
			if !errors.As(err, &refused) {
				t.Errorf("%s %s: %v", r.Method, r.URL, err)
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			resp = refused.RawResponse
		}
		defer func() { _ = resp.Body.Close() }()
		w.Header().Set("x-ms-error-code", resp.Header.Get("x-ms-error-code"))
		w.WriteHeader(resp.StatusCode)
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		// The generated server puts its pages at an address of its own.
		_, _ = w.Write([]byte(strings.ReplaceAll(string(body), `"nextLink":"https:`, `"nextLink":"http:`)))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// operation names what a request is, as Microsoft's client does in a context.
func operation(r *http.Request) string {
	for _, o := range []struct{ method, suffix, name string }{
		{"GET", "/providers/Microsoft.Storage/storageAccounts", "AccountsClient.NewListPager"},
		{"GET", "/providers/Microsoft.Storage/deletedAccounts", "DeletedAccountsClient.NewListPager"},
		{"GET", "/blobServices/default/containers", "BlobContainersClient.NewListPager"},
		{"GET", "/managementPolicies/default", "ManagementPoliciesClient.Get"},
		{"GET", "/objectReplicationPolicies", "ObjectReplicationPoliciesClient.NewListPager"},
		{"GET", "/blobServices/default", "BlobServicesClient.GetServiceProperties"},
		{"PUT", "/blobServices/default", "BlobServicesClient.SetServiceProperties"},
		{"GET", "/blobServices/default/containers/records", "BlobContainersClient.Get"},
		{"GET", "/storageAccounts/acmesao", "AccountsClient.GetProperties"},
		{"GET", "/storageAccounts/acmeams", "AccountsClient.GetProperties"},
	} {
		path, _, _ := strings.Cut(r.URL.Path, "/fake_page_") // as the generated server names its pages
		if r.Method == o.method && strings.HasSuffix(path, o.suffix) {
			return o.name
		}
	}
	return ""
}

func storageAccount(name, location, second, sku string) *armstorage.Account {
	a := &armstorage.Account{
		ID: to.Ptr("/subscriptions/" + subscription + "/resourceGroups/acme/providers/Microsoft.Storage/storageAccounts/" +
			name),
		Name: &name, Location: &location, Kind: to.Ptr(armstorage.KindStorageV2),
		SKU: &armstorage.SKU{Name: to.Ptr(armstorage.SKUName(sku))},
		Properties: &armstorage.AccountProperties{PrimaryLocation: &location,
			PrimaryEndpoints: &armstorage.Endpoints{Blob: to.Ptr("https://" + name + ".blob.core.windows.net/")}},
	}
	if second != "" {
		a.Properties.SecondaryLocation = &second
	}
	return a
}

// world is what Resource Manager knows in these tests.
func world() *fake.ServerFactory {
	sao := storageAccount("acmesao", "brazilsouth", "southcentralus", "Standard_GRS")
	ams := storageAccount("acmeams", "West Europe", "", "Standard_ZRS")
	ams.Properties.Encryption = &armstorage.Encryption{KeySource: to.Ptr(armstorage.KeySourceMicrosoftKeyvault),
		KeyVaultProperties: &armstorage.KeyVaultProperties{KeyVaultURI: to.Ptr("https://acme.vault.azure.net/keys/k")}}
	ams.Properties.LastGeoFailoverTime = to.Ptr(time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC))
	byName := map[string]*armstorage.Account{"acmesao": sao, "acmeams": ams}
	container := func(name string) *armstorage.ListContainerItem {
		return &armstorage.ListContainerItem{Name: &name, Properties: &armstorage.ContainerProperties{}}
	}
	return &fake.ServerFactory{
		AccountsServer: fake.AccountsServer{
			NewListPager: func(*armstorage.AccountsClientListOptions) (
				p azfake.PagerResponder[armstorage.AccountsClientListResponse]) {
				for _, a := range []*armstorage.Account{sao, ams} { // a page each
					p.AddPage(200, armstorage.AccountsClientListResponse{AccountListResult: armstorage.AccountListResult{
						Value: []*armstorage.Account{a}}}, nil)
				}
				return p
			},
			GetProperties: func(_ context.Context, group, name string, _ *armstorage.AccountsClientGetPropertiesOptions) (
				r azfake.Responder[armstorage.AccountsClientGetPropertiesResponse], e azfake.ErrorResponder) {
				if group != "acme" {
					e.SetResponseError(404, "ResourceGroupNotFound")
				}
				r.SetResponse(200, armstorage.AccountsClientGetPropertiesResponse{Account: *byName[name]}, nil)
				return r, e
			},
		},
		BlobContainersServer: fake.BlobContainersServer{
			NewListPager: func(_, account string, _ *armstorage.BlobContainersClientListOptions) (
				p azfake.PagerResponder[armstorage.BlobContainersClientListResponse]) {
				for _, name := range []string{"records", "files-" + account} {
					p.AddPage(200, armstorage.BlobContainersClientListResponse{ListContainerItems: armstorage.ListContainerItems{
						Value: []*armstorage.ListContainerItem{container(name)}}}, nil)
				}
				return p
			},
			Get: func(_ context.Context, _, _, name string, _ *armstorage.BlobContainersClientGetOptions) (
				r azfake.Responder[armstorage.BlobContainersClientGetResponse], e azfake.ErrorResponder) {
				r.SetResponse(200, armstorage.BlobContainersClientGetResponse{BlobContainer: armstorage.BlobContainer{
					Name: &name, ContainerProperties: &armstorage.ContainerProperties{HasLegalHold: to.Ptr(true),
						HasImmutabilityPolicy: to.Ptr(true), ImmutabilityPolicy: &armstorage.ImmutabilityPolicyProperties{
							Properties: &armstorage.ImmutabilityPolicyProperty{
								ImmutabilityPeriodSinceCreationInDays: to.Ptr[int32](30),
								State:                                 to.Ptr(armstorage.ImmutabilityPolicyStateLocked)}}}}}, nil)
				return r, e
			},
		},
		BlobServicesServer: fake.BlobServicesServer{
			GetServiceProperties: func(
				context.Context, string, string, *armstorage.BlobServicesClientGetServicePropertiesOptions) (
				r azfake.Responder[armstorage.BlobServicesClientGetServicePropertiesResponse], e azfake.ErrorResponder) {
				r.SetResponse(200, armstorage.BlobServicesClientGetServicePropertiesResponse{
					BlobServiceProperties: armstorage.BlobServiceProperties{
						BlobServiceProperties: &armstorage.BlobServicePropertiesProperties{IsVersioningEnabled: to.Ptr(true),
							DeleteRetentionPolicy: &armstorage.DeleteRetentionPolicy{Enabled: to.Ptr(true), Days: to.Ptr[int32](7),
								AllowPermanentDelete: to.Ptr(true)},
							ContainerDeleteRetentionPolicy: &armstorage.DeleteRetentionPolicy{Enabled: to.Ptr(true),
								Days: to.Ptr[int32](14)},
							RestorePolicy: &armstorage.RestorePolicyProperties{Enabled: to.Ptr(true), Days: to.Ptr[int32](6)},
							ChangeFeed:    &armstorage.ChangeFeed{Enabled: to.Ptr(true)}}}}, nil)
				return r, e
			},
		},
		ObjectReplicationPoliciesServer: fake.ObjectReplicationPoliciesServer{
			NewListPager: func(_, _ string, _ *armstorage.ObjectReplicationPoliciesClientListOptions) (
				p azfake.PagerResponder[armstorage.ObjectReplicationPoliciesClientListResponse]) {
				p.AddPage(200, armstorage.ObjectReplicationPoliciesClientListResponse{
					ObjectReplicationPolicies: armstorage.ObjectReplicationPolicies{Value: []*armstorage.ObjectReplicationPolicy{{
						Properties: &armstorage.ObjectReplicationPolicyProperties{SourceAccount: to.Ptr("acmeams"),
							DestinationAccount: to.Ptr("acmesao"), Rules: []*armstorage.ObjectReplicationPolicyRule{{
								SourceContainer: to.Ptr("records"), DestinationContainer: to.Ptr("copies")}}}}}}}, nil)
				return p
			},
		},
		ManagementPoliciesServer: fake.ManagementPoliciesServer{
			Get: func(context.Context, string, string, armstorage.ManagementPolicyName,
				*armstorage.ManagementPoliciesClientGetOptions) (
				r azfake.Responder[armstorage.ManagementPoliciesClientGetResponse], e azfake.ErrorResponder) {
				e.SetResponseError(404, "ManagementPolicyNotFound")
				return r, e
			},
		},
		DeletedAccountsServer: fake.DeletedAccountsServer{
			NewListPager: func(*armstorage.DeletedAccountsClientListOptions) (
				p azfake.PagerResponder[armstorage.DeletedAccountsClientListResponse]) {
				p.AddPage(200, armstorage.DeletedAccountsClientListResponse{DeletedAccountListResult: armstorage.
					DeletedAccountListResult{Value: []*armstorage.DeletedAccount{{Name: to.Ptr("acmeold"),
					Properties: &armstorage.DeletedAccountProperties{Location: to.Ptr("westeurope"),
						DeletionTime: to.Ptr("2026-11-20T01:02:03Z")}}}}}, nil)
				return p
			},
		},
	}
}

func open(t *testing.T, o azurestore.Options) *azurestore.Provider {
	t.Helper()
	o.Name = "blob"
	if o.Credential == nil {
		o.Credential = fixed(bearer)
	}
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	if o.Backoff == nil {
		o.Backoff = func(int) time.Duration { return 0 }
	}
	p, err := azurestore.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAccounts holds the requests for accounts and containers against Microsoft's own server.
func TestAccounts(t *testing.T) {
	p := open(t, azurestore.Options{Subscription: subscription, ARMEndpoint: microsoft(t, world())})
	for _, test := range []struct {
		region string
		want   []objectstore.Bucket
	}{
		{"brazilsouth", []objectstore.Bucket{{Name: "acmesao.records", Region: "brazilsouth"},
			{Name: "acmesao.files-acmesao", Region: "brazilsouth"}}},
		{"westeurope", []objectstore.Bucket{{Name: "acmeams.records", Region: "westeurope"},
			{Name: "acmeams.files-acmeams", Region: "westeurope"}}},
		{"northeurope", nil},
		{"", []objectstore.Bucket{{Name: "acmeams.records", Region: "westeurope"},
			{Name: "acmeams.files-acmeams", Region: "westeurope"}, {Name: "acmesao.records", Region: "brazilsouth"},
			{Name: "acmesao.files-acmesao", Region: "brazilsouth"}}},
	} {
		got, err := p.Region(test.region).Buckets(t.Context())
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("region %q: %v, %v; want %v", test.region, got, err, test.want)
		}
	}
	v, err := p.Region("brazilsouth").Versioning(t.Context(), "acmesao.records")
	if err != nil || v != objectstore.Enabled {
		t.Errorf("versioning: %q, %v", v, err)
	}
	_, err = p.Region("westeurope").Versioning(t.Context(), "acmesao.records")
	if !errors.Is(err, objectstore.ErrElsewhere) {
		t.Errorf("an account of another region: %v", err)
	}
	_, err = p.Region("").Versioning(t.Context(), "nobody.records")
	if !errors.Is(err, objectstore.ErrNoBucket) {
		t.Errorf("an account that there is not: %v", err)
	}
}

// TestFacts is the story of an account whose second copy is in the United States.
func TestFacts(t *testing.T) {
	p := open(t, azurestore.Options{Subscription: subscription, ARMEndpoint: microsoft(t, world())})
	for _, test := range []struct {
		bucket string
		want   map[string][]string // rule to regions
	}{
		{"acmesao.records", map[string][]string{"secondary-copy": {"southcentralus"}}},
		{"acmeams.records", map[string][]string{"object-replication": {"brazilsouth"}, "customer-key-vault": nil,
			"failed-over": nil, "deleted-account": nil}},
	} {
		got, err := p.Region("").(objectstore.Factual).Facts(t.Context(), test.bucket)
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range []string{"redundancy", "versioning", "soft-delete", "permanent-delete", "container-soft-delete",
			"point-in-time-restore", "change-feed", "immutability"} {
			test.want[rule] = nil
		}
		seen := make(map[string]bool)
		for _, f := range got {
			regions, ok := test.want[f.Rule]
			if !ok || !slices.Equal(regions, f.Regions) || f.Text == "" || f.Unproven {
				t.Errorf("%s: %+v", test.bucket, f)
			}
			if replicated := f.Rule == "object-replication"; replicated != slices.Equal(f.Buckets,
				[]string{"acmesao.copies"}) {
				t.Errorf("%s: copied to %q", test.bucket, f.Buckets)
			}
			if f.Rule == "soft-delete" && f.Keeps != 7*24*time.Hour {
				t.Errorf("%s: soft deletion keeps for %s", test.bucket, f.Keeps)
			}
			seen[f.Rule] = true
		}
		for rule := range test.want {
			if !seen[rule] {
				t.Errorf("%s: no fact %s", test.bucket, rule)
			}
		}
	}
}

// TestWithoutManager is about accounts that the configuration alone names.
func TestWithoutManager(t *testing.T) {
	denied := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":{"code":"AuthorizationFailed","message":"nothing"}}`, http.StatusForbidden)
	}))
	t.Cleanup(denied.Close)
	named := map[string][]string{"westeurope": {"acmeams"}}
	for _, o := range []azurestore.Options{{Regions: named}, {Regions: named, Subscription: subscription,
		ARMEndpoint: denied.URL}} {
		s := open(t, o).Region("westeurope")
		facts, err := s.(objectstore.Factual).Facts(t.Context(), "acmeams.records")
		if err != nil || len(facts) != 1 || facts[0].Rule != "region-not-proven" || !facts[0].Unproven {
			t.Errorf("facts: %v, %v", facts, err)
		}
		if _, err := s.Versioning(t.Context(), "acmeams.records"); !errors.Is(err, objectstore.ErrDenied) {
			t.Errorf("versioning, which nobody tells: %v", err)
		}
	}
	s := open(t, azurestore.Options{Subscription: subscription, ARMEndpoint: denied.URL}).Region("")
	_, err := s.Buckets(t.Context())
	var answer *objectstore.Error
	if !errors.As(err, &answer) || !errors.Is(err, objectstore.ErrDenied) || len(answer.Needs) == 0 {
		t.Errorf("denied: %v", err)
	}
}

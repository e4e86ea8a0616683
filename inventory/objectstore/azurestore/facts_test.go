package azurestore_test

import (
	"context"
	"testing"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/storage/armstorage"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
)

// factsOf are those of a container in a world that is altered.
func factsOf(
	t *testing.T, account *armstorage.ImmutableStorageAccount, container armstorage.ContainerProperties,
) []objectstore.Fact {
	t.Helper()
	f := world()
	f.AccountsServer.GetProperties = func(
		context.Context, string, string, *armstorage.AccountsClientGetPropertiesOptions) (
		r azfake.Responder[armstorage.AccountsClientGetPropertiesResponse], e azfake.ErrorResponder) {
		a := storageAccount("acmeams", "westeurope", "", "Standard_ZRS")
		a.Properties.ImmutableStorageWithVersioning = account
		r.SetResponse(200, armstorage.AccountsClientGetPropertiesResponse{Account: *a}, nil)
		return r, e
	}
	f.BlobContainersServer.Get = func(
		_ context.Context, _, _, name string, _ *armstorage.BlobContainersClientGetOptions) (
		r azfake.Responder[armstorage.BlobContainersClientGetResponse], e azfake.ErrorResponder) {
		r.SetResponse(200, armstorage.BlobContainersClientGetResponse{BlobContainer: armstorage.BlobContainer{
			Name: &name, ContainerProperties: &container}}, nil)
		return r, e
	}
	p := open(t, azurestore.Options{Subscription: subscription, ARMEndpoint: microsoft(t, f)})
	facts, err := p.Region("").(objectstore.Factual).Facts(t.Context(), "acmeams.records")
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// TestFactsOfLocks tells what locks all that is written from what lets versions be locked.
func TestFactsOfLocks(t *testing.T) {
	inherited := func(state armstorage.AccountImmutabilityPolicyState) *armstorage.ImmutableStorageAccount {
		return &armstorage.ImmutableStorageAccount{Enabled: to.Ptr(true),
			ImmutabilityPolicy: &armstorage.AccountImmutabilityPolicyProperties{State: &state,
				ImmutabilityPeriodSinceCreationInDays: to.Ptr[int32](30)}}
	}
	versions := &armstorage.ImmutableStorageWithVersioning{Enabled: to.Ptr(true)}
	policy := &armstorage.ImmutabilityPolicyProperties{Properties: &armstorage.ImmutabilityPolicyProperty{
		ImmutabilityPeriodSinceCreationInDays: to.Ptr[int32](30),
		State:                                 to.Ptr(armstorage.ImmutabilityPolicyStateUnlocked)}}
	for name, test := range map[string]struct {
		account      *armstorage.ImmutableStorageAccount
		container    armstorage.ContainerProperties
		facts, locks int // of immutability
	}{
		"nothing": {},
		"versions can be locked": {account: &armstorage.ImmutableStorageAccount{Enabled: to.Ptr(true)},
			container: armstorage.ContainerProperties{ImmutableStorageWithVersioning: versions}, facts: 2},
		"a hold": {container: armstorage.ContainerProperties{HasLegalHold: to.Ptr(true)}, facts: 1, locks: 1},
		"a policy": {container: armstorage.ContainerProperties{HasImmutabilityPolicy: to.Ptr(true),
			ImmutabilityPolicy: policy}, facts: 1, locks: 1},
		"a policy of versions": {container: armstorage.ContainerProperties{HasImmutabilityPolicy: to.Ptr(true),
			ImmutabilityPolicy: policy, ImmutableStorageWithVersioning: versions}, facts: 2, locks: 1},
		"the account's": {account: inherited(armstorage.AccountImmutabilityPolicyStateUnlocked),
			container: armstorage.ContainerProperties{ImmutableStorageWithVersioning: versions}, facts: 3, locks: 1},
		"the account's, disabled": {account: inherited(armstorage.AccountImmutabilityPolicyStateDisabled), facts: 1},
	} {
		facts, locks := 0, 0
		for _, f := range factsOf(t, test.account, test.container) {
			if f.Rule == "immutability" {
				facts++
			}
			if f.Locks {
				locks++
			}
		}
		if facts != test.facts || locks != test.locks {
			t.Errorf("%s: %d facts of immutability, of which %d lock; want %d, %d", name, facts, locks, test.facts, test.locks)
		}
	}
}

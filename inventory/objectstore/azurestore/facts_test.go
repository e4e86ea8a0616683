package azurestore_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/storage/armstorage"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/storage/armstorage/fake"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
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

// TestFactsOfLifecycles tells of the rules that may be about the container.
func TestFactsOfLifecycles(t *testing.T) {
	const deletes = `{"baseBlob":{"tierToCool":{"daysAfterModificationGreaterThan":30},` +
		`"delete":{"daysAfterModificationGreaterThan":365}}}`
	const tiers = `{"baseBlob":{"enableAutoTierToHotFromCool":true,` +
		`"tierToCool":{"daysAfterLastAccessTimeGreaterThan":30},"delete":null},` +
		`"snapshot":{"tierToArchive":{"daysAfterCreationGreaterThan":3}}}`
	rule := func(actions, filters, more string) string {
		return `{"name":"r","type":"Lifecycle","definition":{"actions":` + actions +
			`,"filters":{"blobTypes":["blockBlob"]` + filters + `}}` + more + `}`
	}
	for name, test := range map[string]struct {
		rules []string
		text  string // of the facts; - in front of one that does not delete
	}{
		"none":         {},
		"all":          {[]string{rule(deletes, "", "")}, "blobs"},
		"enabled":      {[]string{rule(deletes, "", `,"enabled":true`)}, "blobs"},
		"disabled":     {[]string{rule(deletes, "", `,"enabled":false`)}, ""},
		"tiers":        {[]string{rule(tiers, "", "")}, "-"},
		"both":         {[]string{rule(tiers, "", ""), rule(deletes, "", "")}, "- blobs"},
		"versions":     {[]string{rule(`{"version":{"delete":{}}}`, "", "")}, "previous versions"},
		"snapshots":    {[]string{rule(`{"snapshot":{"delete":{}}}`, "", "")}, "snapshots"},
		"unknown":      {[]string{rule(`{"baseBlob":{"shred":{}}}`, "", "")}, "blobs"},
		"unknown kind": {[]string{rule(`{"shadow":{"delete":{}}}`, "", "")}, "what is not known here"},
		"prefix":       {[]string{rule(deletes, `,"prefixMatch":["other/","records/a/"]`, "")}, "blobs"},
		"whole name":   {[]string{rule(deletes, `,"prefixMatch":["records/"]`, "")}, "blobs"},
		"part of name": {[]string{rule(deletes, `,"prefixMatch":["rec"]`, "")}, "blobs"},
		"other":        {[]string{rule(deletes, `,"prefixMatch":["record/","records2","recordsother/a"]`, "")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var rules []json.RawMessage
			for _, r := range test.rules {
				rules = append(rules, json.RawMessage(r))
			}
			_, s := start(t, func(o *azure.Options, _ *azurestore.Options) { o.Accounts[1].Lifecycle = rules })
			facts, err := s.(objectstore.Factual).Facts(t.Context(), plain+records)
			if got := lifecycles(facts); err != nil || got != test.text {
				t.Errorf("%q, %v; want %q", got, err, test.text)
			}
		})
	}
}

// lifecycles is what facts say of rules.
func lifecycles(facts []objectstore.Fact) string {
	var all []string
	for _, f := range facts {
		if f.Rule != "lifecycle" {
			continue
		}
		text := "-"
		if f.Expires {
			_, text, _ = strings.Cut(strings.TrimSuffix(f.Text, " by itself"), " deletes ")
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// TestLifecycleByMicrosoft has Microsoft's own server take the request apart, and write the policy.
func TestLifecycleByMicrosoft(t *testing.T) {
	f := world()
	f.ManagementPoliciesServer = fake.ManagementPoliciesServer{Get: func(_ context.Context, group, account string,
		name armstorage.ManagementPolicyName, _ *armstorage.ManagementPoliciesClientGetOptions) (
		r azfake.Responder[armstorage.ManagementPoliciesClientGetResponse], e azfake.ErrorResponder) {
		if group != "acme" || account != "acmeams" || name != armstorage.ManagementPolicyNameDefault {
			t.Errorf("%s/%s/%s", group, account, name)
		}
		days := to.Ptr[float32](30)
		action := func(name string, a *armstorage.ManagementPolicyAction) *armstorage.ManagementPolicyRule {
			return &armstorage.ManagementPolicyRule{Name: &name, Type: to.Ptr(armstorage.RuleTypeLifecycle),
				Enabled: to.Ptr(true), Definition: &armstorage.ManagementPolicyDefinition{Actions: a,
					Filters: &armstorage.ManagementPolicyFilter{BlobTypes: []*string{to.Ptr("blockBlob")},
						PrefixMatch: []*string{to.Ptr("records/a")}}}}
		}
		r.SetResponse(200, armstorage.ManagementPoliciesClientGetResponse{ManagementPolicy: armstorage.ManagementPolicy{
			Properties: &armstorage.ManagementPolicyProperties{Policy: &armstorage.ManagementPolicySchema{
				Rules: []*armstorage.ManagementPolicyRule{
					action("tiers", &armstorage.ManagementPolicyAction{BaseBlob: &armstorage.ManagementPolicyBaseBlob{
						TierToCold: &armstorage.DateAfterModification{DaysAfterModificationGreaterThan: days},
						TierToHot:  &armstorage.DateAfterModification{DaysAfterModificationGreaterThan: days}}}),
					action("versions", &armstorage.ManagementPolicyAction{Version: &armstorage.ManagementPolicyVersion{
						Delete: &armstorage.DateAfterCreation{DaysAfterCreationGreaterThan: days}}})}}}}}, nil)
		return r, e
	}}
	p := open(t, azurestore.Options{Subscription: subscription, ARMEndpoint: microsoft(t, f)})
	facts, err := p.Region("").(objectstore.Factual).Facts(t.Context(), "acmeams.records")
	if got := lifecycles(facts); err != nil || got != "- previous versions" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestLifecycleDenied is an error beside the facts that could be read.
func TestLifecycleDenied(t *testing.T) {
	server, s := start(t, nil)
	server.Fail(func(r azure.Request) azure.Fault {
		if strings.HasSuffix(r.Name, "/managementPolicies/default") {
			return azure.Fault{Status: http.StatusForbidden, Code: "AuthorizationFailed"}
		}
		return azure.Fault{}
	})
	facts, err := s.(objectstore.Factual).Facts(t.Context(), plain+records)
	var answer *objectstore.Error
	if len(facts) == 0 || !errors.Is(err, objectstore.ErrDenied) || !errors.As(err, &answer) || len(answer.Needs) != 1 {
		t.Errorf("%v, %v", facts, err)
	}
}

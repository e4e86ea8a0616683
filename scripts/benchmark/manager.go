//go:build linux

package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// manager says of one storage account of an emulator what Azure Resource Manager would: where it is,
// and that it keeps no versions. Emulators have none. It also gives out the token that it takes.
type manager struct {
	account, location string
	containers        func(context.Context) ([]string, error) // names, as the emulator lists them
}

const (
	subscription = "00000000-0000-0000-0000-00000000be4c"
	managerToken = "bench"
	identityPath = "/identity"
)

type object map[string]any

// startManager serves one on loopback.
func startManager(m *manager) (address string, stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: m, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }() // until stop
	return "http://" + l.Addr().String(), s.Close, nil
}

func (m *manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, answer := m.answer(r)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // who stops reading has asked in vain
}

func (m *manager) answer(r *http.Request) (int, object) {
	if r.URL.Path == identityPath { // as App Service's managed identities answer
		return http.StatusOK, object{"access_token": managerToken, "token_type": "Bearer",
			"resource":   r.URL.Query().Get("resource"),
			"expires_on": strconv.FormatInt(time.Now().Add(24*time.Hour).Unix(), 10)}
	}
	fail := func(status int, code string) (int, object) {
		return status, object{"error": object{"code": code, "message": "refused by the benchmark"}}
	}
	if r.Header.Get("Authorization") != "Bearer "+managerToken || r.Method != http.MethodGet {
		return fail(http.StatusForbidden, "AuthorizationFailed")
	}
	const storage = "/subscriptions/" + subscription + "/providers/Microsoft.Storage/"
	id := "/subscriptions/" + subscription + "/resourceGroups/bench/providers/Microsoft.Storage/storageAccounts/" +
		m.account
	switch rest, ofAccount := strings.CutPrefix(r.URL.Path, id); {
	case r.URL.Path == storage+"storageAccounts":
		return http.StatusOK, object{"value": []object{m.shown(id)}}
	case r.URL.Path == storage+"deletedAccounts", ofAccount && rest == "/objectReplicationPolicies":
		return http.StatusOK, object{"value": []object{}}
	case ofAccount && rest == "":
		return http.StatusOK, m.shown(id)
	case ofAccount && rest == "/blobServices/default":
		off := object{"enabled": false}
		return http.StatusOK, object{"properties": object{"isVersioningEnabled": false, "deleteRetentionPolicy": off,
			"containerDeleteRetentionPolicy": off, "changeFeed": off}}
	case ofAccount && rest == "/blobServices/default/containers":
		names, err := m.containers(r.Context())
		if err != nil {
			return fail(http.StatusBadGateway, "ServiceUnavailable")
		}
		all := make([]object, len(names))
		for i, name := range names {
			all[i] = object{"name": name, "properties": object{}}
		}
		return http.StatusOK, object{"value": all}
	case ofAccount && strings.HasPrefix(rest, "/blobServices/default/containers/"):
		return http.StatusOK, object{"properties": object{"hasLegalHold": false, "hasImmutabilityPolicy": false,
			"immutableStorageWithVersioning": object{"enabled": false}}}
	}
	return fail(http.StatusNotFound, "ResourceNotFound") // of lifecycle policies too: there are none
}

// shown is the account ("Storage Accounts - Get Properties").
func (m *manager) shown(id string) object {
	return object{"id": id, "name": m.account, "location": m.location, "kind": "StorageV2",
		"sku": object{"name": "Standard_LRS"}, "properties": object{"primaryLocation": m.location,
			"encryption": object{"keySource": "Microsoft.Storage"}, "provisioningState": "Succeeded"}}
}

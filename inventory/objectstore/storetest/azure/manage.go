package azure

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// managerVersion is that of the storage resource provider ("Storage Resource Provider REST API").
const managerVersion = "2024-01-01"

type object = map[string]any

// denied answers as Resource Manager does ("Azure Resource Manager", common errors).
func denied(status int, code string) *answer {
	return managed(status, object{"error": object{"code": code, "message": "refused by the stand-in"}})
}

func managed(status int, v any) *answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // of maps and strings
	}
	return &answer{status: status, body: body, header: map[string]string{"Content-Type": "application/json"}}
}

// manage answers a request to Resource Manager.
func (s *Server) manage(r *http.Request, body []byte) (a *answer) {
	seen := Request{Op: r.Method + " manager", Name: r.URL.Path, Query: r.URL.RawQuery, Header: r.Header.Clone()}
	defer func() {
		seen.Status = a.status
		s.seen = append(s.seen, seen)
	}()
	if s.fault != nil {
		if f := s.fault(seen); f.Status != 0 {
			return denied(f.Status, f.Code)
		}
	}
	query := r.URL.Query()
	for name := range query {
		if name != "api-version" && name != "$skipToken" {
			return denied(http.StatusBadRequest, "InvalidParameter")
		}
	}
	switch {
	case query.Get("api-version") != managerVersion:
		return denied(http.StatusBadRequest, "InvalidApiVersionParameter")
	case r.Header.Get("Authorization") != "Bearer "+s.o.Token:
		return denied(http.StatusUnauthorized, "InvalidAuthenticationToken")
	case s.o.NoManager:
		return denied(http.StatusForbidden, "AuthorizationFailed")
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/subscriptions/"+s.o.Subscription+"/")
	if !ok {
		return denied(http.StatusNotFound, "SubscriptionNotFound")
	}
	if !s.allowed(managing(r.Method, path)) {
		return denied(http.StatusForbidden, "AuthorizationFailed")
	}
	switch path {
	case "providers/Microsoft.Storage/storageAccounts":
		return s.get(r, func() *answer { return s.listAccounts(query.Get("$skipToken")) })
	case "providers/Microsoft.Storage/deletedAccounts":
		return s.get(r, s.deletedAccounts)
	}
	return s.manageAccount(r, path, body)
}

func (s *Server) get(r *http.Request, do func() *answer) *answer {
	if r.Method != http.MethodGet {
		return denied(http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
	return do()
}

// listAccounts gives one account a page.
func (s *Server) listAccounts(after string) *answer {
	names := slices.Sorted(maps.Keys(s.accounts))
	i, _ := slices.BinarySearch(names, after+"\x00")
	if i == len(names) {
		return managed(http.StatusOK, object{"value": []object{}})
	}
	out := object{"value": []object{s.shown(s.accounts[names[i]])}}
	if i+1 < len(names) {
		out["nextLink"] = s.URL + "/subscriptions/" + s.o.Subscription + "/providers/Microsoft.Storage/storageAccounts" +
			"?api-version=" + managerVersion + "&$skipToken=" + names[i]
	}
	return managed(http.StatusOK, out)
}

func (s *Server) id(a *account) string {
	return "/subscriptions/" + s.o.Subscription + "/resourceGroups/" + a.Group +
		"/providers/Microsoft.Storage/storageAccounts/" +
		a.Name
}

// shown is an account ("Storage Accounts - Get Properties").
func (s *Server) shown(a *account) object {
	p := object{"primaryLocation": a.Location, "isHnsEnabled": a.HNS, "provisioningState": "Succeeded",
		"primaryEndpoints": object{"blob": "https://" + a.Name + ".blob.core.windows.net/"}}
	if a.Secondary != "" {
		p["secondaryLocation"], p["statusOfSecondary"] = a.Secondary, "available"
	}
	if a.FailedOver != "" {
		p["lastGeoFailoverTime"] = a.FailedOver
	}
	p["encryption"] = object{"keySource": "Microsoft.Storage"}
	if a.KeyVault != "" {
		p["encryption"] = object{"keySource": "Microsoft.Keyvault", "keyvaultproperties": object{"keyvaulturi": a.KeyVault}}
	}
	return object{"id": s.id(a), "name": a.Name, "location": a.Location, "kind": "StorageV2", "sku": object{"name": a.SKU},
		"type": "Microsoft.Storage/storageAccounts", "properties": p}
}

func (s *Server) deletedAccounts() *answer {
	all := []object{}
	for _, a := range s.o.Deleted {
		all = append(all, object{"name": a.Name, "properties": object{"location": a.Location,
			"deletionTime": s.o.Now().UTC().Format(time.RFC3339)}})
	}
	return managed(http.StatusOK, object{"value": all})
}

// manageAccount answers about one account.
func (s *Server) manageAccount(r *http.Request, path string, body []byte) *answer {
	parts := strings.Split(path, "/")
	if len(parts) < 6 || parts[0] != "resourceGroups" || parts[2] != "providers" || parts[3] != "Microsoft.Storage" ||
		parts[4] != "storageAccounts" {
		return denied(http.StatusNotFound, "InvalidResourceType")
	}
	a := s.accounts[parts[5]]
	if a == nil || a.Group != parts[1] {
		return denied(http.StatusNotFound, "ResourceNotFound")
	}
	const service = "blobServices/default"
	rest := strings.Join(parts[6:], "/")
	name, ofContainer := strings.CutPrefix(rest, service+"/containers/")
	switch {
	case rest == "":
		return s.get(r, func() *answer { return managed(http.StatusOK, s.shown(a)) })
	case rest == service && r.Method == http.MethodPut:
		return s.setService(a, body)
	case rest == service:
		return s.get(r, func() *answer { return managed(http.StatusOK, ofService(a)) })
	case rest == service+"/containers":
		return s.get(r, func() *answer { return listManaged(a) })
	case rest == "managementPolicies/default":
		return s.get(r, func() *answer { return lifecycle(a) })
	case rest == "objectReplicationPolicies":
		return s.get(r, func() *answer { return replication(a) })
	case ofContainer && r.Method == http.MethodPut:
		return s.putManaged(a, name, body)
	case ofContainer && a.containers[name] != nil:
		return s.get(r, func() *answer { return managed(http.StatusOK, ofContainerNamed(a, name)) })
	case ofContainer:
		return denied(http.StatusNotFound, "ContainerNotFound")
	}
	return denied(http.StatusNotFound, "InvalidResourceType")
}

func days(n int) object {
	if n == 0 {
		return object{"enabled": false}
	}
	return object{"enabled": true, "days": n}
}

// ofService is "Blob Services - Get Service Properties". A property stands for all that nobody here knows.
func ofService(a *account) object {
	return object{"name": "default", "properties": object{"isVersioningEnabled": a.Versioning,
		"cors":                  object{"corsRules": []any{}},
		"deleteRetentionPolicy": days(a.SoftDelete), "containerDeleteRetentionPolicy": days(a.ContainerDays),
		"changeFeed": object{"enabled": false}}}
}

// setService replaces all properties ("Blob Services - Set Service Properties"): what is left out is lost, and so
// refused here.
func (s *Server) setService(a *account, body []byte) *answer {
	var sent struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(body, &sent) != nil {
		return denied(http.StatusBadRequest, "InvalidRequestContent")
	}
	for name := range ofService(a)["properties"].(object) {
		if sent.Properties[name] == nil {
			return denied(http.StatusBadRequest, "InvalidRequestPropertyValue")
		}
	}
	a.Versioning = string(sent.Properties["isVersioningEnabled"]) == "true"
	return managed(http.StatusOK, ofService(a))
}

func ofContainerNamed(a *account, name string) object {
	c := a.containers[name]
	return object{"name": name, "properties": object{"lastModifiedTime": c.modified.Format(time.RFC3339),
		"immutableStorageWithVersioning": object{"enabled": c.locking}, "hasLegalHold": a.LegalHold,
		"hasImmutabilityPolicy": false}}
}

func listManaged(a *account) *answer {
	all := []object{}
	for _, name := range slices.Sorted(maps.Keys(a.containers)) {
		all = append(all, ofContainerNamed(a, name))
	}
	return managed(http.StatusOK, object{"value": all})
}

func replication(a *account) *answer {
	all := []object{}
	if a.ReplicateTo != "" {
		var rules []object
		for _, name := range slices.Sorted(maps.Keys(a.containers)) {
			rules = append(rules, object{"sourceContainer": name, "destinationContainer": name})
		}
		all = append(all, object{"properties": object{"sourceAccount": a.Name, "destinationAccount": a.ReplicateTo,
			"rules": rules}})
	}
	return managed(http.StatusOK, object{"value": all})
}

// lifecycle is "Management Policies - Get".
func lifecycle(a *account) *answer {
	if len(a.Lifecycle) == 0 {
		return denied(http.StatusNotFound, "ManagementPolicyNotFound") // the code is assumed
	}
	return managed(http.StatusOK, object{"name": "DefaultManagementPolicy", "properties": object{
		"policy": object{"rules": a.Lifecycle}}})
}

// putManaged makes a container ("Blob Containers - Create"). Version-level immutability needs versions ("Configure
// immutability policies for blob versions").
func (s *Server) putManaged(a *account, name string, body []byte) *answer {
	var sent struct {
		Properties struct {
			Locking struct {
				Enabled bool `json:"enabled"`
			} `json:"immutableStorageWithVersioning"`
		} `json:"properties"`
	}
	if json.Unmarshal(body, &sent) != nil || !containerName.MatchString(name) {
		return denied(http.StatusBadRequest, "InvalidRequestContent")
	}
	if sent.Properties.Locking.Enabled && !a.Versioning {
		return denied(http.StatusConflict, "FeatureNotEnabled")
	}
	if a.containers[name] == nil {
		a.containers[name] = s.newContainer(a, nil)
	}
	a.containers[name].locking = sent.Properties.Locking.Enabled
	return managed(http.StatusCreated, ofContainerNamed(a, name))
}

package azure

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Permit has every bearer be allowed these actions and no others; nil: all. It forgets what was used and denied.
func (s *Server) Permit(actions []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.permitted, s.limited = make(map[string]bool), actions != nil
	for _, a := range actions {
		s.permitted[a] = true
	}
	s.used, s.denied = make(map[string]bool), make(map[string]bool)
}

// Permissions are the actions that requests have used, and those for want of which one was denied, since Permit.
func (s *Server) Permissions() (used, denied []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.used)), slices.Sorted(maps.Keys(s.denied))
}

// allowed tells whether a request that needs these actions is, and remembers them.
func (s *Server) allowed(actions []string) bool {
	if s.used == nil {
		return true
	}
	ok := true
	for _, a := range actions {
		if s.limited && !s.permitted[a] {
			s.denied[a], ok = true, false
		}
	}
	if ok {
		for _, a := range actions {
			s.used[a] = true
		}
	}
	return ok
}

// needs are the actions of a request to the Blob service with a token (Blob service REST API, of each operation
// "Permissions"; "Manage and find Azure Blob data with blob index tags", Permissions and authorization).
func (op *operation) needs(x *exchange) []string {
	const containers, blobs = services + "containers/", services + "containers/blobs/"
	switch op.name {
	case "List Containers", "Get Container Properties":
		return []string{containers + "read"}
	case "Create Container", "Set Container Metadata":
		return []string{containers + "write"}
	case "Delete Container":
		return []string{containers + "delete"}
	case "Put Blob", "Put Blob From URL", "Put Block", "Put Block List":
		if x.head("X-Ms-Tags") != "" {
			return []string{blobs + "write", blobs + "tags/write"}
		}
		return []string{blobs + "write"}
	case "Get Blob Tags":
		return []string{blobs + "tags/read"}
	case "Delete Blob":
		if x.query.Has("versionid") {
			return []string{blobs + "deleteBlobVersion/action"}
		}
		return []string{blobs + "delete"}
	}
	return []string{blobs + "read"}
}

const (
	accounts = "Microsoft.Storage/storageAccounts/"
	services = accounts + "blobServices/"
)

// managing are the actions of a request to Resource Manager, whose path is without the subscription ("Azure
// permissions for Storage").
func managing(method, path string) []string {
	of := "read"
	if method == http.MethodPut {
		of = "write"
	}
	switch parts := strings.Split(path, "/"); {
	case path == "providers/Microsoft.Storage/deletedAccounts":
		return []string{"Microsoft.Storage/deletedAccounts/" + of}
	case len(parts) > 8 && parts[8] == "containers":
		return []string{services + "containers/" + of}
	case len(parts) > 6 && parts[6] == "blobServices":
		return []string{services + of}
	case len(parts) > 6:
		return []string{accounts + parts[6] + "/" + of}
	}
	return []string{accounts + of}
}

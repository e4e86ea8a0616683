package google

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Permit has everybody be allowed these permissions and no others; nil: all. It forgets what was used and denied.
func (s *Server) Permit(permissions []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.permitted, s.limited = make(map[string]bool), permissions != nil
	for _, p := range permissions {
		s.permitted[p] = true
	}
	s.used, s.denied = make(map[string]bool), make(map[string]bool)
}

// Permissions are those that requests have used, and those for want of which one was denied, since Permit.
func (s *Server) Permissions() (used, denied []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.used)), slices.Sorted(maps.Keys(s.denied))
}

// allowed refuses what the permissions do not allow, and remembers what they do. The server is locked.
func (c *call) allowed() error {
	if c.used == nil {
		return nil
	}
	var missing string
	needs := c.needs()
	if c.payer() != "" { // "Requester Pays", use and access requirements
		needs = append(needs, "serviceusage.services.use")
	}
	for _, p := range needs {
		if c.limited && !c.permitted[p] {
			c.denied[p], missing = true, p
		}
	}
	if missing != "" {
		return refuse(http.StatusForbidden, "forbidden", "The caller does not have "+missing+" access.")
	}
	for _, p := range needs {
		c.used[p] = true
	}
	return nil
}

// needs are the permissions of a request (Cloud Storage documentation, "IAM permissions for JSON methods" and "IAM
// permissions for XML methods"): who writes over an object needs to delete too.
func (c *call) needs() []string {
	const create, remove = "storage.objects.create", "storage.objects.delete"
	over := func(bucket, key string) []string {
		if b := c.buckets[bucket]; b != nil && b.live(key) != nil {
			return []string{remove}
		}
		return nil
	}
	switch c.op {
	case "storage.buckets.insert":
		if c.query.Get("enableObjectRetention") == "true" {
			return []string{"storage.buckets.create", "storage.buckets.enableObjectRetention"}
		}
		return []string{"storage.buckets.create"}
	case "storage.buckets.update":
		return []string{"storage.buckets.get", "storage.buckets.update"}
	case "storage.objects.update":
		return []string{"storage.objects.get", "storage.objects.update"}
	case "storage.objects.insert":
		return slices.Concat([]string{create}, c.sets(), over(c.bucket, c.named()))
	case "storage.objects.rewrite":
		return slices.Concat([]string{"storage.objects.get", create}, c.sets(), over(c.to.bucket, c.to.key))
	case "storage.multipartUploads.create", "storage.multipartUploads.uploadPart":
		return []string{"storage.multipartUploads.create", create}
	case "storage.multipartUploads.complete":
		return slices.Concat([]string{"storage.multipartUploads.create", create}, over(c.bucket, c.key))
	}
	return []string{c.op}
}

// described is what a request says of the object that it makes.
func (c *call) described() (in objectBody) {
	metadata := c.body
	if strings.HasPrefix(c.r.Header.Get("Content-Type"), "multipart/") {
		metadata, _, _, _ = c.related()
	}
	_ = decode(metadata, &in) // what is wrong is refused where it is done
	return in
}

func (c *call) named() string { return c.described().Name }

// sets are the permissions for what an object is given besides its metadata ("Object Retention Lock" and "Object
// contexts", required roles).
func (c *call) sets() []string {
	var more []string
	in := c.described()
	if in.Retention != nil {
		more = append(more, "storage.objects.setRetention")
	}
	if in.Contexts != nil && len(in.Contexts.Custom) > 0 {
		more = append(more, "storage.objects.createContext")
	}
	return more
}

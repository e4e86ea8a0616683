package permission

import (
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore/iam"
)

// Services whose permissions are not Amazon's, as kinds of providers are called.
const (
	Azure  = "azure"
	Google = "gcs"
)

// grant is what a stage needs at one end of such a service.
type grant struct {
	end      End
	actions  string // between spaces, each without what all have in common
	why      string
	optional string // what becomes of it where it is denied; no role has it then
}

// grants returns what a stage needs of a service. A test runs each stage under the roles that follow, and fails
// for what is denied and for what is never used.
func (s Stage) grants(service string) []grant {
	switch service {
	case Azure:
		return azureGrants(s)
	case Google:
		return googleGrants(s)
	}
	return nil
}

// What optional actions are for.
const (
	journalStays = "they stay, without effect"
	probeMissing = "the first entry is erased alone, and the destination listed after it"
	leasesStay   = "where one is, the run says so and stops"
)

func azureGrants(s Stage) []grant {
	const find, facts = "read blobServices/containers/read",
		"deletedAccounts/read blobServices/read objectReplicationPolicies/read managementPolicies/read"
	const look = "blobServices/containers/blobs/read"
	// What is locked is not deleted: whether single versions can be is a property of the container.
	const remove = "blobServices/containers/read blobServices/containers/blobs/delete " +
		"blobServices/containers/blobs/deleteBlobVersion/action"
	const write, tags = "blobServices/containers/blobs/write", "blobServices/containers/blobs/tags/read"
	state := func(more ...grant) []grant {
		return append([]grant{{end: State, actions: find + " objectReplicationPolicies/read " + look,
			why: "read the state, and see where it is kept"}}, more...)
	}
	written := grant{end: State, actions: write, why: "write the state"}
	journal := grant{end: State, actions: remove, why: "remove parts of the journal", optional: journalStays}
	switch s {
	case Inventory:
		return []grant{
			{end: Anywhere, actions: find, why: "find the containers and their customers"},
			{end: Source, actions: facts + " " + look,
				why: "count what is there, and see where the account keeps it besides"},
			{end: Destination, actions: facts + " " + look,
				why: "count what is there, and see where the account keeps it besides"},
		}
	case Plan:
		return append(state(written),
			grant{end: Anywhere, actions: find, why: "find the containers and their customers"},
			grant{end: Source, actions: facts + " " + look + " " + tags, why: "list what would move, and read samples"},
			grant{end: Destination, actions: facts + " " + look,
				why: "see what the destination is like, and what is there"})
	case Copy:
		return append(state(written, journal),
			grant{end: Source, actions: find + " " + facts, why: "see what the account does by itself"},
			grant{end: Source, actions: look + " " + tags, why: "read what is copied"},
			grant{end: Source, actions: remove,
				why: "remove expired leases of earlier migrations", optional: leasesStay},
			grant{end: Destination, actions: find + " " + facts, why: "see that the container is as it was planned"},
			grant{end: Destination, actions: "blobServices/containers/write", why: "create the container"},
			grant{end: Destination, actions: look + " " + tags, why: "list and compare the copies"},
			grant{end: Destination, actions: write + " blobServices/containers/blobs/tags/write",
				why: "write the copies"},
			grant{end: Destination, actions: remove,
				why: "remove probes, leases, and copies of what has since changed at the source"})
	case Verify:
		return append(state(),
			grant{end: Destination, actions: "read " + look + " " + tags, why: "list the copies, and read them again"})
	case Erase:
		return append(state(written),
			grant{end: Source, actions: find + " " + facts, why: "see what the account does by itself"},
			grant{end: Source, actions: look, why: "check that the source is as verified, and empty in the end"},
			grant{end: Source, actions: remove, why: "delete what is proven"},
			grant{end: Source, actions: write,
				why:      "prove that a write at the source does not appear at the destination",
				optional: probeMissing},
			grant{end: Destination, actions: find + " " + facts + " " + look + " " + tags,
				why: "see that the copies are as verified"},
			grant{end: Destination, actions: write + " " + remove, why: "write and remove probes and the lease"})
	case Abort:
		return append(state(written, journal),
			grant{end: Source, actions: "read " + look, why: "see that nothing was erased"},
			grant{end: Destination, actions: "read " + look, why: "list what is there"},
			grant{end: Destination, actions: write + " " + remove, why: "remove what the plan wrote, under a lease"})
	}
	return nil
}

func googleGrants(s Stage) []grant {
	const search, facts = "buckets.list buckets.get", "buckets.get anywhereCaches.list"
	const list = "objects.list multipartUploads.list"
	const write, uploads = "objects.create", "multipartUploads.create"
	state := func(more ...grant) []grant {
		return append([]grant{{end: State, actions: "buckets.get objects.list objects.get",
			why: "read the state"}}, more...)
	}
	written := grant{end: State, actions: "objects.create objects.delete",
		why: "write the state, over what was there"}
	switch s {
	case Inventory:
		return []grant{
			{end: Anywhere, actions: search, why: "find the buckets and their customers"},
			{end: Source, actions: facts + " " + list, why: "count what is there, and see what is kept of it besides"},
			{end: Destination, actions: facts + " " + list,
				why: "count what is there, and see what is kept of it besides"},
		}
	case Plan:
		return append(state(written),
			grant{end: Anywhere, actions: search, why: "find the buckets and their customers"},
			grant{end: Source, actions: facts + " " + list + " objects.get",
				why: "list what would move, and read samples"},
			grant{end: Destination, actions: facts + " objects.list",
				why: "see what the destination is like, and what is there"})
	case Copy:
		return append(state(written),
			grant{end: Source, actions: facts, why: "see what the service does by itself"},
			grant{end: Source, actions: list + " objects.get", why: "read what is copied"},
			grant{end: Source, actions: "objects.delete",
				why: "remove expired leases of earlier migrations", optional: leasesStay},
			grant{end: Destination, actions: facts, why: "see that the bucket is as it was planned"},
			grant{end: Destination, actions: "buckets.create buckets.update",
				why: "create the bucket like the source's"},
			grant{end: Destination, actions: list + " objects.get", why: "list and compare the copies"},
			grant{end: Destination, actions: write + " " + uploads + " multipartUploads.listParts multipartUploads.abort",
				why: "write the copies"},
			grant{end: Destination, actions: "objects.delete",
				why: "remove probes, leases, parts, and copies of what has since changed at the source"})
	case Verify:
		return append(state(),
			grant{end: Destination, actions: "objects.list objects.get", why: "list the copies, and read them again"})
	case Erase:
		return append(state(written),
			grant{end: Source, actions: facts, why: "see what the service does by itself"},
			grant{end: Source, actions: list + " objects.get",
				why: "check that the source is as verified, and empty in the end"},
			grant{end: Source, actions: "objects.delete multipartUploads.abort", why: "delete what is proven"},
			grant{end: Source, actions: write,
				why:      "prove that a write at the source does not appear at the destination",
				optional: probeMissing},
			grant{end: Destination, actions: facts + " " + list + " objects.get",
				why: "see that the copies are as verified"},
			grant{end: Destination, actions: write + " objects.delete " + uploads + " multipartUploads.abort",
				why: "write and remove probes and the lease"})
	case Abort:
		return append(state(written),
			grant{end: Source, actions: "objects.list objects.get", why: "see that nothing was erased"},
			grant{end: Destination, actions: list + " objects.get", why: "list what is there"},
			grant{end: Destination, actions: write + " objects.delete multipartUploads.abort",
				why: "remove what the plan wrote, under a lease"},
			grant{end: Destination, actions: "buckets.get", why: "see what the service keeps of what was removed",
				optional: "how much that is, and until when, is not told"})
	}
	return nil
}

// action is the whole name of one.
func action(service, name string) string {
	switch {
	case service == Google:
		return "storage." + name
	case name == "deletedAccounts/read":
		return "Microsoft.Storage/" + name
	}
	return "Microsoft.Storage/storageAccounts/" + name
}

// about says what an action is on, and which requests need it, as the services' documents call them.
func about(action string) (on Place, requests string) {
	const account = "Microsoft.Storage/storageAccounts/"
	switch name := strings.TrimPrefix(action, account); name {
	case "Microsoft.Storage/deletedAccounts/read":
		return "the subscription", "Deleted Accounts - List"
	case "read":
		return "the subscription", "Storage Accounts - List, Storage Accounts - Get Properties"
	case "blobServices/read":
		return "the account", "Blob Services - Get Service Properties"
	case "managementPolicies/read":
		return "the account", "Management Policies - Get"
	case "objectReplicationPolicies/read":
		return "the account", "Object Replication Policies - List"
	case "blobServices/containers/read":
		return TheBucket, "Blob Containers - List, Blob Containers - Get, List Containers, Get Container Properties"
	case "blobServices/containers/write":
		return TheBucket, "Create Container, Blob Containers - Create, Set Container Metadata"
	case "blobServices/containers/blobs/read":
		return Data, "List Blobs, Get Blob, Get Blob Properties, Get Block List"
	case "blobServices/containers/blobs/write":
		return Data, "Put Blob, Put Block, Put Block List"
	case "blobServices/containers/blobs/delete":
		return Data, "Delete Blob"
	case "blobServices/containers/blobs/deleteBlobVersion/action":
		return Data, "Delete Blob (of a version)"
	case "blobServices/containers/blobs/tags/read":
		return Data, "Get Blob Tags"
	case "blobServices/containers/blobs/tags/write":
		return Data, "Put Blob, Put Block List (with tags)"
	case "storage.buckets.list", "storage.buckets.create":
		return "the project", name
	case "storage.objects.create":
		return Data, "storage.objects.insert, storage.objects.rewrite, storage.multipartUploads.create"
	case "storage.objects.get":
		return Data, "storage.objects.get, storage.objects.rewrite"
	case "storage.objects.delete":
		return Data, "storage.objects.delete; storage.objects.insert, storage.objects.rewrite (over another)"
	}
	if strings.HasPrefix(action, "storage.objects.") && action != "storage.objects.list" {
		return Data, action
	}
	return TheBucket, action
}

// granted are the rows of a service's roles.
func (w Where) granted(stages []Stage) []Row {
	var rows []Row
	for _, s := range stages {
		for _, g := range s.grants(w.Service) {
			if g.end == Anywhere && w.End == State || g.end != Anywhere && g.end != w.End {
				continue
			}
			for _, name := range strings.Fields(g.actions) {
				a := action(w.Service, name)
				on, requests := about(a)
				rows = append(rows, Row{Action: a, Resources: []string{w.scope()}, Stage: s,
					Use: Use{End: w.End, Place: on, Operation: requests, Why: g.why, Optional: g.optional}})
			}
		}
	}
	return rows
}

// scope is where a role of the end can be given: the subscription, or the project.
func (w Where) scope() string {
	if w.Service == Azure {
		return "/subscriptions/" + w.Account
	}
	return "projects/" + w.Account
}

// allowed are the actions that a role has, and left those that are optional and no role has.
func allowed(rows []Row) (has, left []string) {
	for _, r := range rows {
		if r.Use.Optional == "" {
			has = append(has, r.Action)
		} else {
			left = append(left, r.Action)
		}
	}
	has = distinct(has)
	left = slices.DeleteFunc(distinct(left), func(a string) bool { return slices.Contains(has, a) })
	return has, left
}

// role makes the document of a service that has roles.
func (w Where) role(d Document) Document {
	var names []string
	for _, s := range d.Stages {
		names = append(names, string(s))
	}
	if w.Account == "" {
		w.Account = map[string]string{Azure: Subscription, Google: Project}[w.Service]
	}
	d.Rows = w.granted(d.Stages)
	has, left := allowed(d.Rows)
	d.Left = left
	title := strings.TrimSpace("residency " + strings.Join(names, ", ") + ": " + w.Name() + " " + w.Provider)
	what := "The least that residency needs for " + strings.Join(names, ", ") + " at this end"
	if w.Service == Azure {
		d.Role = iam.NewAzureRole(title, what, w.Account, has)
	} else {
		d.Role = iam.NewGoogleRole(title, what, w.Account, has)
	}
	return d
}

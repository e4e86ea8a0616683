package azurestore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// armVersion is that of the storage resource provider whose answers are read ("Storage Resource
// Provider REST API"); it is what armstorage 1.8.1 asks for.
const armVersion = "2024-01-01"

// What Resource Manager may make us hold.
const (
	maxARM    = 16 << 20 // bytes of one answer
	armPages  = 2000     // of one list
	maxListed = 1 << 20  // entries of one list
)

// Operations, as the documents of the storage resource provider name them.
const (
	listAccounts    = "Storage Accounts - List"
	getAccount      = "Storage Accounts - Get Properties"
	getService      = "Blob Services - Get Service Properties"
	setService      = "Blob Services - Set Service Properties"
	listContainers  = "List Containers"
	armContainers   = "Blob Containers - List"
	getContainer    = "Blob Containers - Get"
	createContainer = "Blob Containers - Create"
	listReplication = "Object Replication Policies - List"
	getLifecycle    = "Management Policies - Get"
	listDeleted     = "Deleted Accounts - List"
)

// Permissions ("Azure permissions for Storage").
const (
	readAccounts     = "Microsoft.Storage/storageAccounts/read"
	readService      = "Microsoft.Storage/storageAccounts/blobServices/read"
	writeService     = "Microsoft.Storage/storageAccounts/blobServices/write"
	readContainers   = "Microsoft.Storage/storageAccounts/blobServices/containers/read"
	writeContainers  = "Microsoft.Storage/storageAccounts/blobServices/containers/write"
	deleteContainers = "Microsoft.Storage/storageAccounts/blobServices/containers/delete"
	readReplication  = "Microsoft.Storage/storageAccounts/objectReplicationPolicies/read"
	readLifecycle    = "Microsoft.Storage/storageAccounts/managementPolicies/read"
	readDeleted      = "Microsoft.Storage/deletedAccounts/read"
)

// manager asks Azure Resource Manager about one subscription.
type manager struct {
	send         *transport
	at           *url.URL
	subscription string
	name         string // of the provider
	deleted      memo[[]armDeleted]
}

// call makes a request about a resource, by its ID.
func (m *manager) call(op, method, id, where string, needs ...string) *call {
	return &call{op: op, where: m.name + ":" + where, method: method, repeat: method == http.MethodGet, needs: needs,
		header: http.Header{"Accept": {"application/json"}},
		url:    &url.URL{Scheme: m.at.Scheme, Host: m.at.Host, Path: id, RawQuery: "api-version=" + armVersion}}
}

// get reads a resource into v.
func (m *manager) get(ctx context.Context, c *call, v any) error {
	data, _, err := m.send.document(ctx, c, maxARM)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return c.broken(errJSON)
	}
	return nil
}

// errJSON replaces the decoder's error, which may quote what it read.
var errJSON = errors.New("the answer is not the JSON that it should be")

// put sends a resource and discards the answer.
func (m *manager) put(ctx context.Context, c *call, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return c.broken(err)
	}
	c.body, c.size = bytes.NewReader(data), int64(len(data))
	c.header.Set("Content-Type", "application/json")
	_, err = m.send.done(ctx, c)
	return err
}

// list reads all pages of a list, and hands on the entries of each.
func list[T any](ctx context.Context, m *manager, c *call, each func(T)) error {
	listed := 0
	for range armPages {
		var page struct {
			Value []T    `json:"value"`
			Next  string `json:"nextLink"`
		}
		if err := m.get(ctx, c, &page); err != nil {
			return err
		}
		for _, v := range page.Value {
			each(v)
		}
		if page.Next == "" {
			return nil
		}
		if listed += len(page.Value); listed > maxListed {
			break
		}
		next, err := m.next(c, page.Next)
		if err != nil {
			return err
		}
		c.url = next
	}
	return c.broken(fmt.Errorf("%w: the list has no end", objectstore.ErrOrder))
}

// next is where the next page of a list is: at Resource Manager, who may write its port, and nowhere
// else.
func (m *manager) next(c *call, link string) (*url.URL, error) {
	u, err := url.Parse(link)
	switch {
	case err != nil, u.User != nil, objectstore.Origin(link) != objectstore.Origin(m.at.String()):
		return nil, c.broken(fmt.Errorf("%w: the next page is said to be somewhere else", objectstore.ErrOrder))
	}
	if u.Host = m.at.Host; u.String() == c.url.String() {
		return nil, c.broken(fmt.Errorf("%w: the next page is this one", objectstore.ErrOrder))
	}
	return u, nil
}

// accounts lists the subscription's.
func (m *manager) accounts(ctx context.Context) ([]armAccount, error) {
	c := m.call(listAccounts, http.MethodGet, m.id("/storageAccounts"), "subscription", readAccounts)
	var all []armAccount
	err := list(ctx, m, c, func(a armAccount) { all = append(all, a) })
	return all, err
}

// id is that of something of the subscription's storage.
func (m *manager) id(rest string) string {
	return "/subscriptions/" + m.subscription + "/providers/Microsoft.Storage" + rest
}

// checkID holds an account's ID, as Resource Manager tells it, against what it must be:
// requests are made of it.
func (m *manager) checkID(id, account string) error {
	parts := strings.Split(id, "/")
	if len(parts) != 9 || parts[0] != "" || !strings.EqualFold(parts[1], "subscriptions") ||
		!strings.EqualFold(parts[2], m.subscription) || !strings.EqualFold(parts[7], "storageAccounts") ||
		parts[8] != account || parts[4] == ".." || parts[4] == "." {
		return fmt.Errorf("the ID of account %s is not of this subscription", account)
	}
	return nil
}

package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// AzureRole is a custom role as "az role definition create" takes it (Azure documentation, "Azure custom roles",
// custom role properties).
type AzureRole struct {
	Name             string
	IsCustom         bool
	Description      string
	Actions          []string
	NotActions       []string
	DataActions      []string
	NotDataActions   []string
	AssignableScopes []string
}

// NewAzureRole makes a role that can be assigned in a subscription. Of the actions, those on blobs are data
// actions ("Azure permissions for Storage").
func NewAzureRole(name, description, subscription string, actions []string) AzureRole {
	r := AzureRole{Name: name, IsCustom: true, Description: description, Actions: []string{}, NotActions: []string{},
		DataActions: []string{}, NotDataActions: []string{}, AssignableScopes: []string{"/subscriptions/" + subscription}}
	for _, a := range least(actions) {
		if strings.HasPrefix(a, "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/") {
			r.DataActions = append(r.DataActions, a)
		} else {
			r.Actions = append(r.Actions, a)
		}
	}
	return r
}

// JSON writes a role as the Azure CLI takes it.
func (r AzureRole) JSON() ([]byte, error) { return indented(r) }

// Terraform writes a role as a resource of that name, as terraform fmt has it.
func (r AzureRole) Terraform(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "resource \"azurerm_role_definition\" %s {\n  name        = %s\n  scope       = %s\n"+
		"  description = %s\n", quote(name), quote(r.Name), quote(r.AssignableScopes[0]), quote(r.Description))
	b.WriteString("\n  permissions {")
	list(&b, "actions", r.Actions)
	list(&b, "data_actions", r.DataActions)
	b.WriteString("  }\n}\n")
	return b.String()
}

// GoogleRole is a custom role as "gcloud iam roles create --file" takes it (IAM documentation, "Create and manage
// custom roles").
type GoogleRole struct {
	Title               string   `json:"title"`
	Description         string   `json:"description"`
	Stage               string   `json:"stage"`
	IncludedPermissions []string `json:"includedPermissions"`

	project string
}

// NewGoogleRole makes a role of a project.
func NewGoogleRole(title, description, project string, permissions []string) GoogleRole {
	return GoogleRole{Title: title, Description: description, Stage: "GA", IncludedPermissions: least(permissions),
		project: project}
}

// JSON writes a role as gcloud takes it.
func (r GoogleRole) JSON() ([]byte, error) { return indented(r) }

// Terraform writes a role as a resource of that name, as terraform fmt has it.
func (r GoogleRole) Terraform(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "resource \"google_project_iam_custom_role\" %s {\n  project     = %s\n  role_id     = %s\n"+
		"  title       = %s\n  description = %s\n", quote(name), quote(r.project), quote(roleID(name)), quote(r.Title),
		quote(r.Description))
	b.WriteString("\n  permissions = [\n")
	for _, p := range r.IncludedPermissions {
		fmt.Fprintf(&b, "    %s,\n", quote(p))
	}
	b.WriteString("  ]\n}\n")
	return b.String()
}

// roleID is a name of a role: letters, digits, underscores and periods (IAM documentation, "Create and manage
// custom roles", naming).
func roleID(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.", r) {
			return r
		}
		return '_'
	}, name)
}

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// Role is a document by which a service allows actions.
type Role interface {
	JSON() ([]byte, error)
	Terraform(name string) string
}

package gcsstore

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/residency/residency/inventory/objectstore"
)

// scope is what tokens are asked for: to read and change what there is, and who may
// (Cloud Storage documentation, "Cloud Storage OAuth 2.0 scopes").
const scope = "https://www.googleapis.com/auth/devstorage.full_control"

// universe is the domain that Google itself answers under. Others have credentials of
// their own under it (package golang.org/x/oauth2/google, "UniverseDomain").
const universe = "googleapis.com"

// tokenTime bounds how long a token is waited for.
const tokenTime = 30 * time.Second

// identity is as whom a provider speaks. Its methods may be called concurrently.
type identity struct {
	nobody bool // requests carry no token
	own    bool // they go to Google itself
	named  string

	find func(context.Context) (*google.Credentials, error)

	mu      sync.Mutex
	tokens  oauth2.TokenSource // nil: not looked for yet
	project string             // that the credentials name
	account string             // that they are of, where their file says it
}

func newIdentity(o Options, own bool) *identity {
	u, err := url.Parse(o.Endpoint)
	here := err == nil && o.Endpoint != "" && local(u.Hostname())
	return &identity{nobody: o.Credentials == nil && here, own: own, named: o.Project, tokens: o.Credentials,
		find: func(ctx context.Context) (*google.Credentials, error) {
			return google.FindDefaultCredentials(ctx, scope)
		}}
}

// local tells whether a host is this machine, or is meant to be: no token goes there. What may
// go there in the clear is another question, for which resolvers may find names beneath
// localhost elsewhere.
func local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.Unmap().IsLoopback()
}

// source finds the credentials. Those that were not found are looked for again.
func (i *identity) source(ctx context.Context) (oauth2.TokenSource, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.tokens != nil {
		return i.tokens, nil
	}
	// What is found keeps the context, and fetches tokens under it for as long as there are requests.
	ctx = context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, &http.Client{Timeout: tokenTime})
	found, err := i.find(ctx)
	if err != nil {
		return nil, errNoCredentials()
	}
	if domain, err := found.GetUniverseDomain(); i.own && (err != nil || domain != universe) {
		return nil, errOtherUniverse()
	}
	i.tokens, i.project, i.account = found.TokenSource, found.ProjectID, accountOf(found.JSON)
	return i.tokens, nil
}

// authorize adds a token to a request. An error is a kind of objectstore.ErrCredentials.
func (i *identity) authorize(r *http.Request) error {
	if i.nobody {
		return nil
	}
	source, err := i.source(r.Context())
	if err != nil {
		return err
	}
	token, err := source.Token()
	if err != nil {
		return tokenError(err)
	}
	token.SetAuthHeader(r)
	return nil
}

// projectOf is the configured project, or the one that the credentials name; empty if neither does.
func (i *identity) projectOf(ctx context.Context) string {
	if i.named != "" || i.nobody {
		return i.named
	}
	if _, err := i.source(ctx); err != nil {
		return ""
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.project
}

// accountOf is the service account of a file of credentials: of a key, or of one that is impersonated by
// others ("Application Default Credentials", client_email and service_account_impersonation_url);
// empty if it names none.
func accountOf(file []byte) string {
	var f struct {
		Email       string `json:"client_email"`
		Impersonate string `json:"service_account_impersonation_url"`
	}
	if json.Unmarshal(file, &f) != nil {
		return ""
	}
	if _, name, ok := strings.Cut(f.Impersonate, "/serviceAccounts/"); ok {
		name, _, _ = strings.Cut(name, ":")
		return name
	}
	return f.Email
}

// Caller implements objectstore.Identifier with what the file of credentials says: the service's tokens do
// not tell whose they are.
func (s *Store) Caller(ctx context.Context) objectstore.Caller {
	i := s.transport.identity
	if i.nobody {
		return objectstore.Caller{Reason: "requests to this machine carry no credentials"}
	}
	if _, err := i.source(ctx); err != nil {
		return objectstore.Caller{Reason: err.Error()}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.account == "" {
		return objectstore.Caller{Reason: "the credentials do not name an account, and the service's tokens do not tell " +
			"whose they are"}
	}
	return objectstore.Caller{ARN: i.account}
}

const signIn = "run gcloud auth application-default login, or let GOOGLE_APPLICATION_CREDENTIALS name a file of " +
	"credentials"

func errNoCredentials() error {
	return objectstore.CredentialsError{Text: "no application default credentials of Google's were found", Next: signIn}
}

func errOtherUniverse() error {
	return objectstore.CredentialsError{Text: "the application default credentials are not known to be Google's own, " +
		"but of another cloud", Next: "configure that cloud as a provider of its own, with its endpoint"}
}

// tokenError says why there is no token. The text of a refusal may hold the secret that
// was sent, and is left out.
func tokenError(err error) error {
	text := "no token was given for the credentials"
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode != "":
		text += " (" + refused.ErrorCode + ")"
	case errors.As(err, new(*url.Error)):
		text = "the service that gives tokens for the credentials does not answer"
	}
	return objectstore.CredentialsError{Text: text, Next: signIn}
}

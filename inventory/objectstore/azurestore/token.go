package azurestore

import (
	"context"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/residency/residency/inventory/objectstore"
)

// renewBefore is how long before its end a token is replaced. Managed identities give out the
// one that they have until shortly before (Microsoft Entra documentation, "How to use managed
// identities to acquire an access token", Token caching).
const renewBefore = 5 * time.Minute

// tokens keeps one token of one scope. It is safe for concurrent use.
type tokens struct {
	from  azcore.TokenCredential
	scope string
	now   func() time.Time
	turn  chan struct{} // holds one while the token is looked at
	token azcore.AccessToken
}

func newTokens(from azcore.TokenCredential, scope string, now func() time.Time) *tokens {
	return &tokens{from: from, scope: scope, now: now, turn: make(chan struct{}, 1)}
}

// get returns a token that is good for a while.
func (t *tokens) get(ctx context.Context) (string, error) {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-t.turn }()
	now := t.now()
	if t.token.Token != "" && now.Before(t.token.ExpiresOn.Add(-renewBefore)) &&
		(t.token.RefreshOn.IsZero() || now.Before(t.token.RefreshOn)) {
		return t.token.Token, nil
	}
	fresh, err := t.from.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{t.scope}})
	switch {
	case err == nil:
		t.token = fresh
	case ctx.Err() != nil:
		return "", ctx.Err()
	case t.token.Token != "" && now.Before(t.token.ExpiresOn):
		// The old one still serves.
	default:
		return "", objectstore.CredentialsError{Text: "no token for " + t.scope + ": " + tried(err),
			Next: "run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"}
	}
	return t.token.Token, nil
}

// tried is which credentials were tried, and what each said first. The library's own text is
// many lines, with whole answers in them.
func tried(err error) string {
	var said []string
	for line := range strings.Lines(err.Error()) {
		name, text, ok := strings.Cut(strings.TrimSpace(line), "Credential")
		if !ok || strings.ContainsAny(name, " :/") || name == "ChainedToken" {
			continue
		}
		text = strings.Trim(text, ": .")
		if len(text) > mostSaid {
			text = strings.ToValidUTF8(text[:mostSaid], "") + "…"
		}
		said = append(said, name+": "+text)
	}
	if len(said) == 0 {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return first
	}
	return strings.Join(said, "; ")
}

// mostSaid bounds what is shown of one credential's text, in bytes.
const mostSaid = 100

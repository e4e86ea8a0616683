package gcsstore

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
)

// TestDefaultCredentials are looked for once there is a request, and no more once they were
// found.
func TestDefaultCredentials(t *testing.T) {
	i := newIdentity(Options{}, true)
	looked := 0
	i.find = func(context.Context) (*google.Credentials, error) {
		if looked++; looked == 1 {
			return nil, errors.New("could not find default credentials in /home/somebody")
		}
		return &google.Credentials{ProjectID: "theirs", TokenSource: oauth2.StaticTokenSource(&oauth2.Token{
			AccessToken: "token"})}, nil
	}
	if looked != 0 {
		t.Error("they are looked for before there is a request")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, service, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.authorize(r); !errors.Is(err, objectstore.ErrCredentials) || remedy.For(err) == "" {
		t.Errorf("not found: %v", err)
	}
	for range 3 {
		if err := i.authorize(r); err != nil || r.Header.Get("Authorization") != "Bearer token" {
			t.Errorf("found: %v, %q", err, r.Header.Get("Authorization"))
		}
	}
	if looked != 2 {
		t.Errorf("looked for %d times", looked)
	}
	if p := i.projectOf(t.Context()); p != "theirs" {
		t.Errorf("project %q", p)
	}
	if i.named = "ours"; i.projectOf(t.Context()) != "ours" {
		t.Error("the configured project gives way to that of the credentials")
	}
}

// TestCredentialsOfAnotherCloud do not go to Google: whoever runs that one has given them.
func TestCredentialsOfAnotherCloud(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	text := `{"type":"service_account","client_email":"a","private_key":"b","token_uri":"https://other.example",` +
		`"universe_domain":"other.example"}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	for own, want := range map[bool]error{true: objectstore.ErrCredentials, false: nil} {
		_, err := newIdentity(Options{Endpoint: "https://storage.other.example"}, own).source(t.Context())
		if !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("Google itself: %v: %v", own, err)
		}
	}
}

// TestNobodyOnThisMachine: emulators take no credentials, and a customer's are not for them.
func TestNobodyOnThisMachine(t *testing.T) {
	for endpoint, nobody := range map[string]bool{"http://127.0.0.1:1": true, "https://localhost": true, "": false,
		"https://storage.example": false} {
		if i := newIdentity(Options{Endpoint: endpoint}, endpoint == ""); i.nobody != nobody {
			t.Errorf("%q: nobody is %v", endpoint, i.nobody)
		}
	}
	some := Options{Endpoint: "http://127.0.0.1:1", Credentials: oauth2.StaticTokenSource(&oauth2.Token{})}
	if newIdentity(some, false).nobody {
		t.Error("credentials that are given are left out")
	}
}

func TestTokensThatAreNotGiven(t *testing.T) {
	for _, err := range []error{errors.New("secret"), &url.Error{Op: "Post", URL: "https://secret",
		Err: errors.New("x")}, &oauth2.RetrieveError{ErrorCode: "invalid_grant", Body: []byte("secret")}} {
		got := tokenError(err)
		if !errors.Is(got, objectstore.ErrCredentials) || remedy.For(got) == "" {
			t.Errorf("%v", got)
		}
		if text := got.Error(); text == "" || len(text) > 200 || errors.Is(got, err) {
			t.Errorf("text %q", text)
		}
	}
}

package s3store_test

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/remedy"
)

// awsConfig has a profile for each way to credentials.
const awsConfig = `
[profile role]
role_arn = arn:aws:iam::111122223333:role/r
source_profile = base
[profile base]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = secret
aws_session_token = token
[profile sso]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = r
[sso-session corp]
sso_region = eu-west-1
sso_start_url = https://example.awsapps.com/start
[profile process]
credential_process = false
`

// What keeps a store from having credentials is called by its own name, and is of the
// kind that ends a run: never a denial of the storage, which nobody has asked.
func TestUnidentified(t *testing.T) {
	for _, tt := range []struct {
		name    string
		profile string
		env     map[string]string
		token   string // the file of web identity; empty: none
		session string // when the SSO session ends; empty: there is none
		sts     string // the code with which STS refuses
		text    string
		next    string
	}{
		{name: "a role that is refused", profile: "role", sts: "AccessDenied",
			text: "STS does not let these credentials have the role (AssumeRole, AccessDenied)", next: "give them sts:AssumeRole"},
		{name: "a session that has expired", profile: "role", sts: "ExpiredToken",
			text: "the session token by which the role is asked for has expired", next: "get new temporary credentials"},
		{name: "keys that STS does not know", profile: "role", sts: "InvalidClientTokenId",
			text: "STS does not know the keys by which the role is asked for", next: "source_profile"},
		{name: "a region in which STS is not enabled", profile: "role", sts: "RegionDisabledException",
			text: "STS is not enabled in its region", next: "enable the region"},
		{name: "STS that does not answer", profile: "role", sts: "-", text: "STS did not answer", next: "can be reached from here"},
		{name: "another refusal of STS", profile: "role", sts: "PackedPolicyTooLarge",
			text: "STS gave no credentials (AssumeRole, PackedPolicyTooLarge)", next: "get-caller-identity"},
		{name: "a web identity without its file", env: map[string]string{"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/r",
			"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token"},
			text: "the web identity token cannot be read: unable to read file at /nowhere/token", next: "AWS_WEB_IDENTITY_TOKEN_FILE"},
		{name: "a web identity that has expired", env: map[string]string{"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/r"},
			token: "jwt", sts: "ExpiredTokenException", text: "the web identity token has expired", next: "still renews the file"},
		{name: "a web identity that is not accepted", env: map[string]string{"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/r"},
			token: "jwt", sts: "InvalidIdentityToken", text: "STS does not accept the web identity token", next: "identity provider"},
		{name: "a web identity whose role is refused", env: map[string]string{"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/r"},
			token: "jwt", sts: "AccessDenied", text: "STS does not let these credentials have the role", next: "audience and the"},
		{name: "an SSO session that was never begun", profile: "sso", text: "the SSO session was never begun on this machine",
			next: "aws sso login"},
		{name: "an SSO session that has expired", profile: "sso", session: "2020-01-01T00:00:00Z",
			text: "the SSO session has expired", next: "aws sso login"},
		{name: "a process that fails", profile: "process", text: "the credential_process of the profile gave no credentials",
			next: "by hand"},
		{name: "a line break in a key", env: map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE\n", "AWS_SECRET_ACCESS_KEY": "x"},
			text: "the access key ID has a line break", next: "printf"},
		{name: "a line break in a secret", env: map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
			"AWS_SECRET_ACCESS_KEY": "secret\r\n"}, text: "the secret access key has a line break", next: "printf"},
		{name: "a line break in a token", env: map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
			"AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "to\nken"}, text: "the session token has a line break",
			next: "printf"},
		{name: "no credentials at all", text: "credentials missing, invalid or expired", next: "check the profile"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := t.TempDir()
			for name, value := range map[string]string{"HOME": home, "USERPROFILE": home, "AWS_CONFIG_FILE": filepath.Join(home, "config"),
				"AWS_SHARED_CREDENTIALS_FILE": filepath.Join(home, "credentials"), "AWS_EC2_METADATA_DISABLED": "true",
				"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
				"AWS_MAX_ATTEMPTS": "1", "AWS_REGION": "eu-west-1"} {
				t.Setenv(name, value)
			}
			write(t, filepath.Join(home, "config"), awsConfig)
			if tt.token != "" {
				write(t, filepath.Join(home, "jwt"), tt.token)
				t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", filepath.Join(home, "jwt"))
			}
			if tt.session != "" {
				name := sha1.Sum([]byte("corp"))
				write(t, filepath.Join(home, ".aws", "sso", "cache", hex.EncodeToString(name[:])+".json"),
					fmt.Sprintf(`{"accessToken": "t", "expiresAt": %q}`, tt.session))
			}
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprintf(w, "<ErrorResponse><Error><Code>%s</Code><Message>User is not authorized</Message></Error></ErrorResponse>", tt.sts)
			}))
			t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
			if tt.sts == "-" {
				sts.Close()
			} else {
				defer sts.Close()
			}
			storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				t.Errorf("the storage was asked: %s %s", r.Method, r.URL)
				w.WriteHeader(http.StatusForbidden)
			}))
			defer storage.Close()
			p, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: tt.profile,
				Endpoints: map[string]string{"eu-west-1": storage.URL}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Region("eu-west-1").Stat(t.Context(), objectstore.Ref{Bucket: "b", Key: "k"}, 0)
			if !errors.Is(err, objectstore.ErrCredentials) || !objectstore.Hopeless(err) || !objectstore.Permanent(err) ||
				errors.Is(err, objectstore.ErrDenied) || errors.Is(err, objectstore.ErrUnanswered) {
				t.Errorf("%v is not of the kind that ends a run", err)
			}
			if !strings.Contains(fmt.Sprint(err), tt.text) || !strings.Contains(remedy.For(err), tt.next) ||
				!strings.Contains(remedy.For(err), "run the same command again") {
				t.Errorf("%v; next: %s\nwant %q; next: %q", err, remedy.For(err), tt.text, tt.next)
			}
			if strings.Contains(fmt.Sprint(err), "secret\n") || strings.ContainsAny(fmt.Sprint(err), "\r\n") {
				t.Errorf("%q has what nobody is to see", err)
			}
		})
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// Keys that are not known in a region which has to be enabled, and a session that is over,
// are called so.
func TestRefusedForWhoAsks(t *testing.T) {
	var code string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
	}))
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for _, tt := range []struct{ region, code, text, next string }{
		{"af-south-1", "InvalidAccessKeyId", "not known in af-south-1, which each account has to enable first",
			"aws account enable-region --region-name af-south-1"},
		{"eu-south-2", "InvalidToken", "not known in eu-south-2, which each account has to enable first", "enable-region"},
		{"eu-west-1", "InvalidToken", "credentials missing, invalid or expired", "check the profile"},
		{"eu-west-1", "ExpiredToken", "the session token has expired", "get new temporary credentials"},
		{"af-south-1", "ExpiredToken", "the session token has expired", "get new temporary credentials"},
	} {
		t.Run(tt.region+" "+tt.code, func(t *testing.T) {
			code = tt.code
			p, err := s3store.Open(t.Context(), s3store.Anywhere(s3store.Options{Name: "aws", Amazon: true, Account: "111122223333",
				Endpoints: map[string]string{tt.region: ""}, Backoff: func(int, error) (time.Duration, error) { return 0, nil }}))
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Region(tt.region).Tags(t.Context(), objectstore.Ref{Bucket: "b", Key: "k"})
			if !errors.Is(err, objectstore.ErrCredentials) || errors.Is(err, objectstore.ErrDenied) ||
				!strings.Contains(fmt.Sprint(err), tt.text) || !strings.Contains(remedy.For(err), tt.next) {
				t.Errorf("%v; next: %s\nwant %q; next: %q", err, remedy.For(err), tt.text, tt.next)
			}
		})
	}
}

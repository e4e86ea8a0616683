package gcsstore

import "testing"

// A file of credentials names its account, or the one that it stands for.
func TestAccountOf(t *testing.T) {
	for file, want := range map[string]string{
		`{"type":"service_account","client_email":"mover@acme.iam.gserviceaccount.com"}`: "mover@acme.iam.gserviceaccount.com",
		`{"type":"external_account","service_account_impersonation_url":` +
			`"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/mover@acme.iam.gserviceaccount.com:generateAccessToken"}`: "mover@acme.iam.gserviceaccount.com",
		`{"type":"authorized_user","client_id":"x"}`: "", "": "", "[": "",
	} {
		if got := accountOf([]byte(file)); got != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
}

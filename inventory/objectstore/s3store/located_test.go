package s3store

import "testing"

// Who answers is said as it is, whatever the configuration calls it.
func TestURL(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	for _, tt := range []struct{ name, configured, ambient, want string }{
		{"Amazon", "", "", "https://s3.eu-west-1.amazonaws.com"},
		{"configured", "http://127.0.0.1:9101", "", "http://127.0.0.1:9101"},
		{"ambient", "", "http://127.0.0.1:9102", "http://127.0.0.1:9102"},
		{"configured before ambient", "http://127.0.0.1:9101", "http://127.0.0.1:9102", "http://127.0.0.1:9101"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("AWS_ENDPOINT_URL_S3", tt.ambient)
			p, err := Open(t.Context(), Anywhere(Options{Name: "aws", Endpoint: tt.configured, Account: "123456789012"}))
			if err != nil {
				t.Fatal(err)
			}
			s := p.Region("eu-west-1")
			if s.URL() != tt.want || s.Account(t.Context()) != "123456789012" {
				t.Errorf("%s of %s, want %s", s.URL(), s.Account(t.Context()), tt.want)
			}
		})
	}
}

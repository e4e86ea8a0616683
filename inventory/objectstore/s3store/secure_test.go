package s3store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
)

func TestInsecureEndpoints(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for endpoint, want := range map[string]error{
		"https://s3.example.com": nil, "http://127.0.0.1:9000": nil, "http://localhost:9000": nil, "http://[::1]:9000": nil,
		"http://LOCALHOST:9000": nil, "http://localhost.:9000": nil, "http://localhost..:9000": objectstore.ErrInsecure,
		"http://s3.example.com": objectstore.ErrInsecure, "http://10.0.0.1:9000": objectstore.ErrInsecure,
		"http://localhost.example.com": objectstore.ErrInsecure, "http://127.0.0.1.example.com": objectstore.ErrInsecure,
	} {
		for _, insecure := range []bool{false, true} {
			_, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Insecure: insecure,
				Endpoints: map[string]string{"r": endpoint}})
			if insecure && err != nil || !insecure && !errors.Is(err, want) {
				t.Errorf("%s, insecure %t: %v, want %v", endpoint, insecure, err, want)
			}
		}
	}
	for _, endpoint := range []string{"https://user:pass-xq@s3.example.com", "http://user:pass-xq@127.0.0.1:1",
		"https://%zzpass-xq@host", "ftp://host", "s3.example.com"} {
		_, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Endpoint: endpoint})
		if err == nil || strings.Contains(err.Error(), "pass-xq") {
			t.Errorf("%s: %v, want an error without the password", endpoint, err)
		}
	}
}

// An address of the environment is no way around the configuration.
func TestInsecureDetours(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://s3.eu-west-1.amazonaws.com")
	p, err := s3store.Open(t.Context(), s3store.Options{Name: "aws", Account: "123456789012", Amazon: true})
	if err != nil {
		t.Fatal(err)
	}
	err = p.Region("eu-west-1").DeleteIf(t.Context(), "bucket", objectstore.Deletion{Key: "k-xq", VersionID: "v"})
	if !errors.Is(err, objectstore.ErrInsecure) || strings.Contains(err.Error(), "k-xq") {
		t.Errorf("%v, want ErrInsecure", err)
	}
}

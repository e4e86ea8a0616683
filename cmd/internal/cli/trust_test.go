package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Authorities are read in where connections are set up, and nothing else waits for them.
func TestTrust(t *testing.T) {
	file := filepath.Join(t.TempDir(), "residency.yaml")
	const text = `version: 1
providers:
  cloud:
    type: s3
    operator: {name: Example, country: FR}
    regions:
      eu-west-1: {endpoint: "https://[::1]:1", country: FR}
customers:
  acme: {data: ["cloud:bucket"]}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args  string
		trust int
	}{
		{"--version", 0}, {"config check --config " + file, 0}, {"regions show eu-west-1 --config " + file, 0},
		{"permissions --stage copy --config " + file, 0},
		{"plan --to eu-west-1 --customer acme --config " + file, 1},
	} {
		var out strings.Builder
		n := 0
		Main(t.Context(), Streams{In: strings.NewReader(""), Out: &out, Err: &out},
			strings.Fields(tt.args+" --state "+t.TempDir()), func(string) string { return "" }, nil, func() { n++ })
		if n != tt.trust {
			t.Errorf("%s: called %d times, want %d\n%s", tt.args, n, tt.trust, &out)
		}
	}
}

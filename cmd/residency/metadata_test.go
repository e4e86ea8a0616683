package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// metadataCommand starts the metadata services of a machine, and has residency ask them and
// nobody else: metadata [aws=ZONE] [azure=LOCATION] [google=ZONE].
func metadataCommand(ts *testscript.TestScript, neg bool, args []string) {
	told := make(map[string]string)
	for _, arg := range args {
		service, place, ok := strings.Cut(arg, "=")
		if !ok || neg {
			ts.Fatalf("usage: metadata [aws=ZONE] [azure=LOCATION] [google=ZONE]")
		}
		told[service] = place
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := ""
		switch r.Method + " " + r.URL.Path {
		case "PUT /latest/api/token":
			answer = map[bool]string{true: "token"}[told["aws"] != ""]
		case "GET /latest/meta-data/placement/availability-zone":
			if r.Header.Get("X-Aws-Ec2-Metadata-Token") == "token" {
				answer = told["aws"]
			}
		case "GET /metadata/instance/compute/location":
			if r.Header.Get("Metadata") == "true" {
				answer = told["azure"]
			}
		case "GET /computeMetadata/v1/instance/zone":
			if r.Header.Get("Metadata-Flavor") == "Google" && told["google"] != "" {
				w.Header().Set("Metadata-Flavor", "Google")
				answer = "projects/123/zones/" + told["google"]
			}
		}
		if answer == "" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, answer)
	}))
	ts.Defer(server.Close)
	ts.Setenv("METADATA", server.URL)
	for _, name := range []string{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "RESIDENCY_METADATA_AZURE",
		"RESIDENCY_METADATA_GOOGLE"} {
		ts.Setenv(name, server.URL)
	}
	ts.Setenv("AWS_EC2_METADATA_DISABLED", "")
	ts.Setenv("RESIDENCY_METADATA", "")
}

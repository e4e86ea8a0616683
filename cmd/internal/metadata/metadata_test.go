package metadata

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/migrate/certificate"
)

// strict answers as the documents of the services say, and refuses anything else.
func strict(zone string) http.Handler {
	const token = "AQAEAtoken=="
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") == "" || r.Header.Get("X-Forwarded-For") != "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, token)
	})
	mux.HandleFunc("GET /latest/meta-data/placement/availability-zone", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Aws-Ec2-Metadata-Token") != token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, zone)
	})
	mux.HandleFunc("GET /v4/id/task", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"Cluster": "c", "TaskARN": "arn:aws:ecs:eu-west-1:111122223333:task/c/1",
			"LaunchType": "EC2", "Containers": [{"Labels": {"a": "b"}}]}`)
	})
	mux.HandleFunc("GET /metadata/instance/compute/location", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Metadata") != "true" || r.URL.Query().Get("api-version") == "" ||
			r.URL.Query().Get("format") != "text" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, "westeurope")
	})
	mux.HandleFunc("GET /computeMetadata/v1/instance/zone", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Metadata-Flavor") != "Google" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("Metadata-Flavor", "Google")
		_, _ = io.WriteString(w, "projects/123/zones/europe-west1-b")
	})
	return mux
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestAsk(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // nobody is asked by way of another
	at := serve(t, strict("eu-central-1b"))
	var got []string
	for _, a := range Ask(t.Context(), Addresses{EC2: at, ECS: at + "/v4/id", Azure: at, Google: at}) {
		got = append(got, a.String())
		if a.At != at {
			t.Errorf("%s: the address is not the service's own, and is not named", a)
		}
	}
	want := []string{"Amazon EC2 (eu-central-1", "Amazon ECS (eu-west-1", "Azure (westeurope",
		"Google Cloud (europe-west1"}
	for i := range want {
		want[i] += ", at " + at + ")"
	}
	if !slices.Equal(got, want) {
		t.Errorf("Ask() = %q, want %q", got, want)
	}
	if elsewhere(own) != "" || elsewhere("http://169.254.170.2/v4/id") != "" {
		t.Error("the services' own addresses are taken for others")
	}
}

// What is no answer of a service is none: silence, another server's page, too much, a redirect.
func TestAnswersThatAreNone(t *testing.T) {
	elsewhere := serve(t, strict("eu-west-1a"))
	for name, h := range map[string]http.HandlerFunc{
		"a page": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>eu-west-1a</html>") },
		"much":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("a", 1<<20)) },
		"a refusal": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "eu-west-1a")
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere+r.URL.RequestURI(), http.StatusTemporaryRedirect)
		},
		"nothing":         func(http.ResponseWriter, *http.Request) {},
		"another's words": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "eu-west-1a\x1b[31m") },
	} {
		at := serve(t, h)
		if got := Ask(t.Context(), Addresses{EC2: at, ECS: at, Azure: at, Google: at}); len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, at := range []string{"", "https://127.0.0.1:1", "http://", "http://user:secret@127.0.0.1:1", ":", "file:///etc"} {
		if usable(at) {
			t.Errorf("%q would be asked", at)
		}
	}
}

// A service that does not answer holds nobody up for longer than it may, and no other answer.
func TestSilence(t *testing.T) {
	done := make(chan struct{})
	silent := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-done:
		}
	}))
	t.Cleanup(func() { close(done) })
	begun := time.Now()
	got := Ask(t.Context(), Addresses{EC2: silent, Azure: silent, Google: serve(t, strict(""))})
	if len(got) != 1 || got[0].Region != "europe-west1" {
		t.Errorf("Ask() = %v", got)
	}
	if d := time.Since(begun); d > 10*Patience {
		t.Errorf("took %v", d)
	}
}

func TestEnvironment(t *testing.T) {
	get := func(kv ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(kv); i += 2 {
				if kv[i] == name {
					return kv[i+1]
				}
			}
			return ""
		}
	}
	for _, tt := range []struct {
		env  []string
		want Addresses
	}{
		{nil, Addresses{EC2: own, Azure: own, Google: own}},
		{[]string{"AWS_EC2_METADATA_DISABLED", "TRUE", "ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/a"},
			Addresses{Azure: own, Google: own}},
		{[]string{"RESIDENCY_METADATA", "off", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1"}, Addresses{}},
		{[]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://[fd00:ec2::254]/", "RESIDENCY_METADATA_AZURE", "http://a",
			"RESIDENCY_METADATA_GOOGLE", "http://b", "ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/a"},
			Addresses{EC2: "http://[fd00:ec2::254]", ECS: "http://169.254.170.2/v4/a", Azure: "http://a", Google: "http://b"}},
	} {
		if got := Environment(get(tt.env...)); got != tt.want {
			t.Errorf("%q: %+v, want %+v", tt.env, got, tt.want)
		}
	}
}

func TestZones(t *testing.T) {
	for zone, want := range map[string]string{
		"eu-west-1a": "eu-west-1", "us-gov-west-1b": "us-gov-west-1", "eusc-de-east-1a": "eusc-de-east-1",
		"us-east-1-bue-1a":        "us-east-1-bue-1a", // a Local Zone, in Argentina
		"us-east-1-wl1-bos-wlz-1": "us-east-1-wl1-bos-wlz-1",
	} {
		if got, ok := ofZone(zone, true); !ok || got != want {
			t.Errorf("ofZone(%s) = %s", zone, got)
		}
	}
	for document, want := range map[string]string{
		`{"AvailabilityZone": "eu-west-1c", "LaunchType": "FARGATE"}`:                 "eu-west-1",
		`{"TaskARN": "arn:aws:ecs:eu-west-1:1:task/a", "LaunchType": "EC2"}`:          "eu-west-1",
		`{"TaskARN": "arn:aws:ecs:eu-west-1:1:task/a", "LaunchType": "EXTERNAL"}`:     "", // a machine of somebody's own
		`{"TaskARN": "arn:aws:ecs:eu-west-1:1:task/a"}`:                               "", // of which it is not told
		`{"TaskARN": "arn:aws:ecs:eu-west-1", "LaunchType": "EC2"}`:                   "",
		`{"TaskARN": "arn:aws:sqs:eu-west-1:1:task/a", "LaunchType": "EC2"}`:          "",
		`{"AvailabilityZone": "<zone>", "TaskARN": "arn:aws:ecs:eu-west-1:1:task/a"}`: "",
	} {
		if got, ok := parseTask([]byte(document)); ok != (want != "") || ok && got != want {
			t.Errorf("parseTask(%s) = %q, %t", document, got, ok)
		}
	}
}

func TestStanding(t *testing.T) {
	country := func(_, region string) string {
		return map[string]string{"eu-west-1": "IE", "westeurope": "NL", "eu-west-2": "GB"}[region]
	}
	ie, nl := Answer{"Amazon EC2", "aws", "eu-west-1", ""}, Answer{"Azure", "azure", "westeurope", ""}
	task, zone := Answer{"Amazon ECS", "aws", "eu-west-1", ""}, Answer{"Amazon EC2", "aws", "us-east-1-bue-1a", ""}
	declared := certificate.Actor{Country: "DE", Basis: certificate.Declared}
	for _, tt := range []struct {
		name           string
		a              certificate.Actor
		found          []Answer
		country, basis string
	}{
		{"nobody", certificate.Actor{Basis: certificate.NotDetermined}, nil, "", "not determined"},
		{"nobody, declared", declared, nil, "DE", "declared"},
		{"one", certificate.Actor{Basis: certificate.NotDetermined}, []Answer{ie}, "IE",
			"determined by the metadata of Amazon EC2 (eu-west-1)"},
		{"two that agree", certificate.Actor{}, []Answer{ie, task}, "IE",
			"determined by the metadata of Amazon EC2 (eu-west-1) and of Amazon ECS (eu-west-1)"},
		{"against what is declared", declared, []Answer{ie}, "IE",
			"determined by the metadata of Amazon EC2 (eu-west-1); declared as DE"},
		{"two that differ", certificate.Actor{Basis: certificate.NotDetermined}, []Answer{ie, nl}, "",
			"not determined: metadata of Amazon EC2 (eu-west-1) and of Azure (westeurope) differ"},
		{"two that differ, declared", declared, []Answer{ie, nl}, "",
			"not determined: metadata of Amazon EC2 (eu-west-1) and of Azure (westeurope) differ; declared as DE"},
		{"a Local Zone", certificate.Actor{Basis: certificate.NotDetermined}, []Answer{zone}, "",
			"not determined: the country of what the metadata of Amazon EC2 (us-east-1-bue-1a) names is not known"},
		{"a Local Zone, declared", declared, []Answer{zone}, "DE",
			"declared: the country of what the metadata of Amazon EC2 (us-east-1-bue-1a) names is not known"},
	} {
		got := Standing(tt.a, tt.found, country)
		if got.Country != tt.country || got.Basis != tt.basis {
			t.Errorf("%s: %q, %q, want %q, %q", tt.name, got.Country, got.Basis, tt.country, tt.basis)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add(`{"AvailabilityZone": "eu-west-1c"}`)
	f.Add("projects/123/zones/europe-west1-b")
	f.Add("eu-west-1a")
	f.Fuzz(func(t *testing.T, text string) {
		for _, parse := range []func() (string, bool){
			func() (string, bool) { return parseTask([]byte(text)) },
			func() (string, bool) { return parseZone(text) },
			func() (string, bool) { return ofZone(word([]byte(text))) },
		} {
			if region, ok := parse(); ok && !code.MatchString(region) {
				t.Errorf("%q is read as %q", text, region)
			}
		}
	})
}

package s3store_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/residency/residency/inventory/objectstore/s3store"
)

// As whom Amazon is spoken to, STS tells, once, whether or not the configuration has
// the account. Other services have nobody to ask.
func TestCaller(t *testing.T) {
	const who = "arn:aws:sts::123456789012:assumed-role/copier/session"
	var asked atomic.Int64
	answer := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(answer)
		if answer != http.StatusOK {
			fmt.Fprint(w, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")
			return
		}
		fmt.Fprintf(w,
			"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account><Arn>%s</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>", who)
	}))
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	amazon := map[string]string{"eu-west-1": ""}
	for name, tt := range map[string]struct {
		options s3store.Options
		status  int
		want    string
		asked   int64
	}{
		"asked":            {s3store.Options{Amazon: true, Endpoints: amazon}, 200, who, 1},
		"account is known": {s3store.Options{Amazon: true, Endpoints: amazon, Account: "123456789012"}, 200, who, 1},
		"refused": {s3store.Options{Amazon: true, Endpoints: amazon}, 403,
			"not determined, because STS in eu-west-1 did not tell (AccessDenied)", 1},
		"another's service": {s3store.Options{Endpoints: map[string]string{"eu-west-1": server.URL}}, 200,
			"not determined, because the service does not say whose credentials these are", 0},
	} {
		t.Run(name, func(t *testing.T) {
			answer = tt.status
			asked.Store(0)
			tt.options.Name = "p"
			p, err := s3store.Open(t.Context(), s3store.Anywhere(tt.options))
			if err != nil {
				t.Fatal(err)
			}
			s := p.Region("eu-west-1")
			s.Account(t.Context())
			s.Caller(t.Context())
			if got := s.Caller(t.Context()).String(); got != tt.want || asked.Load() != tt.asked {
				t.Errorf("%q after %d questions, want %q after %d", got, asked.Load(), tt.want, tt.asked)
			}
		})
	}
}

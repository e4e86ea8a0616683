package azurestore_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
)

// TestTime is the service's clock.
func TestTime(t *testing.T) {
	for _, regions := range []map[string][]string{nil, {"westeurope": {plain}}} {
		ahead := 5 * time.Minute
		_, s := start(t, func(o *azure.Options, store *azurestore.Options) {
			o.Now = func() time.Time { return time.Now().Add(ahead) }
			store.Regions = regions
		})
		at, err := s.(objectstore.Timed).Time(t.Context())
		if off := time.Until(at) - ahead; err != nil || off.Abs() > 10*time.Second {
			t.Errorf("off by %s, %v", off, err)
		}
	}
}

// TestCaller is what a token says of itself.
func TestCaller(t *testing.T) {
	jwt := func(claims string) string { return "h." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".s" }
	for name, test := range map[string]struct{ token, want string }{
		"application": {jwt(`{"tid":"t","oid":"o","appid":"a"}`), "tenant t, object o (application a)"},
		"person": {jwt(`{"tid":"t","oid":"o","appid":"a","upn":"x@acme.example"}`),
			"tenant t, object o (x@acme.example)"},
		"no claims": {jwt(`{}`), ""}, "no token": {bearer, ""}, "no JSON": {jwt(`x`), ""},
		"control": {jwt(`{"tid":"t","oid":"o\u001b","appid":"a"}`), ""},
	} {
		s := open(t, azurestore.Options{Subscription: subscription, Credential: fixed(test.token)}).Region("")
		got := s.(objectstore.Identifier).Caller(t.Context())
		if got.ARN != test.want || (got.Reason == "") != (test.want != "") || strings.Contains(got.Reason, test.token) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

package s3store

import (
	"testing"

	"github.com/residency/residency/inventory/objectstore"
)

// Everything that depends on whether a service is Amazon's asks the same question: an
// endpoint of Amazon's own that the configuration names is Amazon, others are not.
func TestAmazonIsOneQuestion(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for _, tt := range []struct {
		endpoint       string
		amazon, across bool // is it; do regions see each other
	}{
		{"", true, true},
		{"https://s3.eu-west-1.amazonaws.com", true, true},
		{"https://bucket.vpce-0a1b2c-d3e4.s3.eu-west-1.vpce.amazonaws.com", true, false},
		{"https://s3.example.net", false, false},
	} {
		p, err := Open(t.Context(), Options{Name: "p", Amazon: tt.amazon,
			Endpoints: map[string]string{"eu-west-1": tt.endpoint, "us-east-1": tt.endpoint}})
		if err != nil {
			t.Fatal(err)
		}
		s := p.Region("eu-west-1")
		want := objectstore.Capabilities{LowersNames: true}
		if tt.amazon {
			want = objectstore.Capabilities{CountsTags: true, CarriesAttributes: true, SumsCopiedParts: true, KeepsOwner: true,
				AcrossRegions: true, ConditionsWrites: true, LocatesBuckets: true, LowersNames: true,
				NewBuckets: objectstore.NewBucket{BlocksPublic: true, RefusesCustomerKeys: true}}
		}
		if got := objectstore.CapabilitiesOf(s); got != want {
			t.Errorf("%q: %+v, want %+v", tt.endpoint, got, want)
		}
		if across := s.Endpoint() == "p"; across != tt.across {
			t.Errorf("%q: all regions are one service: %t, want %t", tt.endpoint, across, tt.across)
		}
		if tt.endpoint != "" && s.URL() != tt.endpoint {
			t.Errorf("%q has the address %s", tt.endpoint, s.URL())
		}
	}
}

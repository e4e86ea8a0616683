package objectstore_test

import (
	"testing"

	"github.com/residency/residency/inventory/objectstore"
)

func TestOrigin(t *testing.T) {
	seen := make(map[string][]string)
	for _, same := range [][]string{
		{"http://127.0.0.1:9000", "http://localhost:9000/", "http://[::1]:9000", "HTTP://LocalHost:9000", "http://127.0.0.1:9000/s3",
			"http://[::ffff:127.0.0.1]:9000", "http://0.0.0.0:9000", "http://localhost.:9000", "http://s3.localhost:9000"},
		{"https://s3.example.net", "https://S3.Example.NET:443/", "https://s3.example.net."},
		{"http://s3.example.net", "http://s3.example.net:80"},
		{"http://127.0.0.1:9001"},
		{"https://s3.example.org"},
		{"https://[2001:db8::1]", "https://[2001:DB8:0::1]:443"},
		{objectstore.AmazonOrigin("aws"), "https://s3.eu-west-1.amazonaws.com", "https://s3.dualstack.us-east-1.amazonaws.com",
			"https://bucket.vpce-0a1b2c-d3e4.s3.eu-west-1.vpce.amazonaws.com"},
		{objectstore.AmazonOrigin("aws-us-gov"), "https://s3.us-gov-west-1.amazonaws.com"},
		{objectstore.AmazonOrigin("aws-cn"), "https://s3.cn-north-1.amazonaws.com.cn"},
		{"https://s3.amazonaws.com.example.net"},
	} {
		for _, endpoint := range same {
			if got, want := objectstore.Origin(endpoint), objectstore.Origin(same[0]); got != want {
				t.Errorf("origin of %s is %s, of %s it is %s", endpoint, got, same[0], want)
			}
		}
		seen[objectstore.Origin(same[0])] = append(seen[objectstore.Origin(same[0])], same[0])
	}
	for o, endpoints := range seen {
		if len(endpoints) > 1 {
			t.Errorf("%q all have the origin %s", endpoints, o)
		}
	}
}

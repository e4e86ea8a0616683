package objectstore_test

import (
	"testing"

	"github.com/residency/residency/inventory/objectstore"
)

func TestOrigin(t *testing.T) {
	seen := make(map[string][]string)
	for _, same := range [][]string{
		{"http://127.0.0.1:9000", "http://localhost:9000/", "http://[::1]:9000", "HTTP://LocalHost:9000",
			"http://127.0.0.1:9000/s3",
			"http://[::ffff:127.0.0.1]:9000", "http://0.0.0.0:9000", "http://localhost.:9000", "http://s3.localhost:9000"},
		{"https://s3.example.net", "https://S3.Example.NET:443/", "https://s3.example.net."},
		{"http://s3.example.net", "http://s3.example.net:80"},
		{"http://127.0.0.1:9001"},
		{"https://s3.example.org"},
		{"https://[2001:db8::1]", "https://[2001:DB8:0::1]:443"},
		{objectstore.AmazonOrigin("aws"), "https://s3.eu-west-1.amazonaws.com",
			"https://s3.dualstack.us-east-1.amazonaws.com",
			"https://bucket.vpce-0a1b2c-d3e4.s3.eu-west-1.vpce.amazonaws.com"},
		{objectstore.AmazonOrigin("aws-us-gov"), "https://s3.us-gov-west-1.amazonaws.com"},
		{objectstore.AmazonOrigin("aws-cn"), "https://s3.cn-north-1.amazonaws.com.cn"},
		{"https://s3.amazonaws.com.example.net"},
		{"https://minio-1a2b.elb.eu-west-1.amazonaws.com"}, // of a customer's, in Amazon's domain
		{"https://s3-gateway-1a2b.eu-west-1.elb.amazonaws.com"},
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

func TestOneAddress(t *testing.T) {
	for _, same := range [][2]string{
		{"http://127.0.0.1:9000", "http://LOCALHOST.:9000/x"}, {"http://[::1]:9000", "https://localhost:9000"},
		{"https://s3.example.net", "https://S3.example.net.:443"}, {"http://s3.example.net", "http://s3.example.net:80"},
	} {
		if !objectstore.OneAddress(same[0], same[1]) {
			t.Errorf("%q are two", same)
		}
	}
	for _, apart := range [][2]string{
		{"http://127.0.0.1:9000", "http://127.0.0.1:9001"}, {"https://s3.example.net", "http://s3.example.net"},
		{"https://s3.us-east-1.amazonaws.com", "https://s3.eu-west-1.amazonaws.com"}, {"", ""},
	} {
		if objectstore.OneAddress(apart[0], apart[1]) {
			t.Errorf("%q are one", apart)
		}
	}
}

func TestAmazonHost(t *testing.T) {
	for host, want := range map[string]objectstore.Amazon{
		"s3.amazonaws.com":                                          {Partition: "aws"},
		"S3.us-east-1.amazonaws.com.":                               {Partition: "aws", Region: "us-east-1"},
		"acme.prod.s3.eu-west-1.amazonaws.com":                      {Partition: "aws", Region: "eu-west-1"},
		"s3-eu-west-1.amazonaws.com":                                {Partition: "aws", Region: "eu-west-1"},
		"s3.dualstack.ap-southeast-2.amazonaws.com":                 {Partition: "aws", Region: "ap-southeast-2"},
		"s3-fips.us-gov-west-1.amazonaws.com":                       {Partition: "aws-us-gov", Region: "us-gov-west-1"},
		"s3.cn-north-1.amazonaws.com.cn":                            {Partition: "aws-cn", Region: "cn-north-1"},
		"s3.eusc-de-east-1.amazonaws.eu":                            {Partition: "aws-eusc", Region: "eusc-de-east-1"},
		"s3.eu-west-1.api.aws":                                      {Partition: "aws", Region: "eu-west-1"},
		"bucket.vpce-0a1b2c-d3e4.s3.eu-west-1.vpce.amazonaws.com":   {Partition: "aws", Region: "eu-west-1", Private: true},
		"a.bucket.vpce-0a1b2c-d3e4.s3.eu-west-1.vpce.amazonaws.com": {Partition: "aws", Region: "eu-west-1", Private: true},
	} {
		if got, ok := objectstore.AmazonHost(host, "s3"); got != want || !ok {
			t.Errorf("%s: %+v, %t, want %+v", host, got, ok, want)
		}
	}
	for _, host := range []string{"amazonaws.com", "sts.eu-west-1.amazonaws.com", "my-lb-1234.eu-west-1.elb.amazonaws.com",
		"ec2-1-2-3-4.eu-west-1.compute.amazonaws.com", "s3-lb.eu-west-1.elb.amazonaws.com", "notamazonaws.com", "localhost",
		"s3.example.net"} {
		if got, ok := objectstore.AmazonHost(host, "s3"); ok {
			t.Errorf("%s: %+v", host, got)
		}
	}
	if _, ok := objectstore.AmazonHost("sts.eu-west-1.amazonaws.com", "sts"); !ok {
		t.Error("STS is not known")
	}
}

package amazon

import (
	"fmt"
	"slices"
	"strings"
)

// host is what the name of one of Amazon's hosts says.
type host struct {
	service string // s3, sts or kms
	region  string
	bucket  string // of a virtual host; else empty
	private bool   // a VPC endpoint of a customer's
}

// parseHost reads a host's name as Amazon's DNS would know it (AWS General
// Reference, "Amazon S3 endpoints and quotas"; "AWS STS endpoints").
func parseHost(name string) (host, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for _, p := range partitions() {
		front, ok := strings.CutSuffix(name, "."+p.suffix)
		if !ok {
			continue
		}
		if inner, ok := strings.CutSuffix(front, ".vpce"); ok {
			if h, ok := p.privateHost(inner); ok {
				return h, nil
			}
			continue
		}
		if h, ok := p.host(front); ok {
			return h, nil
		}
	}
	return host{}, fmt.Errorf("no such host: %s", name)
}

// privateHost reads BUCKET.bucket.vpce-ID.s3.REGION, the name of a VPC endpoint (Amazon
// S3 User Guide, "AWS PrivateLink for Amazon S3").
func (p partition) privateHost(front string) (host, bool) {
	labels := strings.Split(front, ".")
	n := len(labels)
	if n < 4 || !slices.Contains(p.regions, labels[n-1]) || labels[n-2] != "s3" ||
		!strings.HasPrefix(labels[n-3], "vpce-") || labels[n-4] != "bucket" {
		return host{}, false
	}
	return host{service: "s3", region: labels[n-1], bucket: strings.Join(labels[:n-4], "."), private: true}, true
}

func (p partition) host(front string) (host, bool) {
	labels := strings.Split(front, ".")
	last := labels[len(labels)-1]
	switch {
	case p.id == "aws" && front == "sts":
		return host{service: "sts", region: "us-east-1"}, true // the legacy global endpoint
	case p.id == "aws" && last == "s3":
		return host{service: "s3", region: "us-east-1", bucket: strings.Join(labels[:len(labels)-1], ".")}, true
	case !slices.Contains(p.regions, last):
		return host{}, false
	}
	h := host{region: last}
	labels = labels[:len(labels)-1]
	if n := len(labels); n > 1 && labels[n-1] == "dualstack" {
		return host{}, false // under another domain name since; not served here
	}
	n := len(labels)
	if n == 0 {
		return host{}, false
	}
	switch labels[n-1] {
	case "s3":
		h.service, h.bucket = "s3", strings.Join(labels[:n-1], ".")
	case "sts", "kms":
		h.service = labels[n-1]
		if n > 1 {
			return host{}, false
		}
	default:
		return host{}, false
	}
	return h, true
}

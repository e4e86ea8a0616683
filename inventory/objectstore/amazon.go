package objectstore

import (
	"net/url"
	"regexp"
	"strings"
)

// Amazon is what the name of one of Amazon's hosts says.
type Amazon struct {
	Partition string
	Region    string // empty: of no region
	// Private tells that it is a VPC endpoint, which copies nothing across regions
	// (Amazon S3 API Reference, "CopyObject").
	Private bool
}

// AmazonS3 reads the host of an endpoint, and tells whether it is Amazon S3's.
func AmazonS3(endpoint string) (Amazon, bool) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return Amazon{}, false
	}
	return AmazonHost(u.Hostname(), "s3")
}

var regionCode = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`)

// AmazonHost reads the name of a host, and tells whether it is one of a service of
// Amazon's, "s3" or "sts": there are machines and load balancers of its customers in
// its domains, too (AWS General Reference, "Service endpoints"; Amazon S3 User Guide,
// "AWS PrivateLink for Amazon S3").
func AmazonHost(host, service string) (a Amazon, ok bool) {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	for _, domain := range amazon() {
		front, within := strings.CutSuffix(host, "."+domain)
		if !within {
			continue
		}
		a.Partition = partition(front, domain)
		front, a.Private = strings.CutSuffix(front, ".vpce")
		if last := front[strings.LastIndexByte(front, '.')+1:]; regionCode.MatchString(last) {
			a.Region = last
			front = strings.TrimSuffix(strings.TrimSuffix(front, last), ".")
		}
		front = strings.TrimSuffix(front, ".dualstack")
		name := front[strings.LastIndexByte(front, '.')+1:]
		rest, older := strings.CutPrefix(name, service+"-")
		if older && a.Region == "" && regionCode.MatchString(rest) {
			a.Region = rest
		}
		return a, name == service || older
	}
	return Amazon{}, false
}

// partition reads a partition off what is in front of a domain (AWS SDK,
// "partitions.json").
func partition(front, domain string) string {
	switch {
	case strings.HasSuffix(domain, ".cn"):
		return "aws-cn"
	case strings.HasSuffix(domain, ".eu"):
		return "aws-eusc"
	case strings.Contains(front, "us-gov-"):
		return "aws-us-gov"
	case strings.Contains(front, ".cn-"):
		return "aws-cn" // at api.aws
	}
	return "aws"
}

// amazon returns the domains of Amazon's endpoints, its customers' own VPC endpoints
// included (AWS General Reference, "Service endpoints"; AWS PrivateLink, "AWS
// services that integrate").
func amazon() []string {
	return []string{
		"amazonaws.com", "amazonaws.com.cn", "api.aws", "amazonwebservices.com.cn", "amazonaws.eu", "amazonwebservices.eu",
	}
}

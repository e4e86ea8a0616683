package objectstore

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Origin names the service behind an endpoint, so that two endpoints with one
// origin are certain to be one service however they are written: case, default
// ports, paths and the names of this machine make no difference. All of Amazon in
// one partition is one, because there a bucket's name is given once. Two origins
// may still be one service, by a proxy or a second name.
func Origin(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return endpoint
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if a, ok := AmazonHost(host, "s3"); ok {
		return AmazonOrigin(a.Partition)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
		if ip.Unmap().IsLoopback() || ip.IsUnspecified() {
			host = "localhost"
		}
	} else if strings.HasSuffix(host, ".localhost") {
		host = "localhost"
	}
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// OneAddress tells whether two endpoints lead to one host and port, whatever is spoken
// there. Amazon's do not count: there each region has its own.
func OneAddress(a, b string) bool {
	_, one, told := strings.Cut(Origin(a), "://")
	_, other, too := strings.Cut(Origin(b), "://")
	return told && too && one == other
}

// AmazonOrigin is the origin of all of Amazon's endpoints in a partition.
func AmazonOrigin(partition string) string { return "Amazon S3, partition " + partition }

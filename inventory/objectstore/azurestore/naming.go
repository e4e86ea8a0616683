package azurestore

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/residency/residency/inventory/remedy"
)

var errName = remedy.New("a bucket on Azure is account.container: an account has 3 to 24 of a-z and 0-9, a "+
	"container 3 to 63 of a-z, 0-9 and '-', which begin and end with a letter or digit and have no two hyphens in a row",
	"name the account in which containers of a region are made, which has to be there: destination: {accounts: "+
		"{REGION: ACCOUNT}} in the configuration; or set destination.bucket or destination.map")

// CheckBucketName applies Azure's rules for names of storage accounts and containers (Azure
// documentation, "Storage account overview"; "Naming and referencing containers, blobs, and
// metadata").
func CheckBucketName(name string) error {
	account, container, ok := strings.Cut(name, ".")
	const alphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789"
	switch {
	case !ok, len(account) < 3, len(account) > 24, strings.Trim(account, alphanumeric) != "":
	case container == "$root", container == "$web":
		return nil
	case len(container) < 3, len(container) > 63, strings.Trim(container, alphanumeric+"-") != "",
		strings.HasPrefix(container, "-"), strings.HasSuffix(container, "-"), strings.Contains(container, "--"):
	default:
		return nil
	}
	return fmt.Errorf("bucket %q: %w", name, errName)
}

// CheckBucket implements objectstore.BucketChecker.
func (s *Store) CheckBucket(name string) error { return CheckBucketName(name) }

// Owns tells whether an endpoint is one of Microsoft's (Azure documentation, "Storage account
// overview", standard endpoints, and those of its other clouds).
func Owns(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	for _, domain := range []string{"core.windows.net", "storage.azure.net", "core.usgovcloudapi.net",
		"core.chinacloudapi.cn",
		"management.azure.com"} {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return true
		}
	}
	return false
}

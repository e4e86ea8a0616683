package azurestore

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/wire"
)

// checkEndpoint reads an address and refuses one to which data would go in the clear.
func checkEndpoint(endpoint string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.User != nil {
		// Not quoted: what is in front of the host may be a password.
		return nil, errors.New("an endpoint is no URL, or has credentials in it: want http://host:port or https://host")
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, fmt.Errorf("endpoint %q: want http://host:port or https://host", endpoint)
	}
	if !insecure && !wire.Private(u) {
		return nil, fmt.Errorf("endpoint %q: %w; use https, or --insecure if you accept that", endpoint,
			objectstore.ErrInsecure)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

const publicSuffix = "blob.core.windows.net"

// suffixes are those of the addresses of accounts: of the public cloud, of DNS zones there, of
// the one that 21Vianet operates, and of the one for the US government ("Storage account
// overview", Storage account endpoints; "Azure Government" and "Azure China developer guide",
// endpoints).
func suffixes() []string {
	return []string{publicSuffix, "blob.storage.azure.net", "blob.core.chinacloudapi.cn", "blob.core.usgovcloudapi.net"}
}

// checkAddress holds an account's address, as Resource Manager tells it, against what accounts
// have: tokens go nowhere else.
func checkAddress(account, address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Port() != "" {
		return nil, fmt.Errorf("the address of account %s is not one of Azure's", account)
	}
	host := strings.ToLower(u.Host)
	rest, named := strings.CutPrefix(host, account+".")
	for _, s := range suffixes() {
		if named && (rest == s || strings.HasSuffix(rest, "."+s)) {
			return &url.URL{Scheme: "https", Host: host}, nil
		}
	}
	return nil, fmt.Errorf("the address of account %s is not one of Azure's", account)
}

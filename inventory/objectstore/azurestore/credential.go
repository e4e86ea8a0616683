package azurestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/residency/residency/inventory/objectstore"
)

// credential is a chain in the order of azidentity.DefaultAzureCredential: the service principal of
// the environment, workload identity, managed identity, Azure CLI, Azure Developer CLI, Azure
// PowerShell. AZURE_TOKEN_CREDENTIALS narrows it to "prod", which are the first three, or to
// "dev".
//
// With all of azidentity the chain takes 2.37 MB of the program (stripped for linux/amd64, azidentity
// 1.15.0). Without a user's password and certificates in PKCS#12, which are left out, it is
// 1.62 MB, and 1.13 MB as it is here: applications are this package's own, see principal.
func credential(o Options) (azcore.TokenCredential, error) {
	which := o.Getenv("AZURE_TOKEN_CREDENTIALS")
	switch which {
	case "", "prod", "dev":
	default:
		return nil, objectstore.CredentialsError{Text: fmt.Sprintf("AZURE_TOKEN_CREDENTIALS is %q", which),
			Next: "set it to prod or dev, or unset it"}
	}
	var chain []azcore.TokenCredential
	var left []error
	add := func(c azcore.TokenCredential, err error) {
		if err == nil {
			chain = append(chain, c)
			return
		}
		left = append(left, err)
	}
	if which != "dev" {
		applications, err := applications(o)
		if err != nil {
			return nil, err
		}
		chain = append(chain, applications...)
		options := &azidentity.ManagedIdentityCredentialOptions{}
		if id := o.Getenv("AZURE_CLIENT_ID"); id != "" {
			options.ID = azidentity.ClientID(id)
		}
		m, err := azidentity.NewManagedIdentityCredential(options)
		add(managed{m, o.Getenv}, err)
	}
	if which != "prod" {
		cli, err := azidentity.NewAzureCLICredential(nil)
		add(cli, err)
		azd, err := azidentity.NewAzureDeveloperCLICredential(nil)
		add(azd, err)
		shell, err := azidentity.NewAzurePowerShellCredential(nil)
		add(shell, err)
	}
	c, err := azidentity.NewChainedTokenCredential(chain, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", objectstore.ErrCredentials, errors.Join(append(left, err)...))
	}
	return c, nil
}

// applications are those that the environment describes ("Azure Identity client module for Go",
// Environment variables): by a secret or a certificate, and by a federated token.
func applications(o Options) (found []azcore.TokenCredential, err error) {
	tenant, client := o.Getenv("AZURE_TENANT_ID"), o.Getenv("AZURE_CLIENT_ID")
	if tenant == "" || client == "" {
		return nil, nil
	}
	bad := func(name string, err error) error {
		return objectstore.CredentialsError{Text: name + ": " + err.Error(), Next: "correct the variable, or unset it"}
	}
	authority, err := checkEndpoint(cmp.Or(o.Getenv("AZURE_AUTHORITY_HOST"), publicAuthority), false)
	if err != nil {
		return nil, bad("AZURE_AUTHORITY_HOST", err)
	}
	add := func(prove func(url.Values, string) error) {
		found = append(found, &principal{authority: authority, tenant: tenant, client: client, prove: prove, now: o.Now,
			backoff: o.Backoff, http: &http.Client{Timeout: time.Minute, CheckRedirect: stay}})
	}
	path := o.Getenv("AZURE_CLIENT_CERTIFICATE_PATH")
	switch text := o.Getenv("AZURE_CLIENT_SECRET"); {
	case text != "":
		add(secret(text))
	case path != "":
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, bad("AZURE_CLIENT_CERTIFICATE_PATH", err)
		}
		certificate, key, err := parsePEM(data)
		if err != nil {
			return nil, bad("AZURE_CLIENT_CERTIFICATE_PATH, which has to be PEM without a password", err)
		}
		add(certified(client, certificate, key, o.Now))
	}
	if path := o.Getenv("AZURE_FEDERATED_TOKEN_FILE"); path != "" {
		add(federated(path))
	}
	return found, nil
}

// managed is a managed identity that is given up soon where there is none: a chain goes on only
// if it is told that there is nothing, and on machines outside of Azure nobody would say so.
type managed struct {
	azcore.TokenCredential
	getenv func(string) string
}

// metadataService is where machines in Azure ask about themselves (Azure documentation, "Azure
// Instance Metadata Service for virtual machines").
const (
	metadataService = "169.254.169.254:80"
	metadataTime    = time.Second
)

// GetToken implements azcore.TokenCredential.
func (m managed) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	for _, name := range []string{"IDENTITY_ENDPOINT", "MSI_ENDPOINT", "IMDS_ENDPOINT"} {
		if m.getenv(name) != "" {
			return m.TokenCredential.GetToken(ctx, o)
		}
	}
	c, err := (&net.Dialer{Timeout: metadataTime}).DialContext(ctx, "tcp", metadataService)
	if err != nil {
		return azcore.AccessToken{}, azidentity.NewCredentialUnavailableError(
			"no managed identity, because no metadata service answers")
	}
	_ = c.Close() // nothing was sent
	return m.TokenCredential.GetToken(ctx, o)
}

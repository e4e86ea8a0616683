package azurestore

import (
	"errors"
	"strings"
	"testing"
)

// The text of a token that could not be had is one line that names each credential.
func TestTried(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"ChainedTokenCredential: failed to acquire a token.\nAttempted credentials:\n\tManagedIdentityCredential " +
			"authentication failed.\n\t\tGET http://169.254.169.254/metadata\n\t\t----\n\t\tRESPONSE 403\n\tAzureCLICredential: " +
			"Azure CLI not found on path\n", "ManagedIdentity: authentication failed; AzureCLI: Azure CLI not found on path"},
		{"expired\nmore", "expired"},
		{"AzureCLICredential: " + strings.Repeat("x", 300), "AzureCLI: " + strings.Repeat("x", 100) + "…"},
	} {
		if got := tried(errors.New(tt.in)); got != tt.want {
			t.Errorf("tried = %q, want %q", got, tt.want)
		}
	}
}

package cli

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/config"
	"github.com/residency/residency/inventory/objectstore/kind"
	"github.com/residency/residency/migrate/plan"
)

// customerKeys reads the keys of SSE-C from where the configuration says. No
// error holds anything of them.
func (a *app) customerKeys(from []config.Key) ([]kind.CustomerKey, error) {
	if a.keyless {
		return nil, nil
	}
	var keys []kind.CustomerKey
	for _, f := range from {
		where, secret := "variable "+f.Env, []byte(a.getenv(f.Env))
		if f.File != "" {
			var err error
			where = "file " + f.File
			if secret, err = os.ReadFile(f.File); err != nil {
				return nil, &usageError{err: fmt.Errorf("sse_c_keys: %w", err)}
			}
		}
		if len(secret) == 0 {
			return nil, &usageError{err: fmt.Errorf("sse_c_keys: %s is empty", where),
				remedy: "put the key there, in base64; or take it out of the configuration"}
		}
		key, err := customerKey(secret)
		if err != nil {
			return nil, &usageError{err: fmt.Errorf("sse_c_keys: %s: %w", where, err)}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// customerKey takes 32 bytes as they are, or in base64.
func customerKey(secret []byte) (kind.CustomerKey, error) {
	if len(secret) == 32 {
		return kind.NewCustomerKey(secret)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(secret)))
	if err != nil {
		return kind.CustomerKey{}, errors.New("neither 32 bytes nor those in base64")
	}
	return kind.NewCustomerKey(raw)
}

func addRestore(c *cobra.Command, tier *string) {
	c.Flags().StringVar(tier, "restore", "",
		"restore archived versions first, at this `tier`: Standard, Bulk or Expedited")
}

// restoreTier checks a tier; it may be written in lower case.
func restoreTier(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	i := slices.IndexFunc(plan.RestoreTiers(), func(t string) bool { return strings.EqualFold(t, text) })
	if i < 0 {
		return "", choice("restore", text, plan.RestoreTiers())
	}
	return plan.RestoreTiers()[i], nil
}

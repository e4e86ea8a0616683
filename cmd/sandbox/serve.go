package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

// The server allows one instance per process; that is why each region is one.
const (
	accessKey  = "SANDBOXACCESSKEY0001"
	secretKey  = "sandbox-secret-key-for-loopback-only-0001"
	healthPath = "/-health-"

	// The tenant is a user whom buckets' policies bind; they do not bind root.
	tenantKey    = "SANDBOXTENANTKEY0001"
	tenantSecret = "sandbox-tenant-key-for-loopback-only-0001"
)

// shutdownGrace is how long a server finishes the requests it has.
const shutdownGrace = 500 * time.Millisecond

// serve runs one region until the context ends or standard input does: the
// parent holds the other end, so that the server never outlives it.
func serve(ctx context.Context, args []string, stdin io.Reader) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	region := flags.String("region", "", "the region to be")
	addr := flags.String("addr", "", "loopback address to listen on")
	dir := flags.String("dir", "", "where buckets and versions are kept")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		// Ends with the process at the latest: nothing is ever sent.
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
	}()
	be, err := backend(*dir)
	if err != nil {
		return err
	}
	accounts, err := writeAccounts(*dir)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() {
		served <- embedgw.RunVersityGW(ctx, be, &embedgw.Config{
			RootUserAccess: accessKey, RootUserSecret: secretKey, Region: *region, IAMDir: accounts,
			Ports: []string{*addr}, MaxConnections: 4096, MaxRequests: 4096, MultipartMaxParts: 10000,
			Quiet: true, KeepAlive: true, HealthPath: healthPath,
			// The server's own defaults, which embedding it leaves at zero: its
			// cache of accounts would then be looked through without a pause.
			IAMCacheTTL: 120, IAMCachePrune: 3600,
		})
	}()
	select {
	case err = <-served:
	case <-ctx.Done():
		// The server would wait ten seconds for a connection in some client's
		// pool that was never used; returning ends the process, and the wait.
		select {
		case err = <-served:
		case <-time.After(shutdownGrace):
		}
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// writeAccounts makes the server's list of users besides root.
func writeAccounts(dir string) (string, error) {
	accounts := filepath.Join(dir, "accounts")
	if err := os.MkdirAll(accounts, 0o700); err != nil {
		return "", err
	}
	list := map[string]map[string]auth.Account{"accessAccounts": {tenantKey: {Access: tenantKey, Secret: tenantSecret,
		Role: auth.RoleUserPlus}}}
	data, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	return accounts, os.WriteFile(filepath.Join(accounts, "users.json"), data, 0o600)
}

// backend keeps objects as files, and their attributes as extended attributes
// or, where the file system has none, in files beside.
func backend(dir string) (*posix.Posix, error) {
	root, versions, sidecar := filepath.Join(dir, "buckets"), filepath.Join(dir, "versions"),
		filepath.Join(dir, "attributes")
	for _, d := range []string{root, versions} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	o := posix.PosixOpts{VersioningDir: versions, Concurrency: 256, CopyObjectThreshold: 5 << 30} // as S3
	var store meta.MetadataStorer = meta.XattrMeta{}
	if err := (meta.XattrMeta{}).Test(root); err != nil {
		if err := os.MkdirAll(sidecar, 0o755); err != nil {
			return nil, err
		}
		s, err := meta.NewSideCar(sidecar)
		if err != nil {
			return nil, fmt.Errorf("keep attributes in files: %w", err)
		}
		store, o.SideCarDir = s, sidecar
	}
	return posix.New(root, store, o)
}

//go:build linux

package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// clouds are what one workload has besides the S3 servers. Emulators live as long as it does: what
// was deleted in them takes memory for a while.
type clouds struct {
	tools   string
	servers *servers
	stops   []func() error
	started int // emulators whose processes are counted
}

// emulated is the name of the account at both ends: a program takes the key of one alone from its
// environment.
const emulated = "benchaccount"

// place starts a server of a kind, or finds it, for the source or the destination.
func (c *clouds) place(ctx context.Context, kind service, source bool) (place, error) {
	pick := func(us, eu string) string {
		if source {
			return us
		}
		return eu
	}
	switch kind {
	case "":
		return &s3Place{credentials: c.servers.credentials, at: pick(c.servers.source, c.servers.destination),
			code: pick(sourceRegion, destinationRegion)}, nil
	case azurite:
		return c.azurite(ctx, pick(azureUS, azureEU))
	case fakeGCS:
		p, err := c.fakeGCS(ctx, pick(googleUS, googleEU))
		if err != nil || source {
			return p, err
		}
		address, stop, err := startUploads(p.at)
		if err != nil {
			return nil, err
		}
		c.stops = append(c.stops, stop)
		p.at = address
		return p, nil
	case strictAz:
		s := c.servers.azure
		if s.Endpoint == "" {
			return nil, errors.New("the sandbox has no Azure")
		}
		return &azurePlace{at: s.Endpoint, code: pick(azureUS, azureEU), account: pick("acmeus", "acmene"), key: s.Key,
			manager: s.Endpoint, subscription: s.Subscription, identity: c.servers.identity}, nil
	case strictGo:
		if c.servers.google == "" {
			return nil, errors.New("the sandbox has no Google")
		}
		return &googlePlace{at: c.servers.google, code: pick(googleUS, googleEU)}, nil
	}
	return nil, fmt.Errorf("no server %q", kind)
}

// azurite runs Microsoft's emulator, and a Resource Manager beside it.
func (c *clouds) azurite(ctx context.Context, location string) (place, error) {
	p := &azurePlace{code: location, account: emulated, key: []byte("a key of a benchmark, which anybody may know"),
		subscription: subscription}
	host, port, err := net.SplitHostPort(freeAddress())
	if err != nil {
		return nil, err
	}
	p.at = "http://" + net.JoinHostPort(host, port)
	address, stop, err := startManager(&manager{account: p.account, location: location,
		containers: newBlobs(p.at, p.account, p.key).containers})
	if err != nil {
		return nil, err
	}
	c.stops = append(c.stops, stop)
	p.manager = address
	p.identity = []string{"IDENTITY_ENDPOINT=" + address + identityPath, "IDENTITY_HEADER=bench"}
	cmd := exec.Command(filepath.Join(c.tools, "azurite-blob"), "--inMemoryPersistence", "--blobHost", host, "--blobPort",
		port, "--silent", "--disableTelemetry", "--skipApiVersionCheck")
	cmd.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+p.account+":"+base64.StdEncoding.EncodeToString(p.key))
	return p, c.start(ctx, cmd, p.at)
}

// fakeGCS runs fake-gcs-server, which takes no location from whoever makes a bucket.
func (c *clouds) fakeGCS(ctx context.Context, location string) (*googlePlace, error) {
	host, port, err := net.SplitHostPort(freeAddress())
	if err != nil {
		return nil, err
	}
	p := &googlePlace{at: "http://" + net.JoinHostPort(host, port), code: location}
	cmd := exec.Command(filepath.Join(c.tools, "fake-gcs-server"), "-scheme", "http", "-host", host, "-port", port,
		"-backend", "memory", "-location", location, "-log-level", "error")
	return p, c.start(ctx, cmd, p.at)
}

// start runs an emulator and waits for any answer of it.
func (c *clouds) start(ctx context.Context, cmd *exec.Cmd, address string) error {
	cmd.Stdout, cmd.Stderr = io.Discard, os.Stderr
	stop, err := start(cmd, func() error { return cmd.Process.Signal(syscall.SIGTERM) })
	if err != nil {
		return err
	}
	c.stops = append(c.stops, stop)
	c.servers.processes = append(c.servers.processes, cmd.Process.Pid)
	c.started++
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(r); err == nil {
			return resp.Body.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not ready: %w", cmd.Path, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *clouds) stop() error {
	c.servers.processes = c.servers.processes[:len(c.servers.processes)-c.started]
	var errs []error
	for _, stop := range c.stops {
		errs = append(errs, stop())
	}
	return errors.Join(errs...)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore/storetest/azure"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
)

// clouds are stand-ins for Azure and Google Cloud, written from their documents: no emulator of
// either has versions and does with deletions what the service does. They live in this process,
// and what is in them goes with it.
type clouds struct {
	azure  *azure.Server
	google string // address; empty: not asked for
	// identity is the address of a managed identity for the one.
	identity string
	servers  []*http.Server
}

const identitySecret = "sandbox"

// accountKey is that of both accounts.
const accountKey = "sandbox-account-key-for-loopback-only-01"

// startClouds starts those that are asked for, with acme's data in them if there are to be samples.
func startClouds(withAzure, withGoogle, samples bool) (*clouds, error) {
	c := new(clouds)
	if withAzure {
		c.azure = azure.New(azure.Options{Accounts: []azure.Account{
			{Name: "acmeus", Location: "eastus", Secondary: "westus", SKU: "Standard_GRS", Versioning: true,
				Key: []byte(accountKey)},
			{Name: "acmene", Location: "northeurope", Versioning: true, Key: []byte(accountKey)},
		}})
		address, err := c.serve(c.azure)
		if err != nil {
			return c, err
		}
		c.azure.URL = address
		if c.identity, err = c.serve(c.azure.Identity(identitySecret)); err != nil {
			return c, err
		}
		c.azure.Container("acmeus", "contracts")
		if samples {
			for i := range 20 {
				c.azure.Put("acmeus", "contracts", fmt.Sprintf("2025/contract-%03d.txt", i), strings.Repeat("draft ", 100+i))
				c.azure.Put("acmeus", "contracts", fmt.Sprintf("2025/contract-%03d.txt", i), strings.Repeat("signed ", 100+i))
			}
		}
	}
	if !withGoogle {
		return c, nil
	}
	g := google.New(google.Options{})
	var err error
	if c.google, err = c.serve(g); err != nil {
		return c, err
	}
	g.MakeBucket(google.Bucket{Name: "acme-analytics", Project: "acme", Location: "US", Versioning: true, SoftDelete: -1,
		Labels: map[string]string{"customer": "acme"}})
	if samples {
		for i := range 20 {
			g.PutObject("acme-analytics", google.Object{Name: fmt.Sprintf("events/%03d.json", i),
				ContentType: "application/json", Data: []byte(strings.Repeat(`{"event": "visit"}`+"\n", 50+i)),
				Metadata: map[string]string{"source": "web"}})
		}
	}
	return c, nil
}

// serve answers on a port of this machine's loopback, and returns the address.
func (c *clouds) serve(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	c.servers = append(c.servers, s)
	go func() { _ = s.Serve(l) }() // until close
	return "http://" + l.Addr().String(), nil
}

func (c *clouds) close() (err error) {
	for _, s := range c.servers {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err = errors.Join(err, s.Shutdown(ctx))
		cancel()
	}
	return err
}

// environment is what Azure's credentials are found by.
func (c *clouds) environment() [][2]string {
	if c == nil || c.azure == nil {
		return nil
	}
	return [][2]string{{"IDENTITY_ENDPOINT", c.identity}, {"IDENTITY_HEADER", identitySecret}}
}

// describe adds what programs other than residency have to know.
func (c *clouds) describe(info map[string]any) {
	if c != nil && c.azure != nil {
		info["azure"] = map[string]any{"endpoint": c.azure.URL, "subscription": c.azure.Subscription(),
			"key": []byte(accountKey)}
	}
	if c != nil && c.google != "" {
		info["google"] = map[string]string{"endpoint": c.google}
	}
}

// providers are those of the configuration.
func (c *clouds) providers() string {
	var b strings.Builder
	if c != nil && c.azure != nil {
		fmt.Fprintf(&b, "  azure: {type: azure, subscription: %s, endpoint: %q, resource_manager: %q}\n",
			c.azure.Subscription(), c.azure.URL, c.azure.URL)
	}
	if c != nil && c.google != "" {
		fmt.Fprintf(&b, "  google: {type: gcs, project: acme, endpoint: %q}\n", c.google)
	}
	return b.String()
}

// data are the locations of acme's.
func (c *clouds) data() string {
	var b strings.Builder
	if c != nil && c.azure != nil {
		b.WriteString("      - azure:acmeus.contracts\n")
	}
	if c != nil && c.google != "" {
		b.WriteString("      - google:acme-analytics\n")
	}
	return b.String()
}

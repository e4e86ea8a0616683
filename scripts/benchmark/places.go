//go:build linux

package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
)

// service is what answers at an end. The zero value is the S3 server of -server.
type service string

const (
	azurite  service = "azurite"
	fakeGCS  service = "fake-gcs-server"
	strictAz service = "azure"  // the sandbox's, as Microsoft's documents have it
	strictGo service = "google" // the sandbox's, as Google's documents have it
)

// store is what this program itself does at an end: make the data, look what a tool has done,
// and clear it away.
type store interface {
	createBucket(ctx context.Context, bucket string, versioned bool) error
	put(ctx context.Context, bucket, key string, body []byte, size, part int64) error
	get(ctx context.Context, bucket, key string) ([]byte, error)
	holds(ctx context.Context, bucket string) (versions, size, markers int64, err error)
	// remove deletes a bucket and all that is in it. One that is not there is no error.
	remove(ctx context.Context, bucket string) error
}

// place is one end: where it is, and how each program is told of it. An address is the
// server's own or that of a proxy in front of it.
type place interface {
	address() string
	region() string
	store(address string) store
	// provider is the end in residency's configuration, and location a bucket there.
	provider(address string) string
	location(bucket string) string
	// rclone is the end in rclone's environment, without what every variable begins with.
	rclone(address string) []string
	environment() []string
}

// connections are those of this program to an end.
const connections = 32

type s3Place struct {
	credentials
	at, code string
}

func (p *s3Place) address() string { return p.at }
func (p *s3Place) region() string  { return p.code }
func (p *s3Place) store(address string) store {
	return newEndpoint(address, p.code, p.credentials, connections)
}
func (p *s3Place) environment() []string    { return nil } // every run has it
func (p *s3Place) location(b string) string { return b }

func (p *s3Place) provider(address string) string {
	return fmt.Sprintf("{type: s3, operator: {name: Example Cloud, country: FR}, regions: {%s: {endpoint: %q}}}", p.code,
		address)
}

func (p *s3Place) rclone(address string) []string {
	return []string{"TYPE=s3", "PROVIDER=Other", "ENDPOINT=" + address, "REGION=" + p.code, "ENV_AUTH=true",
		"FORCE_PATH_STYLE=true", "NO_CHECK_BUCKET=true"}
}

// azurePlace is one storage account, and the Resource Manager that tells of it.
type azurePlace struct {
	at, code, account string
	key               []byte
	manager           string // address
	subscription      string
	identity          []string // the variables by which tokens for the manager are found
}

func (p *azurePlace) address() string            { return p.at }
func (p *azurePlace) region() string             { return p.code }
func (p *azurePlace) location(b string) string   { return p.account + "." + b }
func (p *azurePlace) store(address string) store { return newBlobs(address, p.account, p.key) }

func (p *azurePlace) provider(address string) string {
	return fmt.Sprintf("{type: azure, subscription: %s, endpoint: %q, resource_manager: %q}", p.subscription, address,
		p.manager)
}

func (p *azurePlace) rclone(address string) []string {
	return []string{"TYPE=azureblob", "ACCOUNT=" + p.account, "KEY=" + base64.StdEncoding.EncodeToString(p.key),
		"ENDPOINT=" + address + "/" + p.account, "NO_CHECK_CONTAINER=true"}
}

func (p *azurePlace) environment() []string {
	return append([]string{"AZURE_STORAGE_ACCOUNT=" + p.account,
		"AZURE_STORAGE_KEY=" + base64.StdEncoding.EncodeToString(p.key)}, p.identity...)
}

// googlePlace is one project, whose new buckets are in one region where the server lets nobody
// choose.
type googlePlace struct{ at, code string }

func (p *googlePlace) address() string            { return p.at }
func (p *googlePlace) region() string             { return p.code }
func (p *googlePlace) store(address string) store { return newObjects(address, p.code) }
func (p *googlePlace) location(b string) string   { return b }
func (p *googlePlace) environment() []string      { return nil }

func (p *googlePlace) provider(address string) string {
	return fmt.Sprintf("{type: gcs, project: %s, endpoint: %q}", project, address)
}

func (p *googlePlace) rclone(address string) []string {
	return []string{"TYPE=gcs", "ENDPOINT=" + address + "/storage/v1/", "ANONYMOUS=true", "PROJECT_NUMBER=" + project,
		"NO_CHECK_BUCKET=true"}
}

// Regions of clouds, for both ends.
const (
	azureUS  = "eastus"
	azureEU  = "northeurope"
	googleUS = "us-east1"
	googleEU = "europe-west1"
	project  = "bench"
)

// ends starts what a workload needs besides the servers that are there, and tells both of its ends
// and how to stop it.
func (r *runner) ends(ctx context.Context, w workload) (from, to place, stop func() error, err error) {
	c := &clouds{tools: r.tools, servers: r.servers}
	if from, err = c.place(ctx, w.source, true); err == nil {
		to, err = c.place(ctx, w.destination, false)
	}
	if err != nil {
		return nil, nil, nil, errors.Join(err, c.stop())
	}
	return from, to, c.stop, nil
}

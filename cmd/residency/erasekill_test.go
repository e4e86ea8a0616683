//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// aim is a request to die at.
type aim struct {
	operations string // each followed by a semicolon
	source     bool   // in the source bucket; else of the state
	when       string // before it is done, when half of it is, or after, and its answer is held
	home       string // of the state, where the run is short
	n          int    // the n-th of them
}

func (a aim) kind() string {
	if a.source {
		return a.when + " a deletion at the source"
	}
	return a.when + " a write of the state"
}

func (a aim) String() string { return fmt.Sprintf("%s, number %d", a.kind(), a.n) }

const (
	deletions = "DeleteObjects;DeleteObject;"
	writes    = "PutObject;"
)

// TestKilledInTheErase kills a migration at each deletion at its source, and at
// each write of its state from the first deletion on: before it is done, when
// half of a batch is, and when it is done and not answered. The same command, given
// again, ends with every history exact and the source empty. With RESIDENCY_KILLS
// every kill is made with either home of the state, and three in a row.
func TestKilledInTheErase(t *testing.T) {
	t.Parallel()
	all := os.Getenv("RESIDENCY_KILLS") != ""
	for _, server := range []string{"versitygw", "MinIO"} {
		for _, home := range []string{"directory", "bucket"} {
			t.Run(server+", state in a "+home, func(t *testing.T) {
				t.Parallel()
				f := newFragile(t, server, home)
				if all {
					f.kills = 3
				}
				for _, a := range []aim{
					{deletions, true, "before", "bucket", 0}, {deletions, true, "half", "directory", 0},
					{deletions, true, "after", "directory", 0},
					{writes, false, "before", "bucket", 0}, {writes, false, "after", "bucket", 0},
				} {
					if a.home != home && (!all || !a.source) { // no write to a directory can be held
						continue
					}
					a.n = 1
					for f.dies(a) {
						a.n++
					}
					t.Logf("killed at %d points %s", a.n-1, a.kind())
					if least := 5; a.n-1 < least {
						t.Errorf("%d points %s, want at least %d", a.n-1, a.kind(), least)
					}
				}
				if f.halved.Load() == 0 && home == "directory" {
					t.Error("no batch was done by half")
				}
			})
		}
	}
}

// fragile moves buckets of a few histories, one after another.
type fragile struct {
	t       *testing.T
	box     *storetest.Sandbox
	home    string
	dir     string
	binary  string
	proxies map[string]*storetest.Proxy
	buckets int
	kills   int // at most, of one move
	halved  atomic.Int64
}

func newFragile(t *testing.T, server, home string) *fragile {
	f := &fragile{t: t, home: home, kills: 1, proxies: make(map[string]*storetest.Proxy)}
	if server == "MinIO" {
		f.box = storetest.StartMinIO(t, "us-east-1", "eu-west-1")
	} else {
		f.box = storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{"us-east-1", "eu-west-1"}})
	}
	for region := range f.box.Endpoints {
		f.proxies[region] = f.box.Proxy(t, region)
	}
	f.dir, f.binary = t.TempDir(), program.path(t)
	return f
}

func (f *fragile) must(_ any, err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// histories makes a bucket whose histories an erase can cut in every way: n is a
// version from before versioning, a letter one from after, with attributes of its
// own, and - a delete marker. None has a marker right behind a null version and
// something on top: versitygw lists versions with whole seconds, and within one
// nothing tells which of the two came first.
func (f *fragile) histories() (bucket string) {
	f.t.Helper()
	f.buckets++
	bucket = fmt.Sprintf("erased-%03d", f.buckets)
	client, ctx := f.box.Client("us-east-1"), f.t.Context()
	f.must(client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}))
	histories := map[string]string{
		"null": "n", "null-then-more": "na", "null-then-marker": "n-", "null-then-all": "na-b", "null-more-marker": "na-",
		"one": "a", "more": "abc", "marker": "a-", "marker-between": "a-b", "markers": "a-b-", "same": "aa",
		"null-beneath-same": "nn",
	}
	for step := range 5 {
		if step == 1 {
			f.must(client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &bucket,
				VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
		}
		for key, history := range histories {
			if !strings.HasPrefix(history, "n") {
				history = " " + history
			}
			switch {
			case step >= len(history) || history[step] == ' ':
			case history[step] == '-':
				f.must(client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}))
			default:
				f.must(client.PutObject(ctx, &s3.PutObjectInput{
					Bucket: &bucket, Key: &key, Body: strings.NewReader(strings.Repeat(history[step:step+1], 100)),
					ContentType: aws.String("text/" + history[step:step+1]), Metadata: map[string]string{"step": fmt.Sprint(step)},
				}))
			}
		}
	}
	return bucket
}

// dies moves a new bucket, killed at the request aimed at, and goes on with the
// same command. It returns whether there was such a request.
func (f *fragile) dies(a aim) (killed bool) {
	f.t.Helper()
	bucket := f.histories()
	before, err := storetest.Snapshot(f.t.Context(), f.box.Client("us-east-1"), bucket, "")
	f.must(nil, err)
	var output string
	for kill := 1; ; kill++ {
		aimed := a
		if kill > f.kills {
			aimed.n = 0
		}
		if output, err = f.run(f.command(bucket), bucket, aimed); err == nil {
			break
		}
		if !strings.Contains(err.Error(), "killed") {
			f.t.Errorf("%d times killed %v, and then: %v\n%s", kill-1, a, err, output)
			break
		}
		killed = true
		f.unlock(bucket)
	}
	there, err := storetest.Snapshot(f.t.Context(), f.box.Client("eu-west-1"), bucket+"-eu-west-1", "")
	f.must(nil, err)
	if d := storetest.Diff(before, storetest.WithoutAdded(before, there)); d != "" {
		f.t.Errorf("after a kill %v the destination differs from what the source held:\n%s\n%s", a, d, output)
	}
	left, err := storetest.Snapshot(f.t.Context(), f.box.Client("us-east-1"), bucket, "")
	if err != nil || len(left) > 0 {
		f.t.Errorf("after a kill %v the source still has %d keys, %v", a, len(left), err)
	}
	return killed
}

// command is the migration of one bucket, with a state of its own.
func (f *fragile) command(bucket string) *exec.Cmd {
	f.t.Helper()
	dir := filepath.Join(f.dir, bucket)
	f.must(nil, os.MkdirAll(dir, 0o700))
	state := filepath.Join(dir, "state")
	if f.home == "bucket" {
		state = "cloud:" + stateOf(bucket)
		name := stateOf(bucket)
		_, err := f.box.Client("eu-west-1").CreateBucket(f.t.Context(), &s3.CreateBucketInput{Bucket: &name,
			CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}})
		if err != nil && !strings.Contains(err.Error(), "BucketAlreadyOwnedByYou") {
			f.t.Fatal(err)
		}
	}
	config := fmt.Sprintf(`version: 1
providers:
  cloud:
    type: s3
    profile: sandbox
    operator: {name: Example, country: DE}
    regions:
      us-east-1: {endpoint: %s}
      eu-west-1: {endpoint: %s}
customers:
  acme:
    data: ["cloud:%s"]
`, f.proxies["us-east-1"].URL(), f.proxies["eu-west-1"].URL(), bucket)
	path := filepath.Join(dir, "residency.yaml")
	f.must(nil, os.WriteFile(path, []byte(config), 0o600))
	c := exec.Command(f.binary, "migrate", "--config", path, "--state", state, "--to", "eu-west-1", "--customer", "acme",
		"--yes")
	c.Dir = dir
	c.Env = append(os.Environ(), "AWS_SHARED_CREDENTIALS_FILE="+f.box.CredentialsPath, "AWS_EC2_METADATA_DISABLED=true",
		"RESIDENCY_METADATA=off")
	return c
}

func stateOf(bucket string) string { return "state-of-" + bucket }

// run runs a command until it ends or comes to the request aimed at.
func (f *fragile) run(c *exec.Cmd, bucket string, a aim) (output string, err error) {
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	started := make(chan struct{})
	kill := sync.OnceFunc(func() {
		<-started
		_ = c.Process.Kill() // it may just have ended
		// Its connections end with it; what it asked for is not answered.
	})
	var erasing atomic.Bool
	var seen atomic.Int64
	fault := func(r storetest.Request) storetest.Fault {
		if r.Bucket == bucket && strings.Contains(deletions, r.Operation+";") {
			erasing.Store(true)
		}
		aimed := strings.Contains(a.operations, r.Operation+";") && (a.source && r.Bucket == bucket ||
			!a.source && erasing.Load() && r.Bucket == stateOf(bucket))
		if !aimed || seen.Add(1) != int64(a.n) {
			return storetest.Fault{}
		}
		switch a.when {
		case "before":
			kill()
			return storetest.Fault{Reset: true}
		case "half":
			return storetest.Fault{Resign: true, ReplaceRequestBody: f.half,
				ReplaceResponseBody: func(b []byte) []byte { kill(); return b }}
		}
		return storetest.Fault{ReplaceResponseBody: func(b []byte) []byte { kill(); return b }}
	}
	for _, p := range f.proxies {
		p.SetFault(fault)
	}
	if err := c.Start(); err != nil {
		return "", err
	}
	close(started)
	err = c.Wait()
	return out.String(), err
}

// half leaves the first half of what a batch of deletions names.
func (f *fragile) half(body []byte) []byte {
	const open = "<Object>"
	n := bytes.Count(body, []byte(open))
	if n < 2 {
		return body
	}
	f.halved.Add(1)
	parts := bytes.Split(body, []byte(open))
	rest := parts[n]
	end := rest[bytes.LastIndex(rest, []byte("</Object>"))+len("</Object>"):]
	return append(bytes.Join(parts[:1+n/2], []byte(open)), end...)
}

// unlock takes away the lease of a run that is dead, which nobody else would for a
// while. In a directory it ended with the process.
func (f *fragile) unlock(bucket string) {
	f.t.Helper()
	if f.home != "bucket" {
		return
	}
	client, name := f.box.Client("eu-west-1"), stateOf(bucket)
	out, err := client.ListObjectsV2(f.t.Context(), &s3.ListObjectsV2Input{Bucket: &name})
	f.must(nil, err)
	for _, o := range out.Contents {
		if strings.HasSuffix(*o.Key, "/lease.json") {
			f.must(client.DeleteObject(f.t.Context(), &s3.DeleteObjectInput{Bucket: &name, Key: o.Key}))
		}
	}
}

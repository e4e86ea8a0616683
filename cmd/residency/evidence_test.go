//go:build unix

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/objectstore/iam"
	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
)

// Whoever interrupts doctor --evidence finds nothing left of it at the service, and
// in the file what had been asked by then. The same command begins anew.
func TestEvidenceInterrupted(t *testing.T) {
	t.Parallel()
	p := newPermitted(t, world{"us-east-1", "eu-west-1"}, "aws")
	own := []string{"arn:aws:s3:::residency-evidence-*", "arn:aws:s3:::residency-evidence-*/*"}
	p.allow("aws", []permissionDocument{{Policy: iam.NewPolicy([]iam.Statement{
		iam.Allow("Own", []string{"s3:*"}, own), iam.Allow("List", []string{"s3:ListAllMyBuckets"}, []string{"*"}),
	})}})
	file := filepath.Join(t.TempDir(), "evidence.json")
	var out, errs bytes.Buffer
	c := p.command(&out, &errs, "doctor", "--to", p.to(), "--evidence", file)
	var process atomic.Pointer[os.Process]
	started := make(chan struct{})
	p.amazon.SetFault(func(r amazon.Request) amazon.Fault {
		if r.Operation == "PutObject" && r.N == 5 {
			<-started
			if err := process.Load().Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
		}
		return amazon.Fault{}
	})
	p.must(nil, c.Start())
	process.Store(c.Process)
	close(started)
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Errorf("%v, want exit code 130\n%s%s", err, &out, &errs)
	}
	p.amazon.SetFault(nil)
	text, err := os.ReadFile(file)
	p.must(nil, err)
	for _, want := range []string{`"interrupted": true`, `"removed": true`, `"outcome": "as expected"`,
		`"observed": "interrupted"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in the file", want)
		}
	}
	if code, out, errs := p.run("doctor", "--to", p.to(), "--evidence", file); code != 0 {
		t.Errorf("once more: exit code %d\n%s%s", code, out, errs)
	}
	left, err := p.client(p.at).ListBuckets(t.Context(), &s3.ListBucketsInput{MaxBuckets: aws.Int32(100)})
	p.must(left, err)
	for _, b := range left.Buckets {
		if *b.Name != "ci-state" {
			t.Errorf("bucket %s is left", *b.Name)
		}
	}
}

package main

import (
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/residency/residency/migrate/certificate"
)

// expectedCommand holds what a certificate has counted against what was estimated: expected FILE.
func expectedCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: expected FILE")
	}
	var c certificate.Certificate
	ts.Check(certificate.Decode([]byte(ts.ReadFile(args[0])), &c))
	if c.Cost == nil || len(c.Cost.Requests) == 0 {
		ts.Fatalf("%s has no cost", args[0])
	}
	for _, r := range c.Cost.Requests {
		ts.Logf("%s %s: %d, estimated %d to %d", r.At, r.Item, r.Counted, r.Low, r.High)
	}
	for _, r := range c.Cost.Requests {
		if r.Counted < r.Low || r.Counted > r.High {
			ts.Fatalf("%d %s at %s, estimated %d to %d", r.Counted, r.Item, r.At, r.Low, r.High)
		}
	}
}

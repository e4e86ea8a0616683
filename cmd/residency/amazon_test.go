package main

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
)

type amazonKey struct{}

const amazonUsage = `amazon start [PARTITION] [REGION…]: run an Amazon, and be its account's root
amazon as USER [POLICY]: be a user, whose policy a file has
[!] amazon hosts PATTERN: assert that a host that was asked for matches a pattern
[!] amazon denied USER [PATTERN]: assert that a user was denied an action
amazon used USER FILE: write down which actions a user needed and had
amazon forget: empty what was noted
amazon tags BUCKET KEY VALUE: give a bucket a tag as CloudFormation does
amazon mfa BUCKET: turn MFA delete on
amazon lag BUCKET: have versioning, once on, take a write to come into force`

// amazonCommand starts an Amazon behind a proxy, and asks it afterwards.
func amazonCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 || neg && args[0] != "hosts" && args[0] != "denied" {
		ts.Fatalf("usage: %s", amazonUsage)
	}
	running := ts.Value(amazonKey{}).(**amazon.Server)
	if args[0] == "start" {
		*running = startAmazon(ts, args[1:])
		return
	}
	server := *running
	if server == nil {
		ts.Fatalf("amazon: not started")
	}
	switch rest := args[1:]; {
	case args[0] == "as" && len(rest) == 2:
		if slices.Contains(server.Users(), rest[0]) {
			ts.Check(server.SetPolicy(rest[0], ts.ReadFile(rest[1])))
		} else {
			ts.Check(server.AddUser(amazon.User{Name: rest[0], Policy: ts.ReadFile(rest[1])}))
		}
		setAll(ts, server.Env(rest[0]))
	case args[0] == "as" && len(rest) == 1:
		setAll(ts, server.Env(rest[0]))
	case args[0] == "hosts" && len(rest) == 1:
		assertMatch(ts, neg, "host", rest[0], server.Hosts())
	case args[0] == "denied" && len(rest) >= 1:
		assertMatch(ts, neg, "denied action", strings.Join(rest[1:], " "), server.Denied(rest[0]))
	case args[0] == "used" && len(rest) == 2:
		text := strings.Join(server.Used(rest[0]), "\n") + "\n"
		ts.Check(os.WriteFile(ts.MkAbs(rest[1]), []byte(text), 0o600))
	case args[0] == "forget":
		server.Forget()
	case args[0] == "tags" && len(rest) == 3:
		server.SetSystemTags(rest[0], map[string]string{rest[1]: rest[2]})
	case args[0] == "mfa" && len(rest) == 1:
		server.SetMFADelete(rest[0], true)
	case args[0] == "lag" && len(rest) == 1:
		server.SetVersioningLag(rest[0], 1)
	default:
		ts.Fatalf("usage: %s", amazonUsage)
	}
}

func startAmazon(ts *testscript.TestScript, args []string) *amazon.Server {
	o := amazon.Options{Dir: ts.MkAbs("amazon")}
	if len(args) > 0 && strings.HasPrefix(args[0], "aws") {
		o.Partition, args = args[0], args[1:]
	}
	o.Regions = args
	ts.Check(os.MkdirAll(o.Dir, 0o700))
	server, err := amazon.Launch(context.Background(), o)
	ts.Check(err)
	ts.Defer(func() { ts.Check(server.Close()) })
	setAll(ts, server.Env())
	return server
}

func setAll(ts *testscript.TestScript, env []string) {
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		ts.Setenv(name, value)
	}
}

func assertMatch(ts *testscript.TestScript, neg bool, what, pattern string, list []string) {
	re, err := regexp.Compile(pattern)
	ts.Check(err)
	if found := slices.IndexFunc(list, re.MatchString); neg && found >= 0 {
		ts.Fatalf("%s %s matches %q; all: %v", what, list[found], pattern, list)
	} else if !neg && found < 0 {
		ts.Fatalf("no %s matches %q; all: %v", what, pattern, list)
	}
}

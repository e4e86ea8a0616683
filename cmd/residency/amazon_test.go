package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
)

type amazonKey struct{}

const amazonUsage = `amazon start [PARTITION] [REGION…]: run an Amazon, and be its account's root
amazon as USER [POLICY]: be a user, whose policy a file has
amazon account NAME NUMBER [PARTITION]: have a root of another account, as a profile
[!] amazon hosts PATTERN: assert that a host that was asked for matches a pattern
[!] amazon denied USER [PATTERN]: assert that a user was denied an action
amazon used USER FILE: write down which actions a user needed and had
amazon counts OPERATION [<=]N: assert how many requests of an operation there were
amazon key NAME REGION ID [SPEC]: make a key for signatures, whose ARN is $NAME
amazon forget: empty what was noted
amazon tags BUCKET KEY VALUE: give a bucket a tag as CloudFormation does
amazon slow BUCKET N: have the policy of before a change decide N times yet
amazon most N: refuse unpaged lists of more buckets
amazon mfa BUCKET: turn MFA delete on
amazon lag [BUCKET]: have versioning, once on, take a write to come into force; without a bucket, in new ones
amazon fault OPERATION=STATUS,CODE[,done]…: have the first requests of operations fail, in this order, or be done
    and fail; with status 200 the error is in the document
amazon faults: assert that all of them have failed`

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
	case args[0] == "account" && (len(rest) == 2 || len(rest) == 3):
		ts.Check(server.AddUser(amazon.User{Name: rest[0], Account: rest[1], Partition: strings.Join(rest[2:], ""),
			Root: true}))
	case args[0] == "hosts" && len(rest) == 1:
		assertMatch(ts, neg, "host", rest[0], server.Hosts())
	case args[0] == "denied" && len(rest) >= 1:
		assertMatch(ts, neg, "denied action", strings.Join(rest[1:], " "), server.Denied(rest[0]))
	case args[0] == "used" && len(rest) == 2:
		text := strings.Join(server.Used(rest[0]), "\n") + "\n"
		ts.Check(os.WriteFile(ts.MkAbs(rest[1]), []byte(text), 0o600))
	case args[0] == "key" && (len(rest) == 3 || len(rest) == 4):
		arn, err := server.AddSigningKey(amazon.SigningKey{Region: rest[1], ID: rest[2], Spec: strings.Join(rest[3:], "")})
		ts.Check(err)
		ts.Setenv(rest[0], arn)
	case args[0] == "forget":
		server.Forget()
	case args[0] == "tags" && len(rest) == 3:
		server.SetSystemTags(rest[0], map[string]string{rest[1]: rest[2]})
	case args[0] == "most" && len(rest) == 1:
		n, err := strconv.Atoi(rest[0])
		ts.Check(err)
		server.SetMaxBuckets(n)
	case args[0] == "slow" && len(rest) == 2:
		n, err := strconv.Atoi(rest[1])
		ts.Check(err)
		server.SetPolicyLag(rest[0], n)
	case args[0] == "mfa" && len(rest) == 1:
		server.SetMFADelete(rest[0], true)
	case args[0] == "lag" && len(rest) <= 1:
		server.SetVersioningLag(strings.Join(rest, ""), 1)
	case args[0] == "fault":
		plantFaults(ts, server, rest)
	case args[0] == "faults" && len(rest) == 0:
		if n := (*ts.Value(faultsKey{}).(*func() int))(); n > 0 {
			ts.Fatalf("%d faults did not come about", n)
		}
	case args[0] == "counts" && len(rest) == 2:
		most, err := strconv.Atoi(strings.TrimPrefix(rest[1], "<="))
		ts.Check(err)
		if got := server.Counts()[rest[0]]; got > most || got < most && !strings.HasPrefix(rest[1], "<=") {
			ts.Fatalf("%d requests of %s, want %s; all: %v", got, rest[0], rest[1], server.Counts())
		}
	default:
		ts.Fatalf("usage: %s", amazonUsage)
	}
}

type faultsKey struct{}

// plantFaults reads OPERATION=STATUS,CODE[,done].
func plantFaults(ts *testscript.TestScript, server *amazon.Server, list []string) {
	faults := make(map[string][]amazon.Fault)
	for _, text := range list {
		operation, rest, _ := strings.Cut(text, "=")
		fields := strings.Split(rest, ",")
		status, err := strconv.Atoi(fields[0])
		ts.Check(err)
		if len(fields) < 2 {
			ts.Fatalf("usage: %s", amazonUsage)
		}
		faults[operation] = append(faults[operation], amazon.Fault{
			Status: status, Code: fields[1], AfterStart: status == 200, Done: len(fields) == 3,
		})
	}
	decide, left := amazon.Plan(faults)
	*ts.Value(faultsKey{}).(*func() int) = left
	server.SetFault(decide)
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

type onAmazonKey struct{}

// notUsed is what no list of buckets shows, and the scripts do not have.
const notUsed = "[directory buckets, table buckets, vector buckets, buckets on Outposts]"

// TestScriptsOnAmazon runs the scripts of the whole way against an Amazon instead of
// the sandbox, at its regions' own addresses.
func TestScriptsOnAmazon(t *testing.T) {
	t.Parallel()
	p := scripts(true)
	for _, name := range onAmazon() {
		p.Files = append(p.Files, filepath.Join(p.Dir, name+".txtar"))
	}
	p.Dir = ""
	testscript.Run(t, p)
}

// onAmazon are the scripts that run there: a few, or with RESIDENCY_AMAZON=all, as
// make test-servers sets it, each that can. The others are about what cannot be
// there: other operators, regions and addresses, or what another service offers.
func onAmazon() []string {
	if os.Getenv("RESIDENCY_AMAZON") != "all" {
		return strings.Fields("abort keepsource migrate retained")
	}
	return strings.Fields(`abort admits approvals bars bucketstate callers claimed customers drift emptied fullstate
		keepsource keys lost migrate nothing output passes poisoned retained rivals spoiled state stateplace stuck
		taken terminal unlistable withoutsettings`)
}

// forAmazon makes a configuration of the sandbox one of Amazon: without addresses.
func forAmazon(text string) string {
	text = regexp.MustCompile(`\{endpoint: https://s3\.[a-z0-9-]+\.amazonaws\.com`).ReplaceAllString(text, "{country: ")
	text = regexp.MustCompile(`\{country: (?:, country: )?([A-Z]*)\}`).ReplaceAllString(text, "{}")
	text = regexp.MustCompile(`(?m)^ +operator: \{.*\}\n`).ReplaceAllString(text, "")
	return strings.ReplaceAll(text, "type: s3", "type: aws\n    not_used: "+notUsed)
}

// amazonSandbox is sandboxCommand on an Amazon. Its root takes the place of the
// sandbox's user.
func amazonSandbox(ts *testscript.TestScript, regions map[string]string, samples bool) {
	dir := ts.MkAbs("sandbox")
	ts.Check(os.MkdirAll(dir, 0o700))
	names := []string{"us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-northeast-1"}
	server, err := amazon.Launch(context.Background(), amazon.Options{Dir: dir, Regions: names, Samples: samples})
	ts.Check(err)
	ts.Defer(func() { ts.Check(server.Close()) })
	*ts.Value(amazonKey{}).(**amazon.Server) = server
	setAll(ts, server.Env())
	credentials := filepath.Join(dir, "credentials")
	text := fmt.Sprintf("[sandbox]\naws_access_key_id = %s\naws_secret_access_key = %s\n",
		ts.Getenv("AWS_ACCESS_KEY_ID"), ts.Getenv("AWS_SECRET_ACCESS_KEY"))
	ts.Check(os.WriteFile(credentials, []byte(text), 0o600))
	setAll(ts, []string{"AWS_SHARED_CREDENTIALS_FILE=" + credentials, "AWS_ACCESS_KEY_ID=",
		"AWS_SECRET_ACCESS_KEY=", "AWS_PROFILE=sandbox",
		"AWS_REGION=us-east-1", "RESIDENCY_CONFIG=", "ACCOUNT=111122223333"})
	for name, region := range regions {
		ts.Setenv(name, "https://s3."+region+".amazonaws.com")
		ts.Setenv(name+"_PORT", "443")
	}
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

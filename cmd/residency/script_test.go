package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
	"github.com/residency/residency/migrate/attest/attesttest"
	"github.com/residency/residency/migrate/state"
)

// TestMain makes this test binary also the programs that the scripts run.
func TestMain(m *testing.M) {
	testscript.Main(builder{m}, map[string]func(){"residency": main, "exits": exitsMain, "terminal": terminalMain})
}

// TestScripts runs the command line against real servers. Each script has
// servers of its own; see the commands below.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scripts(false))
}

func scripts(onAmazon bool) testscript.Params {
	return testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition: func(name string) (bool, error) {
			if name != "amazon" {
				return false, fmt.Errorf("no condition %s", name)
			}
			return onAmazon, nil
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			directory, err := filepath.Abs(filepath.Join("..", "..", "scripts"))
			if err != nil {
				return err
			}
			env.Setenv("SCRIPTS", directory)
			env.Setenv("RESIDENCY_METADATA", "off")   // where the tests run is nobody's business
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else every program waits a second before it ends
			env.Values[leaseKey{}] = new(func() error)
			env.Values[amazonKey{}] = new(*amazon.Server)
			env.Values[googleKey{}] = new(*google.Server)
			env.Values[azureKey{}] = new(*azure.Server)
			env.Values[onAmazonKey{}] = onAmazon
			env.Values[faultsKey{}] = new(func() int)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"amazon":    amazonCommand,
			"authority": authorityCommand,
			"metadata":  metadataCommand,
			"google":    googleCommand,
			"azure":     azureCommand,
			"sandbox":   sandboxCommand,
			"s3":        s3Command,
			"relay":     relayCommand,
			"expand":    expandCommand,
			"code":      codeCommand,
			"spoil":     spoilCommand,
			"append":    appendCommand,
			"digest":    digestCommand,
			"expected":  expectedCommand,
			"lease":     leaseCommand,
			"release":   releaseCommand,
		},
	}
}

// sandboxCommand starts the S3 servers: sandbox [samples] [REGION]. They are $US
// (us-east-1), $WEST (us-west-2), $EU (eu-west-1), $DE (eu-central-1), $JP
// (ap-northeast-1), and $MORE for a region that no catalog knows; $MORE_PORT is its port, and so on.
func sandboxCommand(ts *testscript.TestScript, neg bool, args []string) {
	regions := map[string]string{"US": "us-east-1", "WEST": "us-west-2", "EU": "eu-west-1", "DE": "eu-central-1",
		"JP": "ap-northeast-1"}
	o := storetest.SandboxOptions{Dir: ts.MkAbs("sandbox"), Samples: slices.Contains(args, "samples")}
	if args = slices.DeleteFunc(args, func(s string) bool { return s == "samples" }); len(args) == 1 {
		regions["MORE"] = args[0]
		o.Regions = slices.Collect(maps.Values(regions))
	}
	if neg || len(args) > 1 {
		ts.Fatalf("usage: sandbox [samples] [REGION]")
	}
	if ts.Value(onAmazonKey{}).(bool) {
		amazonSandbox(ts, regions, o.Samples)
		return
	}
	box, err := storetest.Launch(context.Background(), o)
	ts.Check(err)
	ts.Defer(func() { ts.Check(box.Close()) })
	for _, kv := range box.Env() {
		name, value, _ := strings.Cut(kv, "=")
		ts.Setenv(name, value)
	}
	ts.Setenv("RESIDENCY_CONFIG", "")
	ts.Setenv("SANDBOX", box.Dir)
	ts.Setenv("ACCOUNT", box.AccessKey) // the servers' name for who owns the buckets
	for name, region := range regions {
		ts.Setenv(name, box.Endpoints[region])
		ts.Setenv(name+"_PORT", box.Endpoints[region][strings.LastIndex(box.Endpoints[region], ":")+1:])
	}
}

// authorityCommand starts a timestamp authority: authority NAME sets $NAME to its address; its
// certificates are in the directory tsa.
func authorityCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: authority NAME")
	}
	a, err := attesttest.Start(context.Background(), ts.MkAbs("tsa"), "timeStamping")
	ts.Check(err)
	ts.Defer(a.Close)
	ts.Setenv(args[0], a.URL)
}

// relayCommand puts a proxy before a server, which looks like another one: relay
// NAME OF sets $NAME to the address of one before $OF; relay NAME OF unconditional, to one
// that refuses conditions of writes.
func relayCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 && (len(args) != 3 || args[2] != "unconditional") {
		ts.Fatalf("usage: relay NAME OF [unconditional]")
	}
	proxy, err := storetest.NewProxy(ts.Getenv(args[1]))
	ts.Check(err)
	ts.Defer(func() { ts.Check(proxy.Close()) })
	if len(args) == 3 {
		proxy.SetFault(func(r storetest.Request) storetest.Fault {
			writes := r.Operation == "PutObject" || r.Operation == "CompleteMultipartUpload"
			if writes && r.Header.Get("If-None-Match")+r.Header.Get("If-Match") != "" {
				return storetest.Fault{Status: 501}
			}
			return storetest.Fault{}
		})
	}
	ts.Setenv(args[0], proxy.URL())
}

// expandCommand replaces $NAME in files: expand FILE…
func expandCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: expand FILE…")
	}
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		if ts.Value(onAmazonKey{}).(bool) {
			text = forAmazon(text)
		}
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// codeCommand runs residency and asserts its exit code: code N ARG…
func codeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: code N ARG…")
	}
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec("residency", args[1:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("residency %s: exit code %d, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}

// spoilCommand changes files of the state: spoil flip|cut|empty GLOB. Globs are
// relative to the script's directory and must match.
func spoilCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: spoil flip|cut|empty GLOB")
	}
	names, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	if len(names) == 0 {
		ts.Fatalf("spoil: nothing matches %s", args[1])
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		ts.Check(err)
		switch args[0] {
		case "flip":
			text[len(text)/2] ^= 1
		case "cut":
			text = text[:len(text)/2]
		case "empty":
			text = nil
		default:
			ts.Fatalf("spoil: unknown way %s", args[0])
		}
		ts.Check(os.WriteFile(name, text, 0o600))
	}
}

// appendCommand adds a file to the end of another: append FILE TO.
func appendCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: append FILE TO")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(ts.ReadFile(args[1])+ts.ReadFile(args[0])), 0o600))
}

// digestCommand finds which plan some JSON output is about: it sets $PLAN to
// the plan's ID, $SHORT to the part of the digest that the ID has, and $DIGEST to
// the whole or, where that is not there, to that part.
func digestCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: digest FILE")
	}
	text := ts.ReadFile(args[0])
	id := regexp.MustCompile(`"(?:id|plan)": "([a-z0-9-]+-([0-9a-f]{12}))"`).FindStringSubmatch(text)
	if id == nil {
		ts.Fatalf("no plan in %s:\n%s", args[0], text)
	}
	ts.Setenv("PLAN", id[1])
	ts.Setenv("DIGEST", id[2])
	ts.Setenv("SHORT", id[2])
	if digest := regexp.MustCompile(`"digest": "([0-9a-f]{64})"`).FindStringSubmatch(text); digest != nil &&
		strings.HasPrefix(digest[1], id[2]) {
		ts.Setenv("DIGEST", digest[1])
	}
}

type leaseKey struct{}

// leaseCommand takes the lease of a plan, as another run would: lease STATE
// PLAN. It is given back by release.
func leaseCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lease STATE PLAN")
	}
	_, release, err := state.NewDir(ts.MkAbs(args[0])).Lease(context.Background(), args[1])
	ts.Check(err)
	*ts.Value(leaseKey{}).(*func() error) = release
}

func releaseCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: release")
	}
	ts.Check((*ts.Value(leaseKey{}).(*func() error))())
}

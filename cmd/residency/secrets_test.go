package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// Nothing that is secret is in what the program prints or keeps: not when all is
// well, not when credentials are refused, endpoints are malformed or servers
// fail, and not in its state.
func TestSecrets(t *testing.T) {
	t.Parallel()
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Samples: true})
	from, to := box.Proxy(t, "us-east-1"), box.Proxy(t, "eu-west-1")
	dir := t.TempDir()
	write := func(name string, replace ...string) string {
		text, err := os.ReadFile(box.ConfigPath)
		if err != nil {
			t.Fatal(err)
		}
		replace = append(replace, box.Endpoints["us-east-1"]+"}", from.URL()+"}", box.Endpoints["eu-west-1"]+"}",
			to.URL()+"}")
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.NewReplacer(replace...).Replace(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := write("residency.yaml")
	keys := write("keys.yaml", "profile: sandbox", "endpoint: "+from.URL())
	userinfo := write("userinfo.yaml", box.Endpoints["us-west-2"], "https://user:xq-password@s3.example.com")
	malformed := write("malformed.yaml", box.Endpoints["us-west-2"], "https://user:xq-password@s3.example.com:port")
	stateDir := filepath.Join(dir, "state")
	wrong := []string{"AWS_ACCESS_KEY_ID=XQACCESSKEY", "AWS_SECRET_ACCESS_KEY=xq-secret-key",
		"AWS_SESSION_TOKEN=xq-session-token", "AWS_PROFILE="}

	var all bytes.Buffer
	run := func(code int, env []string, args ...string) {
		t.Helper()
		var out bytes.Buffer
		c := exec.CommandContext(context.Background(), "residency", args...)
		c.Dir, c.Stdout, c.Stderr = dir, &out, &out
		c.Env = append(append(os.Environ(), box.Env()...), append(env, "GORACE=atexit_sleep_ms=0")...)
		_ = c.Run() // the exit code tells
		if got := c.ProcessState.ExitCode(); got != code {
			t.Errorf("residency %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, &out)
		}
		all.Write(out.Bytes())
	}
	run(2, nil, "inventory", "--config", userinfo)
	run(2, nil, "inventory", "--config", malformed)
	run(2, nil, "migrate", "--config", userinfo, "--to", "eu-west", "--customer", "acme", "--yes", "--state", stateDir)
	run(1, wrong, "inventory", "--config", keys, "--log-format", "json", "--log-keys")
	run(4, wrong, "migrate", "--config", keys, "--to", "eu-west", "--customer", "acme", "--yes", "--state", stateDir,
		"--log-keys")
	run(1, wrong, "doctor", "--config", keys, "-o", "json")
	run(0, nil, "inventory", "--config", config, "-o", "json", "--log-keys")
	run(4, nil, "migrate", "--config", config, "--to", "eu-west", "--customer", "acme", "--state", stateDir, "-o", "json")
	to.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "PutObject" && r.N == 50 {
			return storetest.Fault{Status: 403, Code: "SignatureDoesNotMatch"}
		}
		return storetest.Fault{}
	})
	run(1, nil, "migrate", "--config", config, "--to", "eu-west", "--customer", "acme", "--yes", "--state", stateDir,
		"--log-format", "json", "--log-keys")
	to.SetFault(nil)
	run(0, nil, "migrate", "--config", config, "--to", "eu-west", "--customer", "acme", "--yes", "--state", stateDir, "-o",
		"json", "--log-keys")
	run(0, nil, "status", "--config", config, "--state", stateDir, "-o", "json")

	files := 0
	err := filepath.WalkDir(stateDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if err != nil || !strings.HasSuffix(path, ".zst") {
			all.Write(data)
			return err
		}
		z, err := zstd.NewReader(bytes.NewReader(data))
		if err != nil {
			return err
		}
		defer z.Close()
		_, err = z.WriteTo(&all)
		return err
	})
	if err != nil || files < 4 {
		t.Fatalf("%d files in the state, %v", files, err)
	}
	for _, secret := range []string{box.SecretKey, "xq-secret-key", "xq-session-token", "xq-password", "X-Amz-Signature",
		"X-Amz-Credential", "Authorization", "AWS4-HMAC"} {
		if i := bytes.Index(all.Bytes(), []byte(secret)); i >= 0 {
			t.Errorf("%s is in\n%s", secret, all.Bytes()[max(0, i-300):min(all.Len(), i+100)])
		}
	}
	if !bytes.Contains(all.Bytes(), []byte("SignatureDoesNotMatch")) || !bytes.Contains(all.Bytes(),
		[]byte("InvalidAccessKeyId")) && !bytes.Contains(all.Bytes(), []byte("InvalidToken")) {
		t.Errorf("nothing failed as it was meant to:\n%.4000s", all.Bytes())
	}
}

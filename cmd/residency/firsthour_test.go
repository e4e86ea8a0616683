package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// hour is somebody's first hour at a terminal.
type hour struct {
	*testing.T
	columns    int
	home       string   // where they are
	env        []string // of their shell
	before     string   // what they have typed into it already
	transcript strings.Builder
}

// types runs a line in the shell, answers what it asks, and expects an exit code and
// texts.
func (h *hour) types(line string, replies []reply, code int, texts ...string) string {
	h.Helper()
	shown, got := seen(h.T, h.columns, h.home, h.env, replies, "sh", "-c", h.before+line)
	shown = control.ReplaceAllString(shown, "")
	fmt.Fprintf(&h.transcript, "$ %s\n%s", line, shown)
	if got != code {
		fmt.Fprintf(&h.transcript, "(exit code %d)\n", got)
		h.Errorf("%s: exit code %d, want %d\n%s", line, got, code, shown)
	}
	fits(h.T, h.columns, line, shown)
	flat := strings.Join(strings.Fields(shown), " ") // as if nothing was wrapped
	for _, text := range texts {
		if !regexp.MustCompile(text).MatchString(flat) {
			h.Errorf("%s does not show %q:\n%s", line, text, shown)
		}
	}
	return shown
}

// built puts both programs into a directory, as make build does.
func built(t *testing.T) string {
	t.Helper()
	sandbox, err := storetest.SandboxProgram()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "bin of a clone") // a shell has to quote it
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]string{"sandbox": sandbox, "residency": program.path(t)} {
		in, err := os.Open(from)
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.OpenFile(filepath.Join(bin, name), os.O_CREATE|os.O_WRONLY, 0o755)
		if err == nil {
			_, err = io.Copy(out, in)
		}
		if err := errors.Join(err, in.Close(), out.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

// sandboxUp runs the sandbox in another terminal, and returns the lines that it says to
// paste.
func sandboxUp(t *testing.T, bin, dir string) (lines []string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), filepath.Join(bin, "sandbox"), "up", "-dir", dir)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Wait() }) // it was told to end
	said := bufio.NewScanner(out)
	paste := false
	for said.Scan() && said.Text() != "ready" {
		paste = paste || strings.HasPrefix(said.Text(), "In another terminal")
		if line, ok := strings.CutPrefix(said.Text(), "  "); ok && paste {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestFirstHour is a first hour at a terminal, from a clone that was built to data that
// was moved and verified, with what goes wrong on the way.
func TestFirstHour(t *testing.T) {
	t.Parallel()
	bin := built(t)
	for _, columns := range []int{80, 160} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			t.Parallel()
			h := &hour{T: t, columns: columns, home: t.TempDir()}
			h.env = []string{"HOME=" + h.home, "PATH=" + os.Getenv("PATH"), "TERM=xterm-256color",
				"AWS_EC2_METADATA_DISABLED=true", "RESIDENCY_METADATA=off"}
			h.demo(bin)
			box := filepath.Join(t.TempDir(), "what's here") // a shell has to quote it
			pasted := sandboxUp(t, bin, box)
			h.paste(pasted)
			attached, err := storetest.Attach(box)
			if err != nil {
				t.Fatal(err)
			}
			h.before = pasted[0] + "; unset RESIDENCY_CONFIG; "
			h.own(attached)
			h.mistakes(attached)
			if file := os.Getenv("RESIDENCY_TRANSCRIPT"); file != "" {
				if err := os.WriteFile(fmt.Sprintf("%s.%d", file, columns), []byte(h.transcript.String()), 0o600); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// demo is make demo, whose certificate can be opened afterwards.
func (h *hour) demo(bin string) {
	h.Helper()
	script, err := filepath.Abs(filepath.Join("..", "..", "scripts", "demo"))
	if err != nil {
		h.Fatal(err)
	}
	path := "PATH=\"" + bin + ":$PATH\" "
	shown := h.types(path+"sandbox up -- sh "+script, nil, 0, "Sound: the certificate in",
		"460 of 460 entries of plan acme-eu-west-1-[0-9a-f]{12} are at the destination as written")
	open := regexp.MustCompile(`(?m)^The certificate: (.+/certificate\.json)$`).FindStringSubmatch(shown)
	if open == nil {
		h.Fatalf("the demo does not say where its certificate is:\n%s", shown)
	}
	text, err := os.ReadFile(open[1])
	if err != nil || !strings.Contains(string(text), `"source_empty": true`) {
		h.Errorf("the demo's certificate: %v, %.200s", err, text)
	}
}

// paste runs the lines that the sandbox says, as they are.
func (h *hour) paste(lines []string) {
	h.Helper()
	if len(lines) != 4 {
		h.Fatalf("the sandbox says %q, want four lines", lines)
	}
	h.types(strings.Join(lines, "\n"), []reply{{"to stop: ", "acme"}}, 0, "cloud:acme-prod us-east-1 US",
		"Plan acme-eu-west-1-[0-9a-f]{12}", "Done: migrate acme-eu-west-1-[0-9a-f]{12}")
}

// own has them write a configuration, and move another customer's data by it.
func (h *hour) own(box *storetest.Sandbox) {
	h.Helper()
	at := func(region string) string { return region + "=" + box.Endpoints[region] }
	h.types("residency init", []reply{{"? [aws] ", "s3"}, {"environment's: ", "sandbox"},
		{"(s3): ", at("us-west-2") + "," + at("us-east-1") + "," + at("eu-west-1")}, {"US: ", "EU"}, {"nothing: ", "globex"},
		{"aws:acme-prod: ", "s3:globex-data"}}, 0, "Wrote residency.yaml")
	h.types("residency config check", nil, 0, "The configuration has no fault", "customer globex s3:globex-data")
	h.types("residency doctor --customer globex", nil, 0, "s3:us-west-2")
	h.types("residency inventory --customer globex", nil, 0, "s3:globex-data us-west-2 US")
	h.types("residency inventory --check --customer globex --quiet", nil, 3, "outside")
	plan := h.types("residency plan --to eu-west-1", nil, 0, "Plan globex-eu-west-1-[0-9a-f]{12}")
	digest := regexp.MustCompile(`(?m)^digest ([0-9a-f]{64})$`).FindStringSubmatch(plan)
	if digest == nil {
		h.Fatalf("the plan has no digest:\n%s", plan)
	}
	h.types("residency migrate --to eu-west-1", []reply{{"to stop: ", "acme"}}, 4, `the answer was not "globex"`)
	h.types("residency migrate --to eu-west-1 --approve "+digest[1], nil, 0, "Done: migrate globex-eu-west-1-[0-9a-f]{12}",
		"last listing empty")
	h.types("residency verify --plan "+digest[1][:12], nil, 0, "40 of 40 entries")
	h.types("residency status", nil, 0, "globex-eu-west-1-[0-9a-f]{12}( globex)? s3:eu-west-1 certified")
	h.types("residency inventory --check --customer globex --quiet", nil, 0, "within")
}

// mistakes are what goes wrong in a first hour: three typing mistakes, no credentials, an
// endpoint where nobody is, a bucket of somebody else's.
func (h *hour) mistakes(box *storetest.Sandbox) {
	h.Helper()
	h.types("residency inventry", nil, 2, `unknown command "inventry" for "residency"; did you mean inventory\?`)
	h.types("residency plan --to eu-wset-1", nil, 4, "did you mean s3:eu-west-1")
	h.types("residency inventory --custmer globex", nil, 2, "unknown flag: --custmer; did you mean --customer\\?")

	h.types("residency init nobody.yaml --type s3 --endpoint eu-west-1="+box.Endpoints["eu-west-1"]+
		" < /dev/null", nil, 0)
	h.types("unset AWS_PROFILE; AWS_SHARED_CREDENTIALS_FILE=none residency inventory --config nobody.yaml", nil, 1,
		"Nothing could be looked at", "credentials missing", "next: check the profile or AWS_ACCESS_KEY_ID")

	h.types("residency init away.yaml --type s3 --profile sandbox --endpoint eu-west-1=http://127.0.0.1:1 "+
		"< /dev/null", nil, 0)
	h.types("residency inventory --config away.yaml", nil, 1, "Nothing could be looked at", "connection refused")

	h.denied(box)
}

// denied is a bucket that its own policy keeps everybody from listing.
func (h *hour) denied(box *storetest.Sandbox) {
	h.Helper()
	client, bucket := box.Tenant().Client("us-east-1"), aws.String("acme-closed")
	_, err := client.CreateBucket(h.Context(), &s3.CreateBucketInput{Bucket: bucket})
	if err == nil {
		_, err = client.PutBucketPolicy(h.Context(), &s3.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":["s3:ListBucket",` +
				`"s3:ListBucketVersions"],"Resource":"arn:aws:s3:::acme-closed"}]}`)})
	}
	if err != nil {
		h.Fatal(err)
	}
	h.types("residency init closed.yaml --type s3 --profile tenant --endpoint us-east-1="+box.Endpoints["us-east-1"]+
		" --customer acme --data s3:acme-closed < /dev/null", nil, 0)
	h.types("residency inventory --config closed.yaml --customer acme", nil, 1, "OUTSIDE of the policy; and 1 place could not be looked at",
		"acme-closed.*access denied")
	h.types("residency plan --to eu-west-1 --config closed.yaml --customer acme", nil, 4, "not offered|unknown region")
}

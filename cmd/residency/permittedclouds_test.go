package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
)

// TestPermissionsOfClouds runs each stage under exactly the roles that are printed for it, on stand-ins for Azure
// and Google Cloud Storage that know by themselves what each request needs. Nothing may be denied that is not
// optional, and no action may be there that nothing uses.
func TestPermissionsOfClouds(t *testing.T) {
	idle := map[string]map[string]bool{}
	for _, tt := range []struct{ from, to, home string }{
		{"azure", "gcs", "azure"}, {"gcs", "azure", "gcs"}, {"azure", "azure", "gcs"}, {"gcs", "gcs", "azure"},
		{"s3", "gcs", "azure"}, {"s3", "azure", "gcs"}, {"azure", within, "gcs"},
	} {
		t.Run(tt.from+" to "+tt.to, func(t *testing.T) {
			p := newPermittedClouds(t, tt.from, tt.to, tt.home)
			p.stages()
			addIdle(idle, p.idle)
		})
	}
	for name, uses := range idle {
		for use, is := range uses {
			if is {
				t.Errorf("%s: nothing uses %s", name, use)
			}
		}
	}
}

// within is a destination in the source's own provider, whose service copies by itself.
const within = "within"

// permittedClouds runs stages between two services, or within one, with the state in a third.
type permittedClouds struct {
	t            *testing.T
	clouds       map[string]*cloud // by provider
	dir          string
	to           string // the destination's region, with its provider
	env          []string
	plan, digest string
	optional     bool // what is optional is allowed too
	idle         map[string]map[string]bool
}

func newPermittedClouds(t *testing.T, from, to, home string) *permittedClouds {
	t.Helper()
	p := &permittedClouds{t: t, dir: t.TempDir(), clouds: map[string]*cloud{}, idle: map[string]map[string]bool{}}
	config := "version: 1\nproviders:\n"
	ends := map[string]string{"from": from, "to": to, "home": home}
	if to == within {
		to = from
		delete(ends, "to")
	}
	for end, service := range ends {
		p.clouds[end] = newCloud(t, service, end)
		config += "  " + end + ": " + p.clouds[end].config + "\n"
	}
	config += "state: home:" + p.clouds["home"].bucket + "/here\ncustomers:\n  acme: {data: [\"from:" +
		p.clouds["from"].bucket + "\"]}\n"
	p.env = configured(t, p.dir, config, to)
	if p.to = "from:northeurope"; p.clouds["to"] != nil {
		p.to = "to:" + p.clouds["to"].region
	}
	return p
}

// configured writes a configuration whose destination is a service, with the account that Azure needs, and returns an
// environment with a managed identity for it.
func configured(t *testing.T, dir, config, to string) []string {
	t.Helper()
	if to == "azure" {
		config += "destination: {accounts: {northeurope: acmeto}}\n"
	}
	must(t, os.WriteFile(filepath.Join(dir, "residency.yaml"), []byte(config), 0o600))
	const secret = "identity"
	identity := httptest.NewServer(azure.New(azure.Options{}).Identity(secret))
	t.Cleanup(identity.Close)
	return append(os.Environ(), "RESIDENCY_LEASE_TERM=30m", "RESIDENCY_CONFIG=", "GORACE=atexit_sleep_ms=0",
		"RESIDENCY_METADATA=off", "IDENTITY_ENDPOINT="+identity.URL, "IDENTITY_HEADER="+secret)
}

func (p *permittedClouds) run(args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	var out, errs bytes.Buffer
	c := exec.CommandContext(context.Background(), os.Args[0], args...)
	c.Args[0] = "residency"
	c.Env, c.Dir, c.Stdout, c.Stderr = p.env, p.dir, &out, &errs
	if err := c.Run(); err != nil && c.ProcessState == nil {
		p.t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}

// cloudRole is a role as it is printed.
type cloudRole struct {
	End, Provider string
	Placeholders  bool
	Role          struct{ Actions, DataActions, IncludedPermissions []string }
	LeftOut       []string `json:"left_out"`
}

func (r cloudRole) actions() []string {
	return slices.Concat(r.Role.Actions, r.Role.DataActions, r.Role.IncludedPermissions)
}

// roles are those that are printed for stages.
func (p *permittedClouds) roles(stages string) []cloudRole {
	p.t.Helper()
	args := []string{"permissions", "--stage", stages, "-o", "json", "--customer", "acme"}
	if stages != "inventory" || p.plan != "" {
		args = append(args, "--to", p.to)
	}
	code, out, errs := p.run(args...)
	if code != 0 {
		p.t.Fatalf("%v: exit code %d\n%s", args, code, errs)
	}
	var list []cloudRole
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		p.t.Fatalf("%v in\n%s", err, out)
	}
	return list
}

// stage runs a command under exactly the roles of a stage.
func (p *permittedClouds) stage(stage string, want int, args ...string) {
	p.t.Helper()
	roles := p.roles(stage)
	for provider, c := range p.clouds {
		allowed := []string{}
		for _, r := range roles {
			if r.Provider == provider {
				allowed = append(allowed, r.actions()...)
				if p.optional {
					allowed = append(allowed, r.LeftOut...)
				}
			}
			if r.Placeholders {
				p.t.Errorf("%s: the role of the %s has placeholders", stage, r.End)
			}
		}
		c.permit(allowed)
	}
	code, out, errs := p.run(append(args, "--customer", "acme")...)
	if code != want && want != anyCode {
		p.t.Errorf("%s: residency %s: exit code %d, want %d\n%s%s", stage, strings.Join(args, " "), code, want, out, errs)
	}
	if id := regexp.MustCompile(`"(?:id|plan)": "([a-z0-9-]+-([0-9a-f]{12}))"`).FindStringSubmatch(out); id != nil {
		p.plan, p.digest = id[1], id[2]
	}
	for provider, c := range p.clouds {
		p.used(stage, provider, c, roles)
		c.permit(nil)
	}
}

// used checks what was denied, and keeps what no run of a stage so far has used.
func (p *permittedClouds) used(stage, provider string, c *cloud, roles []cloudRole) {
	p.t.Helper()
	used, denied := c.permissions()
	optional := []string{}
	for _, r := range roles {
		if r.Provider == provider {
			optional = append(optional, r.LeftOut...)
		}
	}
	for _, d := range denied {
		if !slices.Contains(optional, d) {
			p.t.Errorf("%s, %s: denied %s", stage, provider, d)
		}
	}
	if p.idle[stage] == nil {
		p.idle[stage] = make(map[string]bool)
	}
	for _, r := range roles {
		if r.Provider != provider {
			continue
		}
		for _, a := range r.actions() {
			name := r.End + " " + a
			idle, known := p.idle[stage][name]
			p.idle[stage][name] = (!known || idle) && !slices.Contains(used, a)
		}
	}
}

// stages runs a migration with what can be met on the way.
func (p *permittedClouds) stages() {
	from, to, ctx := p.clouds["from"], p.clouds["to"], p.t.Context()
	if to == nil {
		to = from
	}
	from.put(p.t, "a", 3)
	from.put(p.t, "a", 4)
	if from.kind == "azure" && to.kind == "azure" {
		from.put(p.t, "tagged", 4, objectstore.Tag{Key: "team", Value: "x"})
	}
	from.put(p.t, "gone", 5)
	_, err := from.store.PutMarker(ctx, from.bucket, "gone")
	must(p.t, err)
	if from.kind == "s3" {
		must(p.t, from.upload(p.t, "large"))
	} else {
		from.put(p.t, "large", 40<<20)
	}
	if from.kind == "gcs" { // on Azure nobody can abort it
		_, err = from.store.CreateUpload(ctx, objectstore.NewObject{Bucket: from.bucket, Key: "unfinished"})
		must(p.t, err)
	}
	p.lease()
	plan := func(want int) {
		p.stage("plan", want, "plan", "--to", p.to, "--all", "-o", "json")
	}
	copied := func(want int) {
		p.stage("copy", want, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	}
	p.stage("inventory", 0, "inventory")
	plan(0)
	plan(0)
	if from.kind != "s3" && to != from {
		copied(1) // who copies may delete nothing at the source, and so no lease
	}
	p.optional = true
	to.stop(2, 401)
	copied(anyCode)
	p.optional = false
	to.stop(0, 0)
	copied(0)
	p.stage("inventory", 0, "inventory")
	p.stage("verify", 0, "verify", "--plan", p.plan)
	p.stage("verify", 0, "verify", "--plan", p.plan, "--verify", "readback")
	id, digest := p.plan, p.digest
	plan(anyCode)
	p.stage("erase", 0, "erase", "--plan", id, "--approve", digest)

	// What comes later is given up when some of it has been copied.
	from.put(p.t, "late", 3)
	p.lease()
	if from.kind == "s3" {
		must(p.t, from.upload(p.t, "larger"))
	}
	plan(0)
	p.optional = true
	to.stop(2, 400)
	copied(anyCode)
	to.stop(0, 0)
	p.optional = false
	p.lease()
	p.stage("abort", anyCode, "migrate", "--abort", p.plan, "--approve", p.digest)
}

// lease leaves the lease of an earlier migration at the source.
func (p *permittedClouds) lease() {
	p.t.Helper()
	from := p.clouds["from"]
	_, err := from.store.Put(p.t.Context(), objectstore.NewObject{Bucket: from.bucket,
		Key: objectstore.LeaseName("tenants/") + "/" + objectstore.LeaseFile},
		objectstore.Body{Reader: strings.NewReader(endedLease), Size: int64(len(endedLease))})
	must(p.t, err)
}

//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// job is one run of one tool, as the tool sees it.
type job struct {
	*runner
	workload
	source, destination string // addresses: the servers' own or a proxy's
	from, to            string // buckets
	dir                 string // for the tool's own files, fresh
	earlier             bool   // the residency is that of another release
}

// tool is something to measure. prepare is not timed.
type tool struct {
	name    string
	prepare func(ctx context.Context, j *job) error
	argv    func(j *job) []string
	// erases tells that the source is to be empty afterwards; reads, that
	// nothing is to be written.
	erases, reads bool
	// plain tells that the tool's source is to be without versioning.
	plain bool
	// within tells that the destination is at the source's endpoint.
	within bool
	// slow tools are given fewer objects, and their figures multiplied.
	slow bool
	// earlier is residency as another release has it.
	earlier bool
}

// besideEarlier has each residency followed by that of another release.
func besideEarlier(tools []tool) []tool {
	var all []tool
	for _, t := range tools {
		all = append(all, t)
		if t.programOf() == "residency" {
			t.name, t.earlier = t.name+"-before", true
			all = append(all, t)
		}
	}
	return all
}

func slow(t tool) tool {
	t.slow = true
	return t
}

// program finds a tool's program; an empty path means that it is not there.
func (r *runner) program(name string) string {
	dir := r.tools
	if name == "residency" {
		dir = r.bin
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// programOf is the program that a tool's name begins with.
func (t tool) programOf() string {
	name, _, _ := strings.Cut(t.name, "-")
	return name
}

func (j *job) environment() []string {
	host := func(address string) string {
		return "http://" + j.servers.id + ":" + j.servers.secret + "@" + strings.TrimPrefix(address, "http://")
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + j.dir, "TMPDIR=" + j.dir,
		"AWS_ACCESS_KEY_ID=" + j.servers.id, "AWS_SECRET_ACCESS_KEY=" + j.servers.secret, "AWS_EC2_METADATA_DISABLED=true",
		"RESIDENCY_METADATA=off",
		"MC_HOST_source=" + host(j.source), "MC_HOST_destination=" + host(j.destination),
		"MC_CONFIG_DIR=" + filepath.Join(j.dir, "mc"),
		"RCLONE_CONFIG=" + filepath.Join(j.dir, "rclone.conf"),
	}
	for _, end := range []struct {
		name, address string
		place         place
	}{{"SOURCE", j.source, j.atSource}, {"DESTINATION", j.destination, j.atDestination}} {
		env = append(env, end.place.environment()...)
		for _, kv := range end.place.rclone(end.address) {
			env = append(env, "RCLONE_CONFIG_"+end.name+"_"+kv)
		}
	}
	return env
}

// clouds tells that an end is none of the S3 servers.
func (w workload) clouds() bool { return w.source != "" || w.destination != "" }

// configure writes what residency is told.
func (j *job) configure() error {
	if j.clouds() {
		return j.configureClouds()
	}
	text := fmt.Sprintf(`version: 1
state: %s
providers:
  cloud:
    type: s3
    operator: {name: Example Cloud, country: FR}
    regions:
      %s: {endpoint: "%s"}
      %s: {endpoint: "%s"}
customers:
  bench:
    data: ["cloud:%s"]
destination:
  bucket: %s
`, filepath.Join(j.dir, "state"), sourceRegion, j.source, destinationRegion, j.destination, j.from,
		"\"{bucket}"+strings.TrimPrefix(j.to, j.from)+"\"")
	return os.WriteFile(filepath.Join(j.dir, "residency.yaml"), []byte(text), 0o600)
}

// configureClouds is configure where the ends are two providers.
func (j *job) configureClouds() error {
	accounts := ""
	if a, ok := j.atDestination.(*azurePlace); ok {
		accounts = fmt.Sprintf("  accounts: {%s: %s}\n", a.region(), a.account)
	}
	text := fmt.Sprintf("version: 1\nstate: %s\nproviders:\n  source: %s\n  destination: %s\ncustomers:\n"+
		"  bench:\n    data: [\"source:%s\"]\ndestination:\n%s  bucket: %s\n", filepath.Join(j.dir, "state"),
		j.atSource.provider(j.source), j.atDestination.provider(j.destination), j.atSource.location(j.from), accounts,
		"\"{customer}"+strings.TrimPrefix(j.to, "bench")+"\"")
	return os.WriteFile(filepath.Join(j.dir, "residency.yaml"), []byte(text), 0o600)
}

// region is where residency is told to move to.
func (j *job) region() string {
	if j.clouds() {
		return "destination:" + j.atDestination.region()
	}
	return destinationRegion
}

func (j *job) residency(args ...string) []string {
	program := j.program("residency")
	if j.earlier {
		program = j.before
	}
	argv := []string{program, args[0], "--config", filepath.Join(j.dir, "residency.yaml"), "--customer",
		"bench"}
	return append(argv, args[1:]...)
}

func residencyMigrate() tool {
	return tool{
		name:    "residency",
		prepare: func(_ context.Context, j *job) error { return j.configure() },
		argv: func(j *job) []string {
			return j.residency("migrate", "--to", j.region(), "--yes", "--keep-source")
		},
	}
}

func residencyPlan() tool {
	return tool{
		name: "residency", reads: true,
		prepare: func(_ context.Context, j *job) error { return j.configure() },
		argv:    func(j *job) []string { return j.residency("plan", "--to", j.region()) },
	}
}

func residencyErase() tool {
	return tool{
		name: "residency", erases: true,
		prepare: func(ctx context.Context, j *job) error {
			if err := j.configure(); err != nil {
				return err
			}
			_, _, err := measure(ctx, j.timeout, j.environment(), j.dir, j.residency("migrate", "--to", j.region(),
				"--yes", "--keep-source"))
			return err
		},
		argv: func(j *job) []string {
			plans, _ := filepath.Glob(filepath.Join(j.dir, "state", "*", "plan.json"))
			id := "none"
			if len(plans) == 1 {
				id = filepath.Base(filepath.Dir(plans[0]))
			}
			return j.residency("erase", "--plan", id, "--yes")
		},
	}
}

func floorCopy(workers int) tool {
	return tool{
		name: "floor",
		argv: func(j *job) []string {
			self, err := os.Executable()
			if err != nil {
				self = os.Args[0]
			}
			return []string{self, "floor", "-source", j.source, "-destination", j.destination, "-from", j.from, "-to", j.to,
				"-reads", string(j.workload.source), "-writes", string(j.workload.destination),
				"-n", strconv.Itoa(j.objects), "-workers", strconv.Itoa(workers)}
		},
	}
}

func createDestination(ctx context.Context, j *job) error {
	return j.atDestination.store(j.destination).createBucket(ctx, j.to, j.versions > 0)
}

// rcloneCopy copies with so many transfers at once, 0 for rclone's own default, and further flags.
func rcloneCopy(name string, transfers int, further ...string) tool {
	return tool{
		name: name, prepare: createDestination,
		argv: func(j *job) []string {
			argv := []string{j.program("rclone"), "copy", "source:" + j.from, "destination:" + j.to, "--fast-list", "--quiet"}
			if transfers > 0 {
				argv = append(argv, "--transfers", strconv.Itoa(transfers), "--checkers", strconv.Itoa(transfers))
			}
			return append(argv, further...)
		},
	}
}

func mcMirror() tool {
	return tool{
		name: "mc", prepare: createDestination,
		argv: func(j *job) []string {
			return []string{j.program("mc"), "mirror", "--quiet", "source/" + j.from, "destination/" + j.to}
		},
	}
}

func rclonePurge() tool {
	return tool{
		name: "rclone", erases: true, plain: true,
		argv: func(j *job) []string {
			return []string{j.program("rclone"), "purge", "source:" + j.from, "--quiet", "--checkers", "32", "--transfers", "32"}
		},
	}
}

func mcRemove() tool {
	return tool{
		name: "mc", erases: true,
		argv: func(j *job) []string {
			return []string{j.program("mc"), "rm", "--recursive", "--force", "--versions", "--quiet", "source/" + j.from}
		},
	}
}

func rcloneList() tool {
	return tool{name: "rclone", reads: true, argv: func(j *job) []string {
		return []string{j.program("rclone"), "lsf", "-R", "--fast-list", "source:" + j.from}
	}}
}

func mcList() tool {
	return tool{name: "mc", reads: true, argv: func(j *job) []string {
		return []string{j.program("mc"), "ls", "-r", "source/" + j.from}
	}}
}

func residencyWithin() tool {
	t := residencyMigrate()
	t.within = true
	return t
}

func rcloneWithin() tool {
	return tool{
		name: "rclone", within: true,
		prepare: func(ctx context.Context, j *job) error {
			return j.atSource.store(j.source).createBucket(ctx, j.to, false)
		},
		argv: func(j *job) []string {
			return []string{j.program("rclone"), "copy", "source:" + j.from, "source:" + j.to, "--fast-list", "--quiet",
				"--transfers", "32", "--checkers", "32"}
		},
	}
}

package migrate_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/progress"
)

// One bucket behind two names of one server, which no name or address tells, is
// found out before anything is written to it but probes.
func TestServersOneBucketUnderTwoNames(t *testing.T) {
	for name, host := range map[string]string{"enabled, one address": "127.0.0.1", "enabled, two addresses": "localhost",
		"unversioned, two addresses": "localhost"} {
		versioning := objectstore.Versioning(name[:strings.Index(name, ",")])
		t.Run(name, func(t *testing.T) {
			box := storetest.StartMinIO(t, storetest.AnyRegion)
			f := &fixture{t: t, box: box, bucket: "source-bucket", home: newHome(t)}
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
			at := box.Endpoints[storetest.AnyRegion]
			var err error
			f.provider, err = s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox", Backoff: atOnce,
				Endpoints: map[string]string{us: at, eu: strings.Replace(at, "127.0.0.1", host, 1)}})
			f.must(nil, err)
			client := box.Client(storetest.AnyRegion)
			f.must(client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
			if versioning == objectstore.Enabled {
				f.versioned(client, f.bucket)
			}
			for i := range 3 {
				f.must(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &f.bucket, Key: aws.String(fmt.Sprint("key", i)),
					Body: strings.NewReader("text")}))
			}
			before := f.snapshot(storetest.AnyRegion, f.bucket)
			p, err := plan.Make(t.Context(), f.home, plan.Request{
				Customer: "acme", Verify: "auto", Stores: f.stores, Now: time.Now(), Progress: &progress.Progress{},
				Destination: plan.Region{Provider: "cloud", Code: eu, Country: "IE"},
				Inventory: &inventory.Inventory{Places: []inventory.Place{{Customer: "acme", Provider: "cloud", Region: us,
					Bucket: f.bucket, Versioning: versioning}}},
				BucketName: func(at objectstore.Location, _ string) string { return at.Bucket },
			})
			f.must(nil, err)
			// What a plan can be refused for by what the server says of itself is
			// not what is tested here.
			p.Blockers = nil
			r, err := f.run(p)
			if !errors.Is(err, migrate.ErrCoupled) && !errors.Is(err, migrate.ErrBlocked) {
				t.Errorf("run: %v, want %v\n%s", err, migrate.ErrCoupled, problems(r))
			}
			if d := storetest.Diff(before, f.snapshot(storetest.AnyRegion, f.bucket)); d != "" {
				t.Errorf("the bucket was changed:\n%s", d)
			}
		})
	}
}

// A removal of a probe that arrives damaged, or that is refused for longer than a request is
// repeated, leaves no probe: whether or not the run goes on.
func TestProbeRemovedInTheEnd(t *testing.T) {
	const attempts = 3 // of one request
	for _, tt := range []struct {
		fault storetest.Fault
		times int
	}{
		{storetest.Fault{Status: 400, Code: "BadDigest"}, 1},
		{storetest.Fault{Status: 400, Code: "MalformedXML"}, 1},
		{storetest.Fault{Status: 500, Code: "InternalError"}, attempts},
	} {
		for end, removals := range map[string][]int{eu: {0, 2, 4}, us: {1}} { // of a probe, but for the fifth: a lease
			for _, n := range removals {
				t.Run(fmt.Sprint(tt.fault.Code, " ", end, " ", n+1), func(t *testing.T) {
					f := newFixture(t, true)
					f.put("a", []byte("a"), nil)
					before := f.snapshot(us, f.bucket)
					p := f.plan("auto")
					proxy := map[string]*storetest.Proxy{us: f.from, eu: f.to}[end]
					proxy.Reset()
					proxy.SetFault(func(r storetest.Request) storetest.Fault {
						if r.Operation == "DeleteObjects" && r.N > n && r.N <= n+tt.times {
							return tt.fault
						}
						return storetest.Fault{}
					})
					r, err := f.run(p)
					for range 3 {
						if err == nil {
							break
						}
						t.Logf("run: %v\n%s", err, problems(r))
						r, err = f.run(p)
					}
					if err != nil {
						t.Errorf("run: %v\n%s", err, problems(r))
					}
					f.moved(before)
				})
			}
		}
	}
}

// A probe that a killed run has left at the destination is gone when the plan is done, and
// was no entry of somebody else's: whichever probe that was.
func TestProbesOfKilledRuns(t *testing.T) {
	for n := range int64(3) {
		t.Run(fmt.Sprint(n+1), func(t *testing.T) {
			f := newFixture(t, true)
			f.put("a", []byte("a"), nil)
			before := f.snapshot(us, f.bucket)
			p := f.plan("auto")
			if r, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			m := f.mortal()
			m.erases = true
			var written atomic.Int64
			_, err := m.run(p, func(r storetest.Request) {
				if written.Load() > n {
					m.die() // when the next request comes: the probe is there
				}
				if r.Operation == "PutObject" && r.Bucket == f.destination() && strings.HasPrefix(r.Key, objectstore.ProbePrefix) {
					written.Add(1)
				}
			})
			if err == nil && written.Load() > n {
				t.Fatal("the run was not killed")
			}
			r, err := f.runner().Erase(t.Context(), p)
			if err != nil || r.Newer != 0 {
				t.Errorf("run: %v, %d further entries\n%s", err, r.Newer, problems(r))
			}
			f.moved(before)
		})
	}
}

// One address that is said to stand in two countries blocks, whoever asks for the plan; a
// service that knows the region of each bucket may have both there.
func TestOneAddress(t *testing.T) {
	for name, located := range map[string]bool{"a server": false, "an emulator": true} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, false)
			f.put("a", []byte("a"), nil)
			at := f.box.Endpoints[us]
			var err error
			f.provider, err = s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox", Backoff: atOnce,
				Amazon: located, Signing: map[string]string{eu: us},
				Endpoints: map[string]string{us: at, eu: strings.Replace(at, "127.0.0.1", "LOCALHOST", 1)}})
			f.must(nil, err)
			p, err := plan.Make(t.Context(), f.home, plan.Request{
				Customer: "acme", Verify: "auto", Stores: f.stores, Now: time.Now(), Progress: &progress.Progress{},
				Destination: plan.Region{Provider: "cloud", Code: eu, Country: "IE"},
				Inventory: &inventory.Inventory{Places: []inventory.Place{{Customer: "acme", Provider: "cloud", Region: us,
					Country: "US", Bucket: f.bucket, Versioning: objectstore.Unversioned}}},
				BucketName: func(at objectstore.Location, region string) string { return at.Bucket + "-" + region },
			})
			f.must(nil, err)
			text := blocked(p, "one-address")
			if want := "cloud:us-east-1 (US) and cloud:eu-west-1 (IE) are one address"; strings.Contains(text, want) == located {
				t.Errorf("blocker %q; expected one: %t", text, !located)
			}
		})
	}
}

func (f *fixture) versioned(client *s3.Client, bucket string) {
	f.t.Helper()
	f.must(client.PutBucketVersioning(f.t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
}

// mc runs MinIO's own client, which alone can set up its replication.
func (f *fixture) mc(args ...string) {
	f.t.Helper()
	program := os.Getenv("RESIDENCY_MC")
	if program == "" {
		f.t.Skip("RESIDENCY_MC names no mc program; make test-servers builds one")
	}
	c := exec.CommandContext(f.t.Context(), program, append([]string{"--config-dir", f.box.Dir + "/mc", "--quiet"},
		args...)...)
	if out, err := c.CombinedOutput(); err != nil {
		f.t.Fatalf("mc %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// replicate makes MinIO repeat at one bucket what happens to another, removals
// of versions and delete markers included, and waits until it does.
func (f *fixture) replicate(from, bucket, to, target string) {
	f.t.Helper()
	f.waits = true
	for _, region := range []string{from, to} {
		f.mc("alias", "set", region, f.box.Endpoints[region], f.box.AccessKey, f.box.SecretKey)
	}
	f.mc("replicate", "add", from+"/"+bucket, "--remote-bucket",
		strings.Replace(f.box.Endpoints[to], "http://", "http://"+f.box.AccessKey+":"+f.box.SecretKey+"@", 1)+"/"+target,
		"--replicate", "delete,delete-marker,existing-objects", "--region", to)
}

// eventually waits until a bucket has so many entries.
func (f *fixture) eventually(region, bucket string, entries int) {
	f.t.Helper()
	for tick, end := time.Tick(50*time.Millisecond), time.After(time.Minute); ; {
		n := 0
		for _, history := range f.snapshot(region, bucket) {
			n += len(history)
		}
		if n == entries {
			return
		}
		select {
		case <-tick:
		case <-end:
			f.t.Fatalf("%s has %d entries after a minute, want %d", bucket, n, entries)
		}
	}
}

// A source that replicates into the plan's destination, removals included: the
// replicas are as good as copies until the source is erased.
func TestServersReplicaIsNoCopy(t *testing.T) {
	f := newFixtureOn(t, storetest.StartMinIO(t, us, eu))
	client := f.box.Client(us)
	f.must(client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	f.versioned(client, f.bucket)
	target := f.destination()
	f.must(f.box.Client(eu).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &target}))
	f.versioned(f.box.Client(eu), target)
	f.replicate(us, f.bucket, eu, target)
	for i := range 5 {
		f.put(fmt.Sprint("key", i), []byte("text"), nil)
	}
	f.eventually(eu, target, 5)
	before := f.snapshot(us, f.bucket)

	p := f.plan("auto")
	if !blockedBy(p, "replicates-to-destination") {
		t.Errorf("blockers %+v, want one of the replication", p.Blockers)
	}
	// The rule may be one that the program cannot read, or that came later.
	p.Blockers = nil
	r, err := f.run(p)
	if !errors.Is(err, migrate.ErrCoupled) {
		t.Errorf("run: %v, want %v\n%s", err, migrate.ErrCoupled, problems(r))
	}
	f.intact(before)
	if d := storetest.Diff(before, f.snapshot(eu, target)); d != "" {
		t.Errorf("the destination differs:\n%s", d)
	}
}

// A rule that is switched on after the plan is seen before the first deletion, by
// being read, not by an experiment, which a lag could outlast. With replicas at
// the destination any rule refuses, and so does one that cannot be read.
func TestServersReplicationSinceThePlan(t *testing.T) {
	const west = "us-west-2"
	f := newFixtureOn(t, storetest.StartMinIO(t, us, eu, west))
	target := f.destination()
	for region, bucket := range map[string]string{us: f.bucket, eu: target, west: "backup"} {
		f.must(f.box.Client(region).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}))
		f.versioned(f.box.Client(region), bucket)
	}
	f.replicate(us, f.bucket, eu, target)
	f.put("key", []byte("text"), nil)
	f.put("key", []byte("more"), nil)
	f.eventually(eu, target, 2)
	f.mc("replicate", "rm", us+"/"+f.bucket, "--all", "--force")
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	if len(p.Blockers) > 0 || warned(p, "replicas") == "" {
		t.Fatalf("blockers %+v, warnings %+v; want none, and one of the replicas", p.Blockers, p.Warnings)
	}
	refused := func(words string) {
		t.Helper()
		probes := f.from.Counts()["PutObject"]
		r, err := f.run(p)
		if !errors.Is(err, migrate.ErrCoupled) || !strings.Contains(err.Error(), words) {
			t.Errorf("run: %v, want %v and %q\n%s", err, migrate.ErrCoupled, words, problems(r))
		}
		if n := f.from.Counts()["PutObject"] - probes; n > 0 {
			t.Errorf("%d objects were written to the source", n)
		}
		f.intact(before)
		if d := storetest.Diff(before, f.snapshot(eu, target)); d != "" {
			t.Errorf("the destination differs:\n%s", d)
		}
	}

	f.replicate(us, f.bucket, eu, target)
	refused("cloud:source-bucket replicates into " + target + ", the destination")
	f.mc("replicate", "rm", us+"/"+f.bucket, "--all", "--force")
	f.replicate(us, f.bucket, west, "backup")
	refused("2 copies at cloud:" + target + " have the version IDs of their originals")
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "GetBucketReplication" {
			return storetest.Fault{Status: 403}
		}
		return storetest.Fault{}
	})
	refused("whether it still replicates could not be read (access denied)")
	f.from.SetFault(nil)
	f.mc("replicate", "rm", us+"/"+f.bucket, "--all", "--force")

	f.waits = false
	if r, err := f.run(p); err != nil {
		t.Fatalf("without a rule: %v\n%s", err, problems(r))
	}
	f.moved(before)
}

// What a lock keeps at the source shows nothing of a replication: it is the first
// deletion done of an original of a replica that is waited for, and the rest stays.
// The server does not tell that it replicates.
func TestServersReplicaUnderLock(t *testing.T) {
	f := newFixtureOn(t, storetest.StartMinIO(t, us, eu))
	target := f.destination()
	for region, bucket := range map[string]string{us: f.bucket, eu: target} {
		f.must(f.box.Client(region).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket,
			ObjectLockEnabledForBucket: aws.Bool(true)}))
	}
	f.replicate(us, f.bucket, eu, target)
	f.put("0-own", []byte("its replica is removed"), nil)
	f.eventually(eu, target, 1)
	own := f.snapshot(eu, target)["0-own"][0].VersionID
	f.must(f.box.Client(eu).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &target, Key: aws.String("0-own"),
		VersionId: &own}))
	f.put("1-held", []byte("held"),
		func(in *s3.PutObjectInput) { in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn })
	for i := range 4 {
		f.put(fmt.Sprint("2-key", i), []byte("text"), nil)
	}
	f.eventually(eu, target, 5)
	before := f.snapshot(us, f.bucket)
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "GetBucketReplication" {
			return storetest.Fault{Status: 404, Code: "ReplicationConfigurationNotFoundError"}
		}
		return storetest.Fault{}
	})
	r, err := f.run(f.plan("auto"))
	if !errors.Is(err, migrate.ErrSpoiled) || !errors.Is(err, migrate.ErrVerification) {
		t.Errorf("run: %v, want %v\n%s", err, migrate.ErrSpoiled, problems(r))
	}
	var gone []string
	left := f.snapshot(us, f.bucket)
	for key := range before {
		if _, there := left[key]; !there {
			gone = append(gone, key)
		}
	}
	slices.Sort(gone)
	if want := []string{"0-own", "2-key0"}; !slices.Equal(gone, want) {
		t.Errorf("of the source %q are gone, want %q", gone, want)
	}
	if copies := f.snapshot(eu, target); len(copies["0-own"]) != 1 {
		t.Errorf("the destination has %d copies of 0-own, want 1", len(copies["0-own"]))
	}
}

// Where the copies are the plan's own, a rule that cannot be read before the erase
// is named.
func TestUnreadableReplicationIsSaid(t *testing.T) {
	f := newFixture(t, true)
	f.fill(1, 100)
	p := f.plan("auto")
	before := f.snapshot(us, f.bucket)
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "GetBucketReplication" {
			return storetest.Fault{Status: 403}
		}
		return storetest.Fault{}
	})
	runner := f.runner()
	var notes []string
	runner.Note = func(text string) { notes = append(notes, text) }
	if r, err := runner.Run(t.Context(), p, migrate.Options{}); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
	const want = "whether cloud:source-bucket replicates could not be read before the erase (access denied)"
	if !slices.Contains(notes, want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
}

// The other way round: what is removed at the destination would be removed at the
// source, whose copies it then has.
func TestServersDestinationReplicatesBack(t *testing.T) {
	f := newFixtureOn(t, storetest.StartMinIO(t, us, eu))
	client, target := f.box.Client(us), f.destination()
	f.must(client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	f.versioned(client, f.bucket)
	f.must(f.box.Client(eu).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &target}))
	f.versioned(f.box.Client(eu), target)
	f.put("key", []byte("text"), nil)
	before := f.snapshot(us, f.bucket)
	f.replicate(eu, target, us, f.bucket)
	p := f.plan("auto")
	if text := blocked(p, "destination-replicates"); !strings.Contains(text, "the bucket replicates to "+f.bucket) {
		t.Errorf("blockers %+v, want one of the replication", p.Blockers)
	}
	p.Blockers = nil
	if r, err := f.run(p); !errors.Is(err, migrate.ErrCoupled) && !errors.Is(err, migrate.ErrChanged) {
		t.Errorf("run: %v, want %v\n%s", err, migrate.ErrCoupled, problems(r))
	}
	f.intact(before)
	f.eventually(eu, target, 0)
}

// A replication of the source to anywhere else is named, with the country where
// its target is, for there the data stays.
func TestServersReplicationElsewhereIsNamed(t *testing.T) {
	const west = "us-west-2"
	f := newFixtureOn(t, storetest.StartMinIO(t, us, eu, west))
	client := f.box.Client(us)
	f.must(client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	f.versioned(client, f.bucket)
	f.must(f.box.Client(west).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("backup")}))
	f.versioned(f.box.Client(west), "backup")
	f.replicate(us, f.bucket, west, "backup")
	f.put("key", []byte("text"), nil)
	f.eventually(west, "backup", 1)
	f.west(west)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	if text := warned(p, "replicated"); len(p.Blockers) > 0 ||
		!strings.Contains(text, "replication has copied this data to backup (US)") {
		t.Errorf("blockers %+v, warning %q; want the target and its country", p.Blockers, text)
	}
	if r, err := f.run(p); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	if d := storetest.Diff(allowed(before, f.snapshot(eu, f.destination()))); d != "" {
		t.Errorf("the destination differs:\n%s", d)
	}
}

// west adds a third region to those that the program knows.
func (f *fixture) west(region string) {
	f.t.Helper()
	f.third = region
	f.open()
}

func blockedBy(p *plan.Plan, rule string) bool {
	for _, b := range p.Blockers {
		if b.Rule == rule {
			return true
		}
	}
	return false
}

// Somebody erases the copy of what is erased, as a replication of removals alone
// would: the erase ends after its first deletions, with the rest at both ends.
func TestEraseStopsWhereCopiesGo(t *testing.T) {
	f := newFixture(t, true)
	f.fill(60, 100)
	p := f.plan("auto")
	target := f.destination()
	var deletes atomic.Int32
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		// The copy goes when the probes are tried, after the gate.
		if r.Operation == "DeleteObjects" && deletes.Add(1) == 2 {
			id := f.snapshot(eu, target)["plain/00003"][0].VersionID
			f.must(f.box.Client(eu).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &target,
				Key: aws.String("plain/00003"), VersionId: &id}))
		}
		return storetest.Fault{}
	})
	r, err := f.run(p)
	if !errors.Is(err, migrate.ErrSpoiled) || !errors.Is(err, migrate.ErrVerification) {
		t.Fatalf("run: %v, want %v\n%s", err, migrate.ErrSpoiled, problems(r))
	}
	if left := len(f.snapshot(us, f.bucket)); left != 50 {
		t.Errorf("%d keys are left at the source, want 50", left)
	}
}

// A probe that the source acknowledged and did not keep shows nothing by not coming:
// then the first entry goes alone.
func TestProbeThatIsNotThere(t *testing.T) {
	f := newFixture(t, true)
	f.fill(20, 100)
	p := f.plan("auto")
	target := f.destination()
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation != "PutObject" || r.Header.Get("X-Amz-Tagging") != "" {
			return storetest.Fault{}
		}
		id := f.snapshot(eu, target)["plain/00007"][0].VersionID
		f.must(f.box.Client(eu).DeleteObject(t.Context(),
			&s3.DeleteObjectInput{Bucket: &target, Key: aws.String("plain/00007"), VersionId: &id}))
		return storetest.Fault{AckWithoutDoing: true}
	})
	r, err := f.run(p)
	if !errors.Is(err, migrate.ErrSpoiled) || !errors.Is(err, migrate.ErrVerification) {
		t.Fatalf("run: %v, want %v\n%s", err, migrate.ErrSpoiled, problems(r))
	}
	if left := len(f.snapshot(us, f.bucket)); left != 19 {
		t.Errorf("%d keys are left at the source, want 19", left)
	}
}

// A source to which another migration may be writing at this moment is not moved.
func TestReservedSource(t *testing.T) {
	f := newFixture(t, true)
	f.fill(3, 10)
	f.put(".residency-reservation-/lease.json", []byte("{}"), nil)
	if p := f.plan("auto"); len(p.Blockers) != 1 || p.Blockers[0].Rule != "reserved" {
		t.Errorf("blockers %+v, want one of rule reserved", p.Blockers)
	}
}

package migrate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/eraser"
	"github.com/residency/residency/migrate/limit"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/segment"
	"github.com/residency/residency/migrate/state"
)

// elsewhere is what a process that works on one segment is told besides the task: where
// the state and the stores are, and which of the two to do.
type elsewhere struct {
	State     string            `json:"state"`
	Endpoints map[string]string `json:"endpoints"`
	Erase     bool              `json:"erase"`
	Task      json.RawMessage   `json:"task"`
}

const workerVariable = "RESIDENCY_TEST_SEGMENT_WORKER"

// TestMain makes the test binary a worker, where a test asks for one.
func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) == "" {
		os.Exit(m.Run())
	}
	if err := work(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// work does one task: all that another engine's worker has to be.
func work(ctx context.Context, in io.Reader, out io.Writer) error {
	var told elsewhere
	var task segment.Task
	if err := json.NewDecoder(in).Decode(&told); err != nil {
		return err
	}
	if err := json.Unmarshal(told.Task, &task); err != nil {
		return err
	}
	provider, err := s3store.Open(ctx, s3store.Options{Name: "cloud", Profile: "sandbox", Endpoints: told.Endpoints})
	if err != nil {
		return err
	}
	home := state.NewDir(told.State)
	p, err := plan.Load(ctx, home, task.Plan)
	if err != nil {
		return err
	}
	of, err := record.Of(ctx, home, p)
	if err != nil {
		return err
	}
	run := &phase.Run{Record: of, Stores: func(_, region string) objectstore.Store { return provider.Region(region) },
		Now: time.Now, Progress: &progress.Progress{}}
	deps := &segment.Deps{Run: run, Pool: limit.NewPool(0, 0, time.Now), Budget: copier.NewBudget(segment.DefaultBudget)}
	do := segment.Copy
	if told.Erase {
		do = segment.Erase
	}
	summary, err := do(ctx, deps, task)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(summary)
}

// elsewhere has another process do a task, and returns what it says.
func (f *fixture) elsewhere(task segment.Task, erase bool) (segment.Summary, error) {
	f.t.Helper()
	data, err := json.Marshal(task)
	f.must(nil, err)
	if strings.Contains(string(data), "plain/") {
		f.t.Errorf("the task has a key: %s", data)
	}
	told, err := json.Marshal(elsewhere{State: strings.TrimSuffix(f.home.String(), "/"), Erase: erase, Task: data,
		Endpoints: map[string]string{us: f.from.URL(), eu: f.to.URL()}})
	f.must(nil, err)
	c := exec.CommandContext(f.t.Context(), os.Args[0])
	var out, errs bytes.Buffer
	c.Env, c.Stdin, c.Stdout, c.Stderr = append(os.Environ(), workerVariable+"=1"), bytes.NewReader(told), &out, &errs
	var summary segment.Summary
	if err := c.Run(); err != nil {
		return summary, fmt.Errorf("%w: %s", err, errs.String())
	}
	if strings.Contains(out.String(), "plain/") {
		f.t.Errorf("the summary has a key: %s", out.String())
	}
	f.must(nil, json.Unmarshal(out.Bytes(), &summary))
	return summary, nil
}

// denying denies one operation on customers' objects: of deletions, those of several.
func denying(operation string) func(storetest.Request) storetest.Fault {
	return func(r storetest.Request) storetest.Fault {
		size, _ := strconv.Atoi(r.Header.Get("Content-Length"))
		if r.Operation != operation || strings.HasPrefix(r.Key, ".residency-") || operation == "DeleteObjects" && size < 600 {
			return storetest.Fault{}
		}
		return storetest.Fault{Status: 403, Code: "AccessDenied"}
	}
}

// lease reads the token of the last run and when the plan was started.
func (f *fixture) lease(p *plan.Plan) (token string, started time.Time) {
	f.t.Helper()
	var reserved struct {
		Runs []string `json:"runs"`
	}
	data, err := f.home.Get(f.t.Context(), p.ID+"/reservation.json")
	f.must(nil, err)
	f.must(nil, json.Unmarshal(data, &reserved))
	of, err := record.Of(f.t.Context(), f.home, p)
	f.must(nil, err)
	s, err := of.Started(f.t.Context())
	f.must(nil, err)
	return reserved.Runs[len(reserved.Runs)-1], s.At
}

// Another process copies and erases segments, told nothing but the task and where the
// state and the stores are; the run goes on from what it did as from its own.
func TestSegmentsElsewhere(t *testing.T) {
	f := newFixture(t, true)
	f.fill(1100, 10)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	if len(p.Segments) != 2 {
		t.Fatalf("%d segments, want two", len(p.Segments))
	}

	f.from.SetFault(denying("GetObject"))
	if _, err := f.run(p); !errors.Is(err, objectstore.ErrDenied) {
		t.Fatalf("run: %v, want that nothing may be read", err)
	}
	f.from.SetFault(nil)
	token, started := f.lease(p)
	of, err := record.Of(t.Context(), f.home, p)
	f.must(nil, err)
	run := &phase.Run{Record: of}
	var copied segment.Summary
	for _, s := range of.Pass.Segments {
		task := segment.NewTask(run, started, token, s)
		summary, err := f.elsewhere(task, false)
		if err != nil {
			t.Fatal(err)
		}
		copied.Merge(summary)
		task.Lease = "of another run"
		if _, err := f.elsewhere(task, false); err == nil || !strings.Contains(err.Error(), state.ErrLeaseLost.Error()) {
			t.Errorf("a task of another run: %v, want that it is void", err)
		}
	}
	if !copied.Verified() || copied.Entries != 1100 || copied.Streamed != 1100 {
		t.Fatalf("copied elsewhere: %+v", copied)
	}

	f.from.Reset()
	f.from.SetFault(denying("DeleteObjects"))
	r, err := f.run(p)
	if !errors.Is(err, objectstore.ErrDenied) || r.Verdicts["verified"] != 1100 || f.from.Counts()["GetObject"] > 0 {
		t.Fatalf("run: %v, want that what was copied elsewhere is not read again, and nothing can be deleted: %v\n%s", err,
			f.from.Counts(), problems(r))
	}
	f.from.SetFault(nil)
	f.intact(before)

	token, started = f.lease(p)
	trial := segment.Trial{Entries: 1, Versioning: objectstore.Enabled, Condition: eraser.Untold, Again: true}
	var erased segment.Summary
	for i, s := range of.Pass.Segments {
		task := segment.NewTask(run, started, token, s)
		task.Trial = trial
		f.to.Reset()
		summary, err := f.elsewhere(task, true)
		if err != nil {
			t.Fatal(err)
		}
		if listed := f.to.Counts()["ListObjectVersions"] > 0; listed != (i == 0) {
			t.Errorf("segment %d: the destination was listed %v, want that after the first deletions of all", i+1, listed)
		}
		trial = summary.Trial
		erased.Merge(summary)
	}
	if erased.Erasures["erased"] != 1100 || erased.Left != 0 || !trial.Stood {
		t.Fatalf("erased elsewhere: %+v, trial %+v", erased, trial)
	}
	if r, err = f.run(p); err != nil || !r.SourceEmpty || r.Found != 1100 {
		t.Fatalf("run: %v\n%s", err, problems(r))
	}
	f.moved(before)
}

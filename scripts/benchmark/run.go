//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// runner measures workloads on one pair of servers.
type runner struct {
	options
	dir     string
	servers *servers
	serial  int
	// Both ends of the workload that is being measured.
	atSource, atDestination place
}

// writtenTo is the end that a tool writes to.
func (r *runner) writtenTo(t tool) place {
	if t.within {
		return r.atSource
	}
	return r.atDestination
}

// row is what one tool showed.
type row struct {
	tool     string
	runs     []figures
	requests float64 // per entry
	through  float64 // bytes of bodies through the client, per entry
	kinds    string
	skipped  string
	detail   string
	note     string
}

const (
	fewerBy    = 10     // of a tool so slow that it is given a tenth of the objects
	leftBehind = 100000 // objects
)

// workload measures one and returns what each of its tools showed.
func (r *runner) workload(ctx context.Context, w workload) (rows []row, err error) {
	fmt.Printf("\n== %s: %s (here %d × %d bytes)\n", w.name, w.about, w.entries(), w.size)
	rows = make([]row, len(w.tools))
	for i, t := range w.tools {
		rows[i].tool = t.name
		if t.programOf() != "floor" && r.program(t.programOf()) == "" {
			rows[i].skipped = "its program is not there"
		}
		if r.only != "" && !slices.ContainsFunc(strings.Split(r.only, ","),
			func(part string) bool { return strings.Contains(t.name, part) }) {
			rows[i].skipped = "not asked for"
		}
	}
	var stop func() error
	if r.atSource, r.atDestination, stop, err = r.ends(ctx, w); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	from, err := r.data(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("make the data: %w", err)
	}
	few, fewFrom := w.fewer(fewerBy), ""
	if slices.ContainsFunc(w.tools, func(t tool) bool { return t.slow }) {
		if fewFrom, err = r.data(ctx, few); err != nil {
			return nil, fmt.Errorf("make the data: %w", err)
		}
	}
	for round := range r.rounds {
		for k := range w.tools {
			i := (round + k) % len(w.tools) // a server is slower after one tool than after another
			t := w.tools[i]
			if rows[i].skipped != "" {
				continue
			}
			of, at := w, from
			if t.slow {
				of, at = few, fewFrom
			}
			f, out, err := r.once(ctx, of, t, at, nil)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if t.slow {
				f.wall, f.cpu = fewerBy*f.wall, fewerBy*f.cpu
				rows[i].note = fmt.Sprintf("measured on %d objects, times %d", few.objects, fewerBy)
			}
			if err != nil {
				rows[i].skipped = err.Error()
				continue
			}
			rows[i].runs = append(rows[i].runs, f)
			if rows[i].detail == "" {
				rows[i].detail = phases(out)
			}
			fmt.Fprintf(os.Stderr, "%s, round %d, %s: %.2f s, %.2f CPU s, %d MiB\n", w.name, round+1, t.name,
				f.wall.Seconds(),
				f.cpu.Seconds(), f.peak>>20)
		}
	}
	for i, t := range w.tools {
		if rows[i].skipped != "" {
			continue
		}
		of, at := w, from
		if t.slow {
			of, at = few, fewFrom
		}
		if err := r.count(ctx, of, t, at, &rows[i]); err != nil {
			rows[i].kinds = "not counted: " + err.Error()
		}
	}
	if w.objects > leftBehind {
		return rows, nil // goes with the servers' directory, which takes less time
	}
	if fewFrom != "" {
		if err := r.cleared(ctx, fewFrom); err != nil {
			return rows, err
		}
	}
	return rows, r.cleared(ctx, from)
}

// data makes a workload's source bucket and returns its name.
func (r *runner) data(ctx context.Context, w workload) (string, error) {
	r.serial++
	bucket := fmt.Sprintf("bench-%s-%d", w.name, r.serial)
	e := r.atSource.store(r.atSource.address())
	if err := e.createBucket(ctx, bucket, w.versions > 0); err != nil {
		return "", err
	}
	// A gigabyte is the same few megabytes over and over.
	body := make([]byte, min(w.size, max(w.part, 64*mib)))
	fill(body)
	if int64(len(body)) < w.size && w.part == 0 {
		return "", errors.New("objects above 64 MiB need parts")
	}
	if w.objects > leftBehind && w.source == "" && r.servers.sourceFiles != "" {
		if err := e.put(ctx, bucket, keyOf(0), body, w.size, w.part); err != nil {
			return "", err
		}
		return bucket, multiply(ctx, filepath.Join(r.servers.sourceFiles, bucket), w.objects)
	}
	for range max(w.versions, 1) {
		if err := parallel(ctx, w.objects, 32, func(i int) error {
			return e.put(ctx, bucket, keyOf(i), body, w.size,
				w.part)
		}); err != nil {
			return "", err
		}
	}
	return bucket, nil
}

// fill writes what does not compress, always the same.
func fill(b []byte) {
	g := rand.NewChaCha8([32]byte{1})
	_, _ = g.Read(b) // never fails
}

// once runs a tool once against a fresh destination and checks what it did.
// Where it erases, it is given a source of its own.
func (r *runner) once(
	ctx context.Context, w workload, t tool, from string, through *counting,
) (_ figures, out string, err error) {
	r.serial++
	j := &job{runner: r, workload: w, source: r.atSource.address(), destination: r.atDestination.address(), from: from,
		to: fmt.Sprintf("%s-to-%d", from, r.serial), earlier: t.earlier}
	if t.within && through == nil {
		c, err := startCounter(r.atSource.address(), newRelay(r.servers.credentials))
		if err != nil {
			return figures{}, "", err
		}
		defer func() { _ = c.close() }()
		j.source, j.destination = c.address, c.address
	}
	if t.erases {
		own := w
		if t.plain {
			own.versions = 0
		}
		if j.from, err = r.data(ctx, own); err != nil {
			return figures{}, "", err
		}
		defer func() { err = errors.Join(err, r.cleared(ctx, j.from)) }()
	}
	if j.dir, err = os.MkdirTemp(r.dir, "run-*"); err != nil {
		return figures{}, "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(j.dir)) }()
	if through != nil {
		j.source, j.destination = through.source.address, through.destination.address
	} else if w.roundTrip > 0 {
		for _, p := range []*string{&j.source, &j.destination} {
			d, err := startDelayer(*p, w.roundTrip)
			if err != nil {
				return figures{}, "", err
			}
			defer func() { _ = d.close() }()
			*p = d.address
		}
	}
	defer func() {
		for _, p := range []place{r.atSource, r.atDestination} {
			err = errors.Join(err, p.store(p.address()).remove(context.WithoutCancel(ctx), j.to))
		}
	}()
	if t.prepare != nil {
		if err := t.prepare(ctx, j); err != nil {
			return figures{}, "", fmt.Errorf("prepare: %w", err)
		}
	}
	if through != nil {
		through.source.reset()
		through.destination.reset()
	}
	before := r.servers.used()
	f, out, err := measure(ctx, r.timeout, j.environment(), j.dir, t.argv(j))
	f.servers = r.servers.used() - before
	if err != nil {
		return f, out, err
	}
	return f, out, j.check(ctx, t)
}

// check looks whether the tool did what it is measured for.
func (j *job) check(ctx context.Context, t tool) error {
	if t.reads {
		return nil
	}
	if t.erases {
		n, _, markers, err := j.atSource.store(j.atSource.address()).holds(ctx, j.from)
		if err == nil && n+markers > 0 {
			err = fmt.Errorf("left %d versions and %d delete markers", n, markers)
		}
		if err != nil && strings.Contains(err.Error(), "NoSuchBucket") {
			return nil // the bucket went as well
		}
		return err
	}
	p := j.writtenTo(t)
	n, size, _, err := p.store(p.address()).holds(ctx, j.to)
	if err == nil && (n != int64(j.entries()) || size != int64(j.entries())*j.size) {
		err = fmt.Errorf("brought %d entries of %d bytes in all, want %d of %d", n, size, j.entries(),
			int64(j.entries())*j.size)
	}
	return err
}

// cleared removes a source bucket, whatever became of the context.
func (r *runner) cleared(ctx context.Context, bucket string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Minute)
	defer cancel()
	return r.atSource.store(r.atSource.address()).remove(ctx, bucket)
}

// counting is the proxies of a run that is counted.
type counting struct{ source, destination *counter }

// count runs a tool once more, through proxies that count.
func (r *runner) count(ctx context.Context, w workload, t tool, from string, into *row) (err error) {
	var one *relay
	if t.within {
		one = newRelay(r.servers.credentials)
	}
	source, err := startCounter(r.atSource.address(), one)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.close()) }()
	destination, err := startCounter(r.atDestination.address(), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, destination.close()) }()
	through := &counting{source, destination}
	if t.within {
		through.destination = source
	}
	w.roundTrip = 0
	if _, _, err := r.once(ctx, w, t, from, through); err != nil {
		return err
	}
	n := float64(w.entries())
	into.requests = float64(source.requests.Load()+destination.requests.Load()) / n
	into.through = float64(source.received.Load()+source.sent.Load()+destination.received.Load()+
		destination.sent.Load()) / n
	into.kinds = source.kinds() + " at the source, " + destination.kinds() + " at the destination"
	return nil
}

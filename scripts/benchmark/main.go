//go:build linux

// Command benchmark measures residency beside what a user would pick instead,
// and beside the floor: a program that only GETs and PUTs. scripts/bench builds
// what it needs and runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The two ends of every move.
const (
	sourceRegion      = "us-east-1"
	destinationRegion = "eu-west-1"
)

const usage = `bench runs residency, rclone, mc and a floor program side by side, on servers of
its own, and prints medians and ratios.

usage: scripts/bench [flags] [WORKLOAD…]      (default: all of them)

workloads:
%s
flags:
`

type options struct {
	rounds  int
	scale   float64
	server  string
	timeout time.Duration
	tools   string // directory
	bin     string // directory
	dir     string
	only    string
	before  string // a file; empty: none
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	if len(os.Args) > 1 && os.Args[1] == "floor" {
		err = floor(ctx, os.Args[2:])
	} else {
		err = bench(ctx, os.Args[1:])
	}
	stop()
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, args []string) (err error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&o.rounds, "rounds", 5, "rounds, each with every tool in turn")
	f.Float64Var(&o.scale, "scale", 1, "multiplies the number of objects (of large ones, their size)")
	f.StringVar(&o.server, "server", "versitygw", "versitygw or minio, at both ends")
	f.DurationVar(&o.timeout, "timeout", 30*time.Minute, "the most that one run of one tool may take")
	f.StringVar(&o.tools, "tools", "bin/bench", "where rclone, mc, minio and the emulators are")
	f.StringVar(&o.bin, "bin", "bin", "where residency and sandbox are")
	f.StringVar(&o.dir, "dir", "", "where the servers keep their data (default: a temporary directory)")
	f.StringVar(&o.only, "only", "", "run only tools whose name contains one of these, with commas between")
	f.StringVar(&o.before, "before", "", "the `program` of another release of residency, measured beside this one")
	f.Usage = func() {
		fmt.Fprintf(f.Output(), usage, describeWorkloads())
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.rounds < 1 || o.scale <= 0 {
		return errors.New("-rounds and -scale must be above 0")
	}
	chosen, err := choose(f.Args())
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "residency-bench-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &runner{options: o, dir: dir}
	paths := []*string{&b.bin, &b.tools}
	if o.before != "" {
		paths = append(paths, &b.before)
		for i := range chosen {
			chosen[i].tools = besideEarlier(chosen[i].tools)
		}
	}
	for _, p := range paths {
		if *p, err = filepath.Abs(*p); err != nil {
			return err
		}
	}
	if b.servers, err = startServers(ctx, o.server, b.bin, b.tools, dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.servers.stop()) }()
	fmt.Printf("%s at both ends, %d rounds, %s\n", o.server, o.rounds, machine())
	failed := 0
	for _, w := range chosen {
		w = w.scaled(o.scale)
		rows, err := b.workload(ctx, w)
		if len(rows) > 0 {
			report(w, rows)
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			failed++
			fmt.Printf("\n%s: NOT MEASURED: %v\n", w.name, err)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d workloads were not measured", failed)
	}
	return nil
}

func choose(names []string) ([]workload, error) {
	all := workloads()
	if len(names) == 0 {
		return all, nil
	}
	var chosen []workload
	for _, name := range names {
		found := false
		for _, w := range all {
			if w.name == name {
				chosen, found = append(chosen, w), true
			}
		}
		if !found {
			return nil, fmt.Errorf("no workload %q; there are\n%s", name, describeWorkloads())
		}
	}
	return chosen, nil
}

func describeWorkloads() string {
	var b strings.Builder
	for _, w := range workloads() {
		fmt.Fprintf(&b, "  %-19s %s\n", w.name, w.about)
	}
	return b.String()
}

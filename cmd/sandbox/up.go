package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const defaultRegions = "us-east-1,us-west-2,eu-west-1,eu-central-1,ap-northeast-1"

// What is said on the way to "ready".
const (
	starting = "starting the servers"
	seeding  = "writing the sample customers' data"
)

// child is one region's server process.
type child struct {
	region, endpoint string
	cmd              *exec.Cmd
	stdin            io.Closer // held open as long as the server shall live
	done             chan error
	port             *os.File // reserved until the process ends
}

func up(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", "", "")
	samples := flags.Bool("samples", true, "")
	scale := flags.Int("scale", 1, "")
	regions := flags.String("regions", defaultRegions, "")
	withAzure := flags.Bool("azure", false, "")
	withGoogle := flags.Bool("gcs", false, "")
	onClose := flags.Bool("exit-on-stdin-close", false, "")
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	if err := flags.Parse(args); err != nil {
		return err
	}
	names, err := checkUp(*regions, *samples, *scale)
	if err != nil {
		return err
	}
	if *dir == "" {
		if *dir, err = os.MkdirTemp("", "residency-sandbox-*"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(*dir)) }()
	}
	if *dir, err = filepath.Abs(*dir); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if *onClose {
		go func() {
			// Ends with the process at the latest.
			_, _ = io.Copy(io.Discard, stdin)
			cancel()
		}()
	}
	say := func(text string) {
		if flags.NArg() == 0 { // a command's output is its own
			fmt.Fprintln(stdout, text)
		}
	}
	say(starting)
	children, err := startAll(ctx, *dir, names, stderr)
	defer func() {
		// Being told to stop is a success, at whatever moment it comes.
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = nil
		}
		err = errors.Join(err, stopAll(children))
	}()
	if err != nil {
		return err
	}
	box := newBox(*dir, children)
	box.clouds, err = startClouds(*withAzure, *withGoogle, *samples)
	defer func() { err = errors.Join(err, box.clouds.close()) }()
	if err != nil {
		return err
	}
	if *samples {
		say(seeding)
		if err := seedOnce(ctx, box, *scale); err != nil {
			return fmt.Errorf("seed the samples: %w", err)
		}
	}
	if err := box.write(*samples); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return runCommand(ctx, box, flags.Args(), stdin, stdout, stderr)
	}
	box.explain(stdout, *samples)
	fmt.Fprintln(stdout, "ready")
	return wait(ctx, children)
}

// checkUp refuses what could only fail later, with half a sandbox standing.
func checkUp(regions string, samples bool, scale int) ([]string, error) {
	names := strings.Split(regions, ",")
	for i, name := range names {
		if name == "" || strings.ContainsAny(name, `/\ `) || slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("-regions %q: want different region names with commas between", regions)
		}
	}
	if scale < 1 {
		return nil, fmt.Errorf("-scale %d: want 1 or more", scale)
	}
	if samples {
		for _, name := range strings.Split(defaultRegions, ",") {
			if !slices.Contains(names, name) {
				return nil, fmt.Errorf("-regions %q: the samples need %s too; or give -samples=false", regions, name)
			}
		}
	}
	return names, nil
}

// startAll starts the regions at the same time; what it returns must be
// stopped even if there is an error.
func startAll(ctx context.Context, dir string, regions []string, stderr io.Writer) ([]*child, error) {
	children := make([]*child, len(regions))
	errs := make([]error, len(regions))
	var wg sync.WaitGroup
	for i, region := range regions {
		wg.Go(func() { children[i], errs[i] = start(ctx, dir, region, stderr) })
	}
	wg.Wait()
	var started []*child
	for _, c := range children {
		if c != nil {
			started = append(started, c)
		}
	}
	return started, errors.Join(errs...)
}

// start runs one server and waits until it answers. If somebody takes its port in
// between, another is tried.
func start(ctx context.Context, dir, region string, stderr io.Writer) (*child, error) {
	var err error
	for range 5 {
		var c *child
		if c, err = startOn(ctx, dir, region, stderr); err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, fmt.Errorf("start region %s: %w", region, err)
}

func startOn(ctx context.Context, dir, region string, stderr io.Writer) (*child, error) {
	addr, port, err := reservePort()
	if err != nil {
		return nil, err
	}
	c, err := startAt(ctx, dir, region, addr, stderr)
	if err != nil {
		return nil, errors.Join(err, port.Close())
	}
	c.port = port
	return c, nil
}

func startAt(ctx context.Context, dir, region, addr string, stderr io.Writer) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "serve", "-region", region, "-addr", addr, "-dir", filepath.Join(dir, "servers", region))
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	// A terminal's interrupt goes to the whole group; the servers are to stop
	// when we say so.
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{region: region, endpoint: "http://" + addr, cmd: cmd, stdin: stdin, done: make(chan error, 1)}
	go func() { c.done <- cmd.Wait() }()
	if err := c.healthy(ctx); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

func (c *child) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.endpoint+healthPath, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-c.done:
			c.done <- err
			return fmt.Errorf("server ended before it answered: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// stop lets the server end and waits for it. One that is still there long after
// its own grace is killed.
func (c *child) stop() error {
	_ = c.stdin.Close() // this is what tells it; a second close is no harm
	select {
	case <-c.done:
		return nil
	case <-time.After(10 * shutdownGrace):
	}
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-c.done
	return nil
}

func stopAll(children []*child) error {
	errs := make([]error, len(children))
	var wg sync.WaitGroup
	for i, c := range children {
		wg.Go(func() { errs[i] = c.stop() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// wait returns when the context ends, or with an error when a server does.
func wait(ctx context.Context, children []*child) error {
	ended := make(chan *child)
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, c := range children {
		go func() {
			select {
			case err := <-c.done:
				c.done <- err
				select {
				case ended <- c:
				case <-waiting.Done():
				}
			case <-waiting.Done():
			}
		}()
	}
	select {
	case <-ctx.Done():
		return nil
	case c := <-ended:
		return fmt.Errorf("the server of region %s ended by itself", c.region)
	}
}

func runCommand(ctx context.Context, b *box, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.Env = os.Environ()
	for _, kv := range b.environment() {
		cmd.Env = append(cmd.Env, kv[0]+"="+kv[1])
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitError(max(exit.ExitCode(), 1))
	}
	return err
}

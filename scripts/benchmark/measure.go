//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

func cpus() int { return runtime.NumCPU() }

// figures are what one run of one tool took.
type figures struct {
	wall time.Duration
	cpu  time.Duration // user and system, of the tool's processes
	peak int64         // bytes resident at most
	// servers is what both servers used meanwhile. Where they share the machine
	// with the client, it is wall time as well.
	servers time.Duration
}

// measure runs a command to its end. The kernel counts what it used (wait4);
// its peak is never below ours at the time of the fork, so this program holds
// little.
func measure(
	ctx context.Context, timeout time.Duration, env []string, dir string, argv []string,
) (figures, string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Env, cmd.Dir = env, dir
	var out tail
	cmd.Stdout, cmd.Stderr = &out, &out
	begun := time.Now()
	err := cmd.Run()
	f := figures{wall: time.Since(begun)}
	if cmd.ProcessState != nil {
		f.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			f.peak = usage.Maxrss << 10
		}
	}
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = fmt.Errorf("not done after %s", timeout)
		}
		return f, out.String(), fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out.String())
	}
	return f, out.String(), nil
}

// tail keeps the end of what is written to it.
type tail struct{ bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	const most = 64 << 10
	if n := t.Len() + len(p) - most; n > 0 {
		t.Next(n)
	}
	if len(p) > most {
		_, _ = t.Buffer.Write(p[len(p)-most:])
		return len(p), nil
	}
	return t.Buffer.Write(p)
}

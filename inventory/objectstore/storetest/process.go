package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

// process is a running program that says "ready" and ends when its standard
// input does.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *tail
	ended  chan struct{} // closed when it has; err is set by then
	err    error
}

// startProcess returns when the program has written the line "ready".
func startProcess(ctx context.Context, path string, args ...string) (*process, error) {
	ready := &lineWatcher{want: "ready", seen: make(chan struct{})}
	p := &process{cmd: exec.Command(path, args...), stderr: &tail{}, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = ready, p.stderr
	p.cmd.WaitDelay = 5 * time.Second // for servers of its own that hold the pipes
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p.stdin = stdin
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	select {
	case <-ready.seen:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("ended before it was ready: %w\n%s", p.err, p.stderr)
	case <-ctx.Done():
		err := fmt.Errorf("%w before it was ready", ctx.Err())
		return nil, fmt.Errorf("%w\n%s", errors.Join(err, p.stop()), p.stderr)
	}
}

// stop lets the program end, or ends it after ten seconds.
func (p *process) stop() error {
	_ = p.stdin.Close() // a second close is no harm
	timer := time.NewTimer(10 * time.Second)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		killErr := p.cmd.Process.Kill()
		<-p.ended
		return errors.Join(errors.New("killed: it did not end with its standard input"), killErr)
	}
	if p.err != nil {
		return fmt.Errorf("%w\n%s", p.err, p.stderr)
	}
	return nil
}

// lineWatcher closes seen once the line want has been written to it.
type lineWatcher struct {
	want string
	seen chan struct{}
	line []byte
	done bool
}

func (w *lineWatcher) Write(p []byte) (int, error) {
	for _, c := range p {
		if c != '\n' {
			w.line = append(w.line, c)
			continue
		}
		if !w.done && string(bytes.TrimSpace(w.line)) == w.want {
			w.done = true
			close(w.seen)
		}
		w.line = w.line[:0]
	}
	return len(p), nil
}

// tail keeps the last few kilobytes written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 16 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if n := len(t.buf) - most; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}

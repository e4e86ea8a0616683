//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// servers are the two ends and the processes behind them.
type servers struct {
	credentials
	source, destination string // addresses
	sourceFiles         string // directory in which the source keeps buckets as files; empty: it does not
	azure               sandboxAzure
	google              string   // the sandbox's, an address
	identity            []string // variables by which a token for the sandbox's Azure is found
	processes           []int
	stops               []func() error
}

// sandboxAzure is the sandbox's stand-in for Azure.
type sandboxAzure struct {
	Endpoint, Subscription string
	Key                    []byte // of its accounts
}

func startServers(ctx context.Context, kind, bin, tools, dir string) (*servers, error) {
	switch kind {
	case "versitygw":
		return startSandbox(ctx, filepath.Join(bin, "sandbox"), filepath.Join(dir, "sandbox"))
	case "minio":
		return startMinIO(ctx, filepath.Join(tools, "minio"), filepath.Join(dir, "minio"))
	}
	return nil, fmt.Errorf("-server %q: versitygw or minio", kind)
}

func (s *servers) stop() error {
	var errs []error
	for _, stop := range s.stops {
		errs = append(errs, stop())
	}
	return errors.Join(errs...)
}

// start runs a server in a process group of its own: an interrupt at the
// terminal is for us, who then stop it.
func start(cmd *exec.Cmd, end func() error) (stop func() error, err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return func() error {
		if err := end(); err != nil {
			return err
		}
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		return nil
	}, nil
}

func startSandbox(ctx context.Context, binary, dir string) (*servers, error) {
	cmd := exec.Command(binary, "up", "-samples=false", "-regions", sourceRegion+","+destinationRegion, "-dir", dir,
		"-azure", "-gcs", "-exit-on-stdin-close")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stop, err := start(cmd, stdin.Close)
	if err != nil {
		return nil, err
	}
	s := &servers{processes: []int{cmd.Process.Pid}, sourceFiles: filepath.Join(dir, "servers", sourceRegion, "buckets"),
		stops: []func() error{stop}}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if lines.Text() == "ready" {
			return s, s.read(filepath.Join(dir, "sandbox.json"))
		}
	}
	return nil, errors.Join(fmt.Errorf("%s ended before it was ready", binary), s.stop(), ctx.Err())
}

func (s *servers) read(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var info struct {
		AccessKey string `json:"access_key"`
		SecretKey string `json:"secret_key"`
		Regions   map[string]struct{ Endpoint string }

		Azure       sandboxAzure
		Google      struct{ Endpoint string }
		Environment map[string]string
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return err
	}
	s.credentials = credentials{info.AccessKey, info.SecretKey}
	s.source, s.destination = info.Regions[sourceRegion].Endpoint, info.Regions[destinationRegion].Endpoint
	s.azure, s.google = info.Azure, info.Google.Endpoint
	for name, value := range info.Environment {
		s.identity = append(s.identity, name+"="+value)
	}
	return nil
}

func startMinIO(ctx context.Context, binary, dir string) (*servers, error) {
	s := &servers{credentials: credentials{"SANDBOXACCESSKEY0001", "sandbox-secret-key-for-loopback-only-0001"}}
	for region, address := range map[string]*string{sourceRegion: &s.source, destinationRegion: &s.destination} {
		listen, console := freeAddress(), freeAddress()
		data := filepath.Join(dir, region)
		if err := os.MkdirAll(data, 0o755); err != nil {
			return nil, errors.Join(err, s.stop())
		}
		cmd := exec.Command(binary, "server", "--address", listen, "--console-address", console, "--quiet", data)
		cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+s.id, "MINIO_ROOT_PASSWORD="+s.secret, "MINIO_SITE_REGION="+region,
			"MINIO_CI_CD=1", "MINIO_UPDATE=off")
		cmd.Stdout, cmd.Stderr = io.Discard, os.Stderr
		stop, err := start(cmd, func() error { return cmd.Process.Signal(syscall.SIGTERM) })
		if err != nil {
			return nil, errors.Join(err, s.stop())
		}
		s.stops, s.processes = append(s.stops, stop), append(s.processes, cmd.Process.Pid)
		*address = "http://" + listen
		if err := healthy(ctx, *address+"/minio/health/ready"); err != nil {
			return nil, errors.Join(err, s.stop())
		}
	}
	return s, nil
}

func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0" // the server's own complaint will be clearer
	}
	defer l.Close()
	return l.Addr().String()
}

func healthy(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(r); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not ready: %w", url, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// machine names what the figures were taken on.
func machine() string {
	model := "unknown CPU"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(v)
				break
			}
		}
	}
	return fmt.Sprintf("%d CPUs (%s)", cpus(), model)
}

package storetest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// underShell runs a server in the background and ends it when standard input
// does, so that it never outlives the test.
const underShell = `"$@" </dev/null >"$LOG" 2>&1 & pid=$!; echo ready; cat >/dev/null; kill "$pid"; wait "$pid"; exit 0`

// MinIOKey is the name of the one KMS key that the MinIO servers have.
const MinIOKey = "sandbox-key"

// AnyRegion is the name of a MinIO server that answers to every region's name.
const AnyRegion = "any"

// StartMinIO starts MinIO servers, one per region, on loopback. It skips the
// test unless RESIDENCY_MINIO names the program; `make test-servers` sets it.
func StartMinIO(t testing.TB, regions ...string) *Sandbox {
	t.Helper()
	return startMinIOs(t, false, regions)
}

// StartMinIOWithTLS is StartMinIO with https, which MinIO demands for SSE-C. The
// sandbox's clients and proxies trust its certificate; a proxy is reached by
// plain http itself.
func StartMinIOWithTLS(t testing.TB, regions ...string) *Sandbox {
	t.Helper()
	return startMinIOs(t, true, regions)
}

func startMinIOs(t testing.TB, secure bool, regions []string) *Sandbox {
	t.Helper()
	binary := os.Getenv("RESIDENCY_MINIO")
	if binary == "" {
		t.Skip("RESIDENCY_MINIO names no MinIO program; make test-servers builds one")
	}
	s := &Sandbox{
		Dir: t.TempDir(), AccessKey: "SANDBOXACCESSKEY0001", SecretKey: "sandbox-secret-key-for-loopback-only-0001",
		Endpoints: map[string]string{}, transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
	}
	s.CredentialsPath = filepath.Join(s.Dir, "credentials")
	text := fmt.Sprintf("[sandbox]\naws_access_key_id = %s\naws_secret_access_key = %s\n", s.AccessKey, s.SecretKey)
	if err := os.WriteFile(s.CredentialsPath, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if secure {
		pool, err := writeCertificate(filepath.Join(s.Dir, "certs"))
		if err != nil {
			t.Fatal(err)
		}
		s.roots = pool
		s.transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, region := range regions {
		if err := s.startMinIO(t.Context(), binary, region); err != nil {
			t.Fatalf("MinIO %s: %v", region, err)
		}
	}
	return s
}

func (s *Sandbox) startMinIO(ctx context.Context, binary, region string) error {
	var address, console string
	for _, a := range []*string{&address, &console} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		*a = l.Addr().String()
		if err := l.Close(); err != nil {
			return err
		}
	}
	log := filepath.Join(s.Dir, region+".log")
	site := region
	if site == AnyRegion {
		site = ""
	}
	p, err := startProcess(ctx, "env",
		"LOG="+log, "MINIO_ROOT_USER="+s.AccessKey, "MINIO_ROOT_PASSWORD="+s.SecretKey, "MINIO_SITE_REGION="+site,
		"MINIO_CI_CD=1", "MINIO_UPDATE=off",
		"MINIO_KMS_SECRET_KEY="+MinIOKey+":MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"sh", "-c", underShell, "sh", binary, "server", "--address", address, "--console-address", console, "--quiet",
		"--certs-dir", filepath.Join(s.Dir, "certs"), filepath.Join(s.Dir, region))
	if err != nil {
		return err
	}
	s.processes = append(s.processes, p)
	s.Endpoints[region] = "http://" + address
	if s.roots != nil {
		s.Endpoints[region] = "https://" + address
	}
	if err := s.healthy(ctx, s.Endpoints[region]+"/minio/health/ready", log); err != nil {
		return err
	}
	// It says that it is ready before it is.
	return poll(ctx, func(ctx context.Context) error {
		_, err := s.Client(region).ListBuckets(ctx, &s3.ListBucketsInput{})
		return err
	})
}

// poll asks until there is no error.
func poll(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w", err)
		case <-tick.C:
		}
	}
}

// startTime is how long a server may take to start, on a machine with much else
// to do.
const startTime = 2 * time.Minute

// healthy asks until the server answers 200.
func (s *Sandbox) healthy(ctx context.Context, url, log string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := s.transport.RoundTrip(req); err == nil {
			if err := resp.Body.Close(); err != nil {
				return err
			}
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			text, err := os.ReadFile(log)
			return errors.Join(fmt.Errorf("not ready: %w\n%s", ctx.Err(), text), err)
		case <-tick.C:
		}
	}
}

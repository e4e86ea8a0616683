package amazon

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// Options says what an Amazon is like. The zero value is the partition aws with two
// regions and one account, whose root is its only user.
type Options struct {
	Partition string   // aws, aws-cn, aws-eusc, aws-us-gov; default: that of the first region
	Regions   []string // that buckets can be in, of any partitions; default: us-east-1 and eu-west-1, or all of another's
	Account   string   // default 111122223333
	Users     []User
	Samples   bool   // has the sandbox's sample customers in it; the regions must have them
	Dir       string // where everything is kept; default: a temporary directory, removed at the end

	MaxCopy    int64 // the largest source of one copy; default 5 GiB
	MaxBuckets int   // above so many, buckets are listed by pages alone; default 10,000
	Now        func() time.Time
}

// Two users are always there: the account's root, and whom tests set up and look by,
// whom no policy binds.
const (
	root  = "root"
	setup = "set-up"
)

// Server is an Amazon. Its methods may be called concurrently.
type Server struct {
	options   Options
	dir       string
	authority *authority
	box       *storetest.Sandbox
	tunnels   *tunnels
	proxy     *http.Server
	service   *http.Server
	transport *http.Transport // to the servers behind
	own       *http.Transport // of the clients handed out
	served    chan error      // what the two servers returned
	shapes    map[string]shape
	inBucket  map[string]string
	onObject  map[string][2]string

	mu      sync.Mutex // guards what follows
	users   []*User
	buckets map[place]*bucket
	fault   func(Request) Fault
	counts  map[string]int
	rules   map[string]int // how often each was applied
	ledger  map[string]*ledger
	signing map[string]*signingKey // by ARN, of aliases too
	lag     int                    // of versioning in buckets that are made from now on
	next    int                    // numbers requests
	gateway string                 // the region to which a VPC's gateway endpoint leads
}

// Start is Launch for a test: the server ends with it.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	s, err := Launch(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Launch starts a server. The context bounds the start only; the caller closes it.
func Launch(ctx context.Context, o Options) (*Server, error) {
	for i, r := range slices.Backward(o.Regions) {
		p, ok := partitionOf(r)
		if !ok {
			return nil, fmt.Errorf("amazon: no partition has a region %s", r)
		}
		if i == 0 {
			o.Partition = cmp.Or(o.Partition, p.id)
		}
	}
	o.Partition, o.Account = cmp.Or(o.Partition, "aws"), cmp.Or(o.Account, "111122223333")
	o.MaxCopy, o.MaxBuckets = cmp.Or(o.MaxCopy, 5<<30), cmp.Or(o.MaxBuckets, 10_000)
	if o.Now == nil {
		o.Now = time.Now
	}
	i := slices.IndexFunc(partitions(), func(p partition) bool { return p.id == o.Partition })
	if i < 0 {
		return nil, fmt.Errorf("amazon: no partition %s", o.Partition)
	}
	if len(o.Regions) == 0 {
		if o.Regions = partitions()[i].regions; o.Partition == "aws" {
			o.Regions = []string{"us-east-1", "eu-west-1"}
		}
	}
	if o.Dir == "" {
		return nil, errors.New("amazon: no directory")
	}
	s := &Server{
		options: o, dir: o.Dir, served: make(chan error, 2),
		transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256,
			ExpectContinueTimeout: time.Minute},
		shapes: shapes(), inBucket: bucketActions(), onObject: objectActions(),
		buckets: make(map[place]*bucket), counts: make(map[string]int), rules: make(map[string]int),
		ledger: make(map[string]*ledger), signing: make(map[string]*signingKey),
	}
	if err := s.enrol(append([]User{{Name: root, Root: true}, {Name: setup, Root: true}}, o.Users...)...); err != nil {
		return nil, err
	}
	return s, s.start(ctx)
}

func (s *Server) start(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.authority, err = newAuthority(); err != nil {
		return err
	}
	if err := os.WriteFile(s.bundle(), s.authority.pem, 0o600); err != nil {
		return err
	}
	servers := storetest.SandboxOptions{
		Regions: s.options.Regions, Dir: filepath.Join(s.dir, "servers"), Samples: s.options.Samples,
	}
	if s.box, err = storetest.Launch(ctx, servers); err != nil {
		return err
	}
	if err := s.adopt(ctx); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	quiet := log.New(io.Discard, "", 0) // broken connections are the client's business
	s.tunnels = newTunnels(listener.Addr(), func() { s.applied("host") })
	s.proxy = &http.Server{Handler: s.tunnels, ErrorLog: quiet, ReadHeaderTimeout: time.Minute}
	s.service = &http.Server{
		Handler: http.HandlerFunc(s.serve), ErrorLog: quiet, ReadHeaderTimeout: time.Minute,
		TLSConfig:    &tls.Config{GetCertificate: s.authority.leaf, MinVersion: tls.VersionTLS12},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // no HTTP/2, as S3
	}
	s.own = transport(&url.URL{Scheme: "http", Host: listener.Addr().String()}, s.authority.roots())
	go func() { s.served <- s.proxy.Serve(listener) }()
	go func() { s.served <- s.service.ServeTLS(s.tunnels, "", "") }()
	return nil
}

// Close ends all connections and the servers behind.
func (s *Server) Close() error {
	var err error
	if s.proxy != nil {
		s.own.CloseIdleConnections()
		err = errors.Join(s.proxy.Close(), s.tunnels.Close(), s.service.Close())
		for range 2 {
			if serveErr := <-s.served; !errors.Is(serveErr, http.ErrServerClosed) && !errors.Is(serveErr,
				net.ErrClosed) {
				err = errors.Join(err, serveErr)
			}
		}
		s.proxy = nil
	}
	s.transport.CloseIdleConnections()
	if s.box != nil {
		err = errors.Join(err, s.box.Close())
		s.box = nil
	}
	return err
}

func (s *Server) now() time.Time { return s.options.Now() }

func (s *Server) bundle() string { return filepath.Join(s.dir, "authority.pem") }

// profiles is a file of credentials with a profile for each user.
func (s *Server) profiles() string { return filepath.Join(s.dir, "credentials") }

// Proxy is the address of the CONNECT proxy.
func (s *Server) Proxy() string { return "http://" + s.tunnels.address.String() }

// Env returns the variables, as NAME=value, with which a program uses the server as
// a user; the first of Options, or the root, if there is no name. No region is among
// them.
func (s *Server) Env(user ...string) []string {
	u := s.named(append(user, s.first())[0])
	return []string{
		"HTTPS_PROXY=" + s.Proxy(), "https_proxy=" + s.Proxy(), "NO_PROXY=", "no_proxy=",
		"AWS_CA_BUNDLE=" + s.bundle(), "AWS_ACCESS_KEY_ID=" + u.AccessKey, "AWS_SECRET_ACCESS_KEY=" + u.SecretKey,
		"AWS_SESSION_TOKEN=", "AWS_PROFILE=", "AWS_REGION=", "AWS_DEFAULT_REGION=", "AWS_EC2_METADATA_DISABLED=true",
		"RESIDENCY_METADATA=off",
		"AWS_CONFIG_FILE=" + filepath.Join(s.dir, "none"), "AWS_SHARED_CREDENTIALS_FILE=" + s.profiles(),
	}
}

func (s *Server) first() string {
	if len(s.options.Users) > 0 {
		return s.options.Users[0].Name
	}
	return root
}

// Hosts returns the hosts, with their ports, that were asked for, sorted.
func (s *Server) Hosts() []string { return s.tunnels.hosts() }

// Counts returns how many requests of each operation have arrived.
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// Applied returns how often each rule was applied.
func (s *Server) Applied() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.rules)
}

func (s *Server) applied(rule string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules[rule]++
}

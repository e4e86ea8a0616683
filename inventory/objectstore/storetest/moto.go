package storetest

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// StartMoto starts moto, an emulator of AWS with all regions behind one address,
// for what no other server here has: access control lists, archived storage
// classes, KMS keys. It accepts wrong checksums, so it is no judge of bytes. The
// test is skipped where moto_server is not installed.
func StartMoto(t testing.TB, regions ...string) *Sandbox {
	t.Helper()
	binary, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skipf("moto is not tested against: %v (pip install 'moto[server]' has it)", err)
	}
	version, err := exec.CommandContext(t.Context(), "python3", "-c", "import moto; print(moto.__version__)").Output()
	if err != nil {
		version = []byte("unknown")
	}
	t.Logf("moto, version %s", bytes.TrimSpace(version))
	s := &Sandbox{
		Dir: t.TempDir(), AccessKey: "SANDBOXACCESSKEY0001", SecretKey: "sandbox-secret-key-for-loopback-only-0001",
		Endpoints: map[string]string{}, transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
	}
	s.CredentialsPath = filepath.Join(s.Dir, "credentials")
	text := fmt.Sprintf("[sandbox]\naws_access_key_id = %s\naws_secret_access_key = %s\n", s.AccessKey, s.SecretKey)
	if err := os.WriteFile(s.CredentialsPath, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(s.Dir, "moto.log")
	host, port, _ := strings.Cut(address, ":")
	p, err := startProcess(t.Context(), "env", "LOG="+log, "sh", "-c", underShell, "sh", binary, "-H", host, "-p", port)
	if err != nil {
		t.Fatal(err)
	}
	s.processes = append(s.processes, p)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, region := range regions {
		s.Endpoints[region] = "http://" + address
	}
	if err := s.healthy(t.Context(), "http://"+address+"/moto-api/", log); err != nil {
		t.Fatal(err)
	}
	return s
}

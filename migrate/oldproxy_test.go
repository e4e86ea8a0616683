package migrate_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
)

// oldProxy stands before an endpoint and speaks HTTP/1.0: it knows neither chunks nor
// interim answers, and keeps a connection only if it says so (connection: keep-alive).
func oldProxy(t *testing.T, endpoint, connection string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	transport := &http.Transport{DisableCompression: true}
	var open sync.Map // connections
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(c, true)
			running.Go(func() {
				defer open.Delete(c)
				defer func() { _ = c.Close() }()
				in := bufio.NewReader(c)
				for err := error(nil); err == nil; {
					err = serveOld(c, in, transport, endpoint, connection)
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		open.Range(func(c, _ any) bool { return c.(net.Conn).Close() != nil || true })
		running.Wait()
		transport.CloseIdleConnections()
	})
	return "http://" + l.Addr().String()
}

// serveOld serves one request; its error ends the connection.
func serveOld(c net.Conn, in *bufio.Reader, via http.RoundTripper, endpoint, connection string) error {
	r, err := http.ReadRequest(in)
	if err != nil {
		return err
	}
	out, err := http.NewRequest(r.Method, endpoint+r.URL.RequestURI(), r.Body)
	if err != nil {
		return err
	}
	out.Header, out.Host, out.ContentLength = r.Header, r.Host, r.ContentLength
	out.Header.Del("Expect")
	if out.ContentLength == 0 {
		out.Body = http.NoBody
	}
	resp, err := via.RoundTrip(out)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	resp.Header.Set("Connection", connection)
	_, err = fmt.Fprintf(c, "HTTP/1.0 %s\r\n", resp.Status)
	if err == nil && resp.ContentLength >= 0 {
		resp.Header.Set("Content-Length", fmt.Sprint(resp.ContentLength))
	}
	if err == nil {
		err = resp.Header.Write(c)
	}
	if err == nil {
		_, err = io.WriteString(c, "\r\n")
	}
	if err == nil {
		_, err = io.Copy(c, resp.Body)
	}
	if err == nil && (connection == "close" || resp.ContentLength < 0) {
		err = io.EOF
	}
	return err
}

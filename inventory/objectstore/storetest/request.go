package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
)

// maxBuffer is the largest body, in bytes, that is altered as a whole.
const maxBuffer = 64 << 20

var (
	errCut    = errors.New("cut by the proxy")
	errTooBig = fmt.Errorf("body above %d bytes", maxBuffer)
)

// hopHeaders are those that belong to one connection and are not forwarded.
func hopHeaders() []string {
	return []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}
}

// outgoing returns the request to send to the server.
func (x *exchange) outgoing() (*http.Request, error) {
	f := x.fault
	out := x.r.Clone(x.r.Context())
	out.URL.Scheme, out.URL.Host = x.upstream.Scheme, x.upstream.Host
	out.RequestURI, out.Close = "", false
	out.Trailer = x.r.Trailer // filled while the body is read
	for _, name := range hopHeaders() {
		out.Header.Del(name)
	}
	if x.r.ContentLength == 0 {
		// Otherwise the transport takes the length for unknown and sends chunks.
		out.Body = http.NoBody
	}
	if out.Header.Get("User-Agent") == "" {
		out.Header.Set("User-Agent", "") // else the transport puts its own
	}
	sign := x.signer != nil && (f.Resign || f.altersHeader() || f.ReplaceRequestBody != nil)
	signedChunks := strings.HasPrefix(out.Header.Get("X-Amz-Content-Sha256"), "STREAMING-AWS4")
	switch {
	case f.ReplaceRequestBody != nil, sign && (f.FlipRequestByte > 0 || signedChunks):
		if err := x.rewrite(out); err != nil {
			return nil, err
		}
	case f.FlipRequestByte > 0:
		out.Body = wrapped{&flipReader{r: out.Body, left: f.FlipRequestByte}, out.Body}
	}
	if f.TruncateRequest != 0 {
		cut := io.MultiReader(io.LimitReader(out.Body, max(f.TruncateRequest, 0)), failingReader{errCut})
		out.Body = wrapped{cut, out.Body}
	}
	for _, name := range f.DelRequestHeader {
		out.Header.Del(name)
	}
	for name, value := range f.SetRequestHeader {
		out.Header.Set(name, value)
	}
	if sign {
		return out, x.signer.sign(out)
	}
	return out, nil
}

// rewrite alters the content of a request and what its headers say of it.
func (x *exchange) rewrite(out *http.Request) error {
	content, err := readAll(payload(x.r))
	if err != nil {
		return fmt.Errorf("read request body: %w", err)
	}
	if _, err := io.Copy(io.Discard, x.r.Body); err != nil { // what follows the last chunk
		return fmt.Errorf("read request body: %w", err)
	}
	if i := x.fault.FlipRequestByte; i > 0 && i <= int64(len(content)) {
		content[i-1] ^= 0xff
	}
	if x.fault.ReplaceRequestBody != nil {
		content = x.fault.ReplaceRequestBody(content)
	}
	describe(out.Header, content, x.req.Operation != "CompleteMultipartUpload")
	out.Header.Set("Content-Length", fmt.Sprint(len(content)))
	out.ContentLength, out.TransferEncoding, out.Trailer = int64(len(content)), nil, nil
	out.Body = io.NopCloser(bytes.NewReader(content))
	return nil
}

// payload returns the content of a request without aws-chunked framing, which
// has the form of HTTP's own.
func payload(r *http.Request) io.Reader {
	if strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") ||
		strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return httputil.NewChunkedReader(r.Body)
	}
	return r.Body
}

func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxBuffer+1))
	if err == nil && len(b) > maxBuffer {
		err = errTooBig
	}
	return b, err
}

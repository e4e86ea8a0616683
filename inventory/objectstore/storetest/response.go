package storetest

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// start sends a status and the headers, with the fault's changes to them.
func (x *exchange) start(status int, header http.Header) {
	h := x.w.Header()
	for name, values := range header {
		h[name] = values
	}
	for _, name := range hopHeaders() {
		h.Del(name)
	}
	for _, name := range x.fault.DelResponseHeader {
		h.Del(name)
	}
	for name, value := range x.fault.SetResponseHeader {
		h.Set(name, value)
	}
	for _, name := range []string{"Content-Type", "Date"} {
		if _, ok := h[name]; !ok {
			h[name] = nil // else the server puts its own
		}
	}
	x.status = status
	x.w.WriteHeader(status)
}

// send copies a body to the client as it comes.
func (x *exchange) send(body io.Reader) {
	control := http.NewResponseController(x.w)
	buf := make([]byte, 32<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			written, writeErr := x.w.Write(buf[:n])
			x.sent.Add(int64(written))
			if writeErr != nil || control.Flush() != nil {
				abort()
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			abort()
		}
	}
}

// relay sends the server's answer to the client, altered as told.
func (x *exchange) relay(resp *http.Response) {
	f := x.fault
	body, length := io.Reader(resp.Body), resp.ContentLength
	if x.r.Method == http.MethodHead {
		body, length = http.NoBody, 0
	}
	if x.r.Method != http.MethodHead && (f.ReplaceResponseBody != nil || f.Stall && length < 0) {
		content, err := readAll(body)
		if err != nil {
			x.logf("%s %d: read answer: %v", x.req.Operation, x.req.N, err)
			abort()
		}
		if f.ReplaceResponseBody != nil {
			content = f.ReplaceResponseBody(content)
		}
		body, length = bytes.NewReader(content), int64(len(content))
		resp.Header.Set("Content-Length", strconv.Itoa(len(content)))
	}
	if f.FlipResponseByte > 0 {
		body = &flipReader{r: body, left: f.FlipResponseByte}
	}
	if f.Stall {
		if length > 0 { // without a body the headers would be all of the answer
			x.start(resp.StatusCode, resp.Header)
			_ = http.NewResponseController(x.w).Flush() // a client that is gone is not waited for below
			x.send(io.LimitReader(body, length/2))
		}
		<-x.r.Context().Done()
		abort()
	}
	x.start(resp.StatusCode, resp.Header)
	if f.TruncateResponse != 0 {
		_ = http.NewResponseController(x.w).Flush() // the connection is about to end anyway
		x.send(io.LimitReader(body, max(f.TruncateResponse, 0)))
		abort()
	}
	x.send(body)
	for name, values := range resp.Trailer {
		x.w.Header()[http.TrailerPrefix+name] = values
	}
}

// sendError answers with an error document as S3 writes it.
func (x *exchange) sendError(status int, code string) {
	if code == "" {
		code = usualCode(status)
	}
	doc, err := xml.Marshal(struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		RequestId string
	}{Code: code, Message: cmp.Or(x.fault.Message, "answered by the proxy"), RequestId: "0"})
	if err != nil {
		abort() // a code that XML cannot hold
	}
	doc = append([]byte(xml.Header), doc...)
	x.start(status, http.Header{"Content-Type": {"application/xml"}, "Content-Length": {strconv.Itoa(len(doc))}})
	if x.r.Method != http.MethodHead && status != http.StatusNotModified && status != http.StatusNoContent {
		x.send(bytes.NewReader(doc))
	}
}

func usualCode(status int) string {
	switch status {
	case http.StatusOK, http.StatusInternalServerError:
		return "InternalError"
	case http.StatusForbidden:
		return "AccessDenied"
	case http.StatusNotFound:
		return "NoSuchKey"
	case http.StatusPreconditionFailed:
		return "PreconditionFailed"
	case http.StatusConflict:
		return "OperationAborted"
	case http.StatusServiceUnavailable:
		return "SlowDown"
	}
	return strings.ReplaceAll(http.StatusText(status), " ", "")
}

// acknowledge answers as if it were done.
func (x *exchange) acknowledge() {
	sum := md5.New()
	if _, err := io.Copy(sum, payload(x.r)); err != nil {
		abort()
	}
	_, _ = io.Copy(io.Discard, x.r.Body) // what follows the last chunk
	header, status := http.Header{"Content-Length": {"0"}}, http.StatusOK
	switch {
	case x.req.Operation == "PutObject" || x.req.Operation == "UploadPart":
		header["Etag"] = []string{`"` + hex.EncodeToString(sum.Sum(nil)) + `"`}
	case x.r.Method == http.MethodDelete:
		header, status = http.Header{}, http.StatusNoContent
	}
	x.start(status, header)
}

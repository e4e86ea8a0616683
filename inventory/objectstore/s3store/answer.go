package s3store

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/wire"
)

const (
	// maxAnswer bounds what is read of an answer that is no object, in bytes. A
	// page of 1,000 entries with keys of 1,024 escaped bytes needs 4 MiB.
	maxAnswer = 16 << 20
	// maxError bounds what is read of a refusal.
	maxError = 1 << 20
	// readsObject ends the query of the one request that is answered by an object.
	readsObject = "x-id=GetObject"
	// readsAnnotations ends the query of one that a server which does not know it may
	// take for that.
	readsAnnotations = "x-id=ListObjectAnnotations"
	// maxShort bounds what is read of a list of one annotation, and of the answers to PUT,
	// of which as many may be under way as there are workers: none, or one result, behind
	// as many spaces as it took.
	maxShort = 64 << 10
)

// take reads an answer to its end unless it is an object, which is left to the caller,
// and makes an error of a refusal. Either may come so slowly that the connection is given
// up, and only so much is read of what is no object.
func (t *transport) take(resp *http.Response, r *http.Request, cancel context.CancelCauseFunc) error {
	if resp.Body == http.NoBody {
		cancel(nil)
		if success(resp) {
			return nil
		}
	} else {
		resp.Body = t.paced(r.Context(), t.patient(resp, r, cancel))
	}
	if success(resp) && reads(r, readsObject) {
		return nil
	}
	a := whole(resp, most(resp, r))
	if success(resp) && a.refuses() {
		// "200 error responses are similar to 5xx errors" (AWS re:Post, "resolve the 200
		// internal error"; the SDK does the same).
		resp.StatusCode = http.StatusInternalServerError
	}
	if success(resp) {
		return nil
	}
	return refused(resp, a)
}

func success(resp *http.Response) bool { return resp.StatusCode >= 200 && resp.StatusCode <= 299 }

func reads(r *http.Request, what string) bool {
	return r.Method == http.MethodGet && strings.HasSuffix(r.URL.RawQuery, what)
}

// most is how much of an answer is read.
func most(resp *http.Response, r *http.Request) int64 {
	switch {
	case !success(resp):
		return maxError
	case r.Method == http.MethodPut, reads(r, readsAnnotations):
		return maxShort
	}
	return maxAnswer
}

// document is the body of an answer in memory, as far as it came.
type document struct {
	data []byte
	err  error // that it ended with
	rest []byte
}

// whole reads an answer's body and puts what it has read in its place.
func whole(resp *http.Response, most int64) *document {
	if a, ok := resp.Body.(*document); ok {
		return a
	}
	buf := new(bytes.Buffer)
	if most == maxAnswer { // a listing that says how long it is, most of the time
		buf.Grow(int(min(max(resp.ContentLength, 0), most) + bytes.MinRead))
	}
	data, err := wire.ReadAll(buf, resp.Body, most)
	_ = resp.Body.Close()
	a := &document{data: data, err: err, rest: data}
	resp.Body = a
	return a
}

func (a *document) Read(p []byte) (int, error) {
	if len(a.rest) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		return 0, io.EOF
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

func (*document) Close() error { return nil }

// refuses tells whether a document is an error, whatever the answer's status.
func (a *document) refuses() bool {
	d := xml.NewDecoder(bytes.NewReader(a.data))
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if root, ok := token.(xml.StartElement); ok {
			return strings.EqualFold(root.Name.Local, "Error")
		}
	}
}

// cut is why an answer in memory is not whole, if it ended too soon.
func cut(resp *http.Response) error {
	if a, ok := resp.Body.(*document); ok && !errors.Is(a.err, wire.ErrEndless) {
		return a.err
	}
	return nil
}

// refused makes the SDK's error of an answer.
func refused(resp *http.Response, a *document) error {
	err := a.err
	var said struct{ Code, Message string }
	if err == nil {
		if err = xml.Unmarshal(a.data, &said); errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err == nil {
		if said.Code == "" && said.Message == "" {
			said.Message = http.StatusText(resp.StatusCode)
			said.Code = strings.ReplaceAll(said.Message, " ", "")
		}
		if said.Code == "" {
			said.Code = "UnknownError"
		}
		err = &smithy.GenericAPIError{Code: said.Code, Message: said.Message}
	} else {
		err = fmt.Errorf("read the answer's error: %w", err)
	}
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: resp},
		Err: err}}
}

// slow tells whether an answer asks for fewer requests: by its status, or by a code in a
// refusal or in the result of a write, which may be of many (Amazon S3 API Reference,
// "CopyObject", "CompleteMultipartUpload", "DeleteObjects").
func slow(resp *http.Response, r *http.Request) bool {
	switch resp.StatusCode {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return true
	}
	a, ok := resp.Body.(*document)
	if !ok || success(resp) && r.Method == http.MethodGet {
		return false
	}
	for rest := a.data; ; {
		var code []byte
		if _, rest, ok = bytes.Cut(rest, []byte("<Code>")); !ok {
			return false
		}
		code, rest, _ = bytes.Cut(rest, []byte("</Code>"))
		if errors.Is(kind(string(code)), objectstore.ErrThrottled) {
			return true
		}
	}
}

// patient is an answer's body whose waiting ends.
func (t *transport) patient(resp *http.Response, r *http.Request, cancel context.CancelCauseFunc) io.ReadCloser {
	p := wire.Patience{Window: t.patience.Window, Least: int64(float64(t.patience.Rate) * t.patience.Window.Seconds())}
	if r.Method != http.MethodGet {
		// Long operations send a space now and then until they are done.
		p = wire.Patience{Window: t.patience.Answer, Least: 1}
	}
	return wire.Patient(resp.Body, p, t.now, cancel)
}

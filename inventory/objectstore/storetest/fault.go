package storetest

import (
	"net/http"
	"net/url"
	"time"
)

// Request is one request as it arrived at a proxy. A fault function must not
// change its maps.
type Request struct {
	Operation   string // as Operation names it
	Bucket, Key string // the key unescaped
	N           int    // the n-th request of this operation since the start or the last Reset, from 1
	Query       url.Values
	Header      http.Header
}

// Fault is what a proxy does to one request. The zero value passes it through
// unaltered. Of the faults that answer without forwarding, the first that is
// set in this order counts: Reset, AckWithoutDoing, Answer, ErrorBody200, Status. The
// others combine.
//
// Offsets and lengths count bytes of the body as it stands on the wire.
//
// Note that Go's HTTP client sends a request without a body again, by itself,
// if a connection that it used before breaks without an answer; the proxy
// counts both.
type Fault struct {
	Delay time.Duration // before anything else

	Reset           bool   // reset the connection without an answer
	AckWithoutDoing bool   // answer that it is done, without forwarding
	Answer          string // answer with this document, and 200 or Status, without forwarding
	ErrorBody200    bool   // answer 200 with Code in an error document, without forwarding
	// answer this with Code in an error document, or with nothing if it is a success, without forwarding
	Status  int
	Code    string // of the two above; default: S3's usual one for the status
	Message string // of the two above

	LostResponse bool // let the server do it, then close the connection without an answer
	Stall        bool // send the headers and half of the body, then hang until the connection or the proxy is closed

	FlipRequestByte  int64 // 1-based offset of a byte to invert
	FlipResponseByte int64
	TruncateRequest  int64 // forward only so many bytes, then break both connections; negative: none at all
	TruncateResponse int64 // send only so many bytes, then close the connection; negative: none at all

	SetRequestHeader  map[string]string
	DelRequestHeader  []string
	SetResponseHeader map[string]string
	DelResponseHeader []string

	// ReplaceRequestBody makes the server store something else than what was
	// sent. It gets the content without any chunked framing, at most 64 MiB.
	ReplaceRequestBody func([]byte) []byte
	// ReplaceResponseBody may, for example, drop an entry of a listing.
	ReplaceResponseBody func([]byte) []byte

	// Resign signs the altered request anew, its checksums and lengths
	// corrected, so that the server believes it. It needs a proxy with
	// WithSigner. With one, changed headers and ReplaceRequestBody imply it.
	Resign bool
}

// altersHeader tells whether the request's headers are changed.
func (f Fault) altersHeader() bool {
	return len(f.SetRequestHeader) > 0 || len(f.DelRequestHeader) > 0
}

package google

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
)

// Request is a request as a fault function sees it.
type Request struct {
	Op          string // such as storage.objects.get
	Bucket, Key string
	N           int // the n-th request of this method, from 1
}

// Fault is what becomes of one request. The zero value lets it pass.
type Fault struct {
	Status int    // answer this, with a reason, without doing anything
	Reason string // such as rateLimitExceeded
	After  string // with it, as Retry-After; empty: nothing
	Lost   bool   // do it, and close the connection in place of an answer
}

// SetFault has f decide on every request from now on; nil lets all pass. It is called by
// many requests at once, before anything is done, and may itself change what there is.
func (s *Server) SetFault(f func(Request) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Count is how many requests of a method there were.
func (s *Server) Count(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[op]
}

// decide counts a request and asks the fault function.
func (c *call) decide() Fault {
	c.mu.Lock()
	c.counts[c.op]++
	n, f := c.counts[c.op], c.fault
	c.mu.Unlock()
	if f == nil {
		return Fault{}
	}
	key := c.key
	if c.op == "storage.objects.insert" {
		key = c.named() // its path does not have it
	}
	return f(Request{Op: c.op, Bucket: c.bucket, Key: key, N: n})
}

// errLost stands for an answer that does not arrive.
var errLost = errors.New("the answer is lost")

// refusal is an error of the service's.
type refusal struct {
	status          int
	reason, message string
	after           string // Retry-After
}

func (r *refusal) Error() string { return r.reason + ": " + r.message }

func refuse(status int, reason, message string) error {
	return &refusal{status: status, reason: reason, message: message}
}

// invalid refuses what is not as it should be (JSON API, "HTTP status and error codes for
// JSON", 400).
func invalid(message string) error { return refuse(http.StatusBadRequest, "invalid", message) }

// unknown refuses what this server does not know, and so no client of it may rely on.
func unknown(what string) error {
	return refuse(http.StatusBadRequest, "badRequest", "this server does not know "+what)
}

func refusalOf(err error) *refusal {
	var r *refusal
	if !errors.As(err, &r) {
		r = &refusal{message: err.Error()}
	}
	return r
}

// answer is the error's document: in JSON, or in XML (XML API, "HTTP status and error codes
// for XML"). It is nil for answers that are lost.
func (r *refusal) answer(inXML bool) *answer {
	if r.status == 0 {
		return nil
	}
	header := make(http.Header)
	if r.after != "" {
		header.Set("Retry-After", r.after)
	}
	if inXML {
		type document struct {
			XMLName       xml.Name `xml:"Error"`
			Code, Message string
		}
		body, err := xml.Marshal(document{Code: r.reason, Message: r.message})
		if err != nil {
			panic(err)
		}
		header.Set("Content-Type", "application/xml")
		return &answer{status: r.status, body: body, header: header}
	}
	type one struct {
		Domain  string `json:"domain"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	}
	return &answer{status: r.status, header: header, json: map[string]any{"error": map[string]any{"code": r.status,
		"message": r.message, "errors": []one{{"global", r.reason, r.message}}}}}
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // of types that are all ours
	}
	return data
}

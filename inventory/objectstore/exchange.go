package objectstore

import "net/http"

// Exchange is one request as it was sent, and what was answered, without bodies.
type Exchange struct {
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Request http.Header `json:"request_headers"`
	Status  int         `json:"status"`
	Answer  http.Header `json:"answer_headers"`
}

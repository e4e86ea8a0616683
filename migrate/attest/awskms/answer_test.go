package awskms

import (
	"net/http"
	"strings"
	"testing"
)

// Whatever a service calls an error, its name is short and has nothing to be escaped.
func FuzzRefused(f *testing.F) {
	f.Add([]byte(`{"__type":"com.amazonaws.kms#AccessDeniedException","message":"no"}`), "", 400)
	f.Add([]byte("<html>"), "ThrottlingException:http://internal.example/", 400)
	f.Add([]byte(`{"__type":"a\u0007"}`), "", 500)
	f.Fuzz(func(t *testing.T, document []byte, header string, status int) {
		c := &client{name: Name{Partition: "aws", Region: "eu-west-1", Account: "111122223333", Resource: "key/1"}}
		answer := &http.Response{StatusCode: status, Header: http.Header{"X-Amzn-Errortype": {header}}}
		text := c.refused("Sign", answer, document).Error()
		if len(text) > 400 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", text)
		}
	})
}

func FuzzPublicKey(f *testing.F) {
	f.Add([]byte{0x30, 0x59})
	f.Fuzz(func(t *testing.T, der []byte) {
		if key, err := parsePublic(der); err == nil && key == nil {
			t.Error("neither a key nor an error")
		}
	})
}

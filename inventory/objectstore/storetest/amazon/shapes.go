package amazon

import (
	_ "embed"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

//go:embed shapes.txt
var shapesText string

// shape is what a request of an operation may have besides its body.
type shape struct {
	query, headers, prefixes []string
	checksum                 bool // of the body is demanded
}

func shapes() map[string]shape {
	all := make(map[string]shape)
	for line := range strings.Lines(shapesText) {
		fields := strings.Split(line, "|")
		if strings.HasPrefix(line, "#") || len(fields) != 4 {
			continue
		}
		name, demands := strings.CutSuffix(strings.TrimSpace(fields[0]), "!")
		s := shape{query: split(fields[2]), checksum: demands}
		for _, h := range split(fields[3]) {
			if p, ok := strings.CutSuffix(h, "*"); ok {
				s.prefixes = append(s.prefixes, p)
			} else {
				s.headers = append(s.headers, http.CanonicalHeaderKey(h))
			}
		}
		all[name] = s
	}
	return all
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// everywhere are the headers that any request may have: of HTTP, of the signature,
// and those by which the SDKs tell of themselves and frame bodies.
func everywhere() []string {
	return strings.Fields(`Accept Accept-Encoding Amz-Sdk-Invocation-Id Amz-Sdk-Request Authorization Connection
		Content-Encoding Content-Length Content-Md5 Content-Type Date Expect Host Trailer Transfer-Encoding
		User-Agent X-Amz-Content-Sha256 X-Amz-Date X-Amz-Decoded-Content-Length X-Amz-Sdk-Checksum-Algorithm
		X-Amz-Security-Token X-Amz-Trailer X-Amz-User-Agent X-Amzn-Trace-Id`)
}

// checkShape refuses what the operation does not have. Amazon ignores some of it,
// which helps nobody who sends it.
func checkShape(c *call) *refusal {
	s, ok := c.server.shapes[c.operation]
	if !ok {
		return refuse(http.StatusMethodNotAllowed, "MethodNotAllowed",
			"The specified method is not allowed against this resource.").with("Method", c.operation)
	}
	for name := range c.query {
		if name != "x-id" && !slices.Contains(s.query, name) {
			return invalidArgument(name, c.query.Get(name), "%s has no parameter %s", c.operation, name)
		}
	}
	for name := range c.r.Header {
		known := slices.Contains(everywhere(), name) || slices.Contains(s.headers, name)
		for _, p := range s.prefixes {
			known = known || strings.HasPrefix(name, p)
		}
		checksum := strings.HasPrefix(name, "X-Amz-Checksum-") && slices.Contains(s.headers,
			"X-Amz-Sdk-Checksum-Algorithm")
		if !known && !checksum {
			return notImplemented(name)
		}
	}
	return nil
}
